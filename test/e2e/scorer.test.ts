import { join } from 'node:path';
import type { Kafka } from 'kafkajs';
import { createClickHouse } from '../../lib/clickhouse.js';
import { createKafka, createProducer } from '../../lib/kafka.js';
import { silentLog } from '../../lib/log.js';
import { createRegistry, sinkMetrics } from '../../lib/metrics.js';
import { packageRoot } from '../../lib/paths.js';
import { RegistryClient } from '../../lib/registry.js';
import { retry } from '../../lib/retry.js';
import { startLocalStack } from '../../services/local/local.js';
import { migrate } from '../../services/sink/migrate.js';
import { startSink } from '../../services/sink/sink.js';
import { describeWithRealKafka } from '../support/real-kafka.js';
import { runScorer, type ScorerRun } from '../support/scorer-run.js';

/** RISKWIRE_TEST_EVENTS=500000 for the figure in the README; fewer here, so that the whole suite stays short. */
const EVENTS = Number(process.env.RISKWIRE_TEST_EVENTS ?? 60_000);

const summary = ({ risks }: ScorerRun) =>
  [...risks.values()]
    .map(({ id, entity, offset, score, reasons }) => ({
      id,
      entity,
      offset,
      score,
      first: reasons[0]?.field,
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));

function expectWhole(run: ScorerRun, bad: number) {
  expect(run.read).toBe(EVENTS + bad);
  expect(run.committed).toEqual(run.ends);
  expect(run.risks.size).toBeGreaterThan(0);
}

/** Runs the sink until ClickHouse has `wanted` risks, and returns their ids and scores. */
async function sinkRisks(kafka: Kafka, url: string, wanted: number): Promise<Map<string, number>> {
  const server = { url, database: 'riskwire', user: 'default', password: '' };
  await migrate(server, { dir: join(packageRoot(), 'migrations'), log: silentLog() });
  const clickhouse = createClickHouse(server);
  const producer = await createProducer(kafka);
  const metrics = sinkMetrics(createRegistry('sink', { processFigures: false }));
  const sink = await startSink(
    { prefix: 'riskwire.', group: 'test', batchRows: 50_000, batchBytes: 8 << 20, bufferBytes: 64 << 20 },
    { kafka, producer, clickhouse, metrics, log: silentLog() },
  );
  try {
    return await retry(
      async () => {
        const answer = await clickhouse.query({
          query: 'SELECT id, score FROM riskwire.risks FINAL',
          format: 'JSONEachRow',
        });
        const rows = await answer.json<{ id: string; score: number }>();
        if (rows.length < wanted) throw new Error(`${rows.length} of ${wanted} risks are in ClickHouse`);
        return new Map(rows.map(({ id, score }) => [id, score]));
      },
      { timeoutMs: 60_000, initialDelayMs: 200 },
    );
  } finally {
    await sink.stop();
    await producer.disconnect();
    await clickhouse.close();
  }
}

describeWithRealKafka('the scorer on a real broker', (broker) => {
  test(`reads ${EVENTS} payments once each, restarted in the middle, and finds what an undisturbed one finds on the local stack, and all of it gets to ClickHouse`, async () => {
    const real = await runScorer({
      kafka: broker().kafka,
      pipeline: 'transactions',
      events: EVENTS,
      restartAt: EVENTS / 2,
    });
    expectWhole(real, 0);
    expect(real.riskRecords).toBe(real.risks.size);

    const stack = await startLocalStack({ log: silentLog() });
    try {
      const kafka = createKafka({ brokers: [stack.brokers], clientId: 'test', log: silentLog() });
      const local = await runScorer({ kafka, registry: undefined, pipeline: 'transactions', events: EVENTS });
      expectWhole(local, 0);
      expect(summary(local)).toEqual(summary(real));

      const rows = await sinkRisks(broker().kafka, stack.clickhouseUrl, real.risks.size);
      expect(rows.size).toBe(real.risks.size);
      for (const [id, { score }] of real.risks) expect(rows.get(id)).toBeCloseTo(score, 9);
    } finally {
      await stack.stop();
    }
  }, 600_000);
});

describe('the scorer on the local stack', () => {
  test('turns every kind of bad event into a dead letter with its reason, and goes on', async () => {
    const stack = await startLocalStack({ log: silentLog() });
    try {
      const kafka = createKafka({ brokers: [stack.brokers], clientId: 'test', log: silentLog() });
      const registry = new RegistryClient({ url: stack.registryUrl });
      const run = await runScorer({ kafka, registry, pipeline: 'transactions', events: 20_000, bad: 2 });
      const kinds = new Set(run.planted.map(({ kind }) => kind));
      expect(kinds.size).toBeGreaterThanOrEqual(11);
      expect(run.deadLetters.size).toBe(run.planted.length);
      expect(run.read).toBe(20_000 + run.planted.length);
      expect(run.committed).toEqual(run.ends);
      const reasons = new Set([...run.deadLetters.values()].map(({ reason }) => reason));
      for (const reason of [
        'notAvro',
        'unknownSchema',
        'unresolvableSchema',
        'nullKey',
        'truncated',
        'notFinite',
        'timeOutOfRange',
        'tooLarge',
      ]) {
        expect(reasons).toContain(reason);
      }
      for (const letter of run.deadLetters.values()) expect(letter.detail.length).toBeGreaterThan(20);
    } finally {
      await stack.stop();
    }
  }, 300_000);
});
