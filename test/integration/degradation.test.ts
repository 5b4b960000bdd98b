import { join } from 'node:path';
import type { Detector } from '../../detection/contract.js';
import { readSchema, singleObjectEncoder } from '../../lib/avro.js';
import { startHealthServer } from '../../lib/http-health.js';
import { createKafka, createProducer, sendBatches } from '../../lib/kafka.js';
import { silentLog } from '../../lib/log.js';
import { createRegistry, scorerMetrics } from '../../lib/metrics.js';
import { packageRoot } from '../../lib/paths.js';
import { SchemaSource } from '../../lib/schema-source.js';
import { topicNames } from '../../lib/topics.js';
import { startLocalStack } from '../../services/local/local.js';
import { until } from '../support/alert-api.js';
import { readRisks, shippedPayments, startTestScorer, sumOf } from '../support/test-scorer.js';

const root = packageRoot();
type Mood = 'well' | 'throws' | 'NaN';

/** The detector, but what its backend does is up to `mood`. */
function moody(detector: Detector, mood: () => Mood): Detector {
  return new Proxy(detector, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      const call = value.bind(target) as (...given: unknown[]) => unknown;
      if (name !== 'score') return call;
      return (...given: Parameters<Detector['score']>) => {
        if (mood() === 'throws') throw new Error('the backend is gone');
        call(...given);
        if (mood() === 'NaN') given[2].fill(Number.NaN);
      };
    },
  });
}

test.each(['throws', 'NaN'] as const)(
  'a model that %s: the rest scores and says so, and it recovers by itself',
  async (fault) => {
    const closers: (() => Promise<unknown>)[] = [];
    try {
      const stack = await startLocalStack({ log: silentLog() });
      closers.push(() => stack.stop());
      const kafka = createKafka({ brokers: [stack.brokers], clientId: 'test', log: silentLog() });
      const { pipeline, model } = await shippedPayments();
      let mood: Mood = 'well';
      const learned = model.detectors.filter(({ name }) => name === 'autoencoder' || name === 'sequence');
      expect(learned).toHaveLength(2);
      const failing = {
        ...model,
        detectors: model.detectors.map((one) => (learned.includes(one) ? moody(one, () => mood) : one)),
      };
      const registry = createRegistry('scorer', { processFigures: false });
      const metrics = scorerMetrics(registry);
      const names = topicNames('riskwire.');
      const scorer = await startTestScorer({
        kafka,
        names,
        source: new SchemaSource({ folder: join(root, 'schemas') }),
        pipelines: [{ pipeline, model: failing }],
        metrics,
      });
      closers.push(() => scorer.stop());
      const health = await startHealthServer({
        host: '127.0.0.1',
        port: 0,
        registry,
        ready: () => scorer.notReady(),
      });
      closers.push(() => health.stop());
      const ready = async () => {
        const answer = await fetch(`${health.url}/health/ready`);
        return { ...((await answer.json()) as { reasons: string[] }), status: answer.status };
      };
      const producer = await createProducer(kafka);
      closers.push(() => producer.disconnect());
      const encode = singleObjectEncoder(readSchema(join(root, 'schemas/payment.avsc')));
      let sent = 0;
      /** every 40th is an amount that nobody pays */
      const send = async (events: number) => {
        const records = Array.from({ length: events }, () => {
          const n = sent++;
          return {
            key: `card-${n % 37}`,
            value: encode({
              ...{ id: `p-${n}`, time: Date.now() - 3_600_000 + n * 100, card: `card-${n % 37}` },
              ...{
                terminal: `t-${n % 11}`,
                merchant: 'grocery',
                amount: n % 40 === 39 ? 5e6 + n : 10 + (n % 25),
              },
              ...{
                currency: 'EUR',
                channel: 'chip',
                country: 'DE',
                timeZone: 'Europe/Berlin',
                issuer: 'bank-1',
              },
            }),
          };
        });
        await sendBatches(producer, pipeline.topic, records);
        await until(`${sent} events are read`, async () => {
          return (await sumOf(metrics.events)) === sent;
        });
      };
      const risks = () => readRisks(kafka, names.risks);
      await send(1_500);
      expect(await ready()).toMatchObject({ status: 200, reasons: [] });

      mood = fault;
      const before = sent;
      await send(400);
      const said = await ready();
      expect(said.status).toBe(503);
      expect(said.reasons.join('\n')).toMatch(
        /detectors that failed.*autoencoder, sequence.*the others score/,
      );
      const degraded = await until('a risk of the degraded time', async () => {
        const found = (await risks()).filter(({ eventId }) => Number(eventId.slice(2)) >= before);
        return found.length > 0 && found;
      });
      for (const risk of degraded) {
        expect(risk.degraded).toBe(true);
        expect(Number.isFinite(risk.score)).toBe(true);
        expect(Object.keys(risk.detectors)).not.toContain('autoencoder');
      }

      mood = 'well';
      const after = sent;
      await send(400);
      expect(await ready()).toMatchObject({ status: 200, reasons: [] });
      const recovered = await until('a risk after it', async () => {
        const found = (await risks()).filter(({ eventId }) => Number(eventId.slice(2)) >= after);
        return found.length > 0 && found;
      });
      for (const risk of recovered) expect(risk.degraded).toBe(false);
    } finally {
      for (const close of closers.reverse()) await close();
    }
  },
  120_000,
);
