import { createKafka } from '../../lib/kafka.js';
import { silentLog } from '../../lib/log.js';
import { RegistryClient } from '../../lib/registry.js';
import { startLocalStack } from '../../services/local/local.js';
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

describeWithRealKafka('the scorer on a real broker', (broker) => {
  test(`reads ${EVENTS} payments once each, restarted in the middle, and finds what an undisturbed one finds on the local stack`, async () => {
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
