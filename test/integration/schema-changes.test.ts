import { join } from 'node:path';
import type { Kafka } from 'kafkajs';
import { ownCodec, readSchema, registryEncoder } from '../../lib/avro.js';
import { fingerprintOf } from '../../lib/avro-canonical.js';
import type { DeadLetter } from '../../lib/dead-letter.js';
import { EventDecoder } from '../../lib/event-decoder.js';
import { incidentId, streamRiskId } from '../../lib/ids.js';
import { createKafka, createProducer, sendBatches } from '../../lib/kafka.js';
import { silentLog } from '../../lib/log.js';
import { createRegistry, scorerMetrics } from '../../lib/metrics.js';
import { packageRoot } from '../../lib/paths.js';
import { RegistryClient } from '../../lib/registry.js';
import { SchemaSource } from '../../lib/schema-source.js';
import { TopicReader } from '../../lib/topic-reader.js';
import { topicNames } from '../../lib/topics.js';
import { startLocalStack } from '../../services/local/local.js';
import { startReceiver, startTestApi, until } from '../support/alert-api.js';
import { shippedPayments, startTestScorer, sumOf } from '../support/test-scorer.js';

interface Schema {
  fields: { name: string; type: unknown; default?: unknown; aliases?: string[] }[];
  [name: string]: unknown;
}
const root = packageRoot();
const written = readSchema(join(root, 'schemas/payment.avsc')) as unknown as Schema;

/** the schema with fields changed by name, left out (null) or added */
function changed(changes: Record<string, Schema['fields'][number] | null>): Schema {
  const names = written.fields.map(({ name }) => name);
  const kept = written.fields.flatMap((field) => {
    const to = changes[field.name];
    return to === undefined ? [field] : to === null ? [] : [to];
  });
  const added = Object.entries(changes).flatMap(([name, to]) => (to && !names.includes(name) ? [to] : []));
  return { ...written, fields: [...kept, ...added] };
}

/** What the pipeline reads: a version on from the first writers'. */
const reader = changed({
  merchant: { name: 'merchant', type: 'string', aliases: ['category'] },
  terminal: { name: 'terminal', type: ['null', 'string'], default: null },
  issuer: { name: 'issuer', type: 'string', default: 'unknown' },
  points: { name: 'points', type: 'long', default: 0 },
});

const WRITERS: Record<string, Schema> = {
  'before the reader had a field': written,
  'with a field more': changed({ loyalty: { name: 'loyalty', type: 'string', default: '' } }),
  'with a field removed': changed({ issuer: null }),
  'with a field renamed': changed({ merchant: { name: 'category', type: 'string' } }),
  'int where a long is read': changed({ points: { name: 'points', type: 'int' } }),
  'float where a double is read': changed({ amount: { name: 'amount', type: 'float' } }),
  'int where a double is read': changed({ amount: { name: 'amount', type: 'int' } }),
  'with a union opened': changed({ terminal: { name: 'terminal', type: ['null', 'string'], default: null } }),
};
const INCOMPATIBLE = changed({ amount: { name: 'amount', type: 'string' } });

const START = Date.now() - 3_600_000;
const payment = (n: number) => ({
  id: `p-${n}`,
  time: START + n * 1000,
  card: `card-${n % 23}`,
  terminal: `t-${n % 7}`,
  merchant: 'grocery',
  category: 'grocery',
  amount: 12 + (n % 30),
  currency: 'EUR',
  channel: 'chip',
  country: 'DE',
  timeZone: 'Europe/Berlin',
  issuer: 'bank-1',
  loyalty: 'gold',
  points: n % 50,
});

async function readAll<T>(kafka: Kafka, topic: string, codec: string): Promise<T[]> {
  const found: T[] = [];
  const { decode } = ownCodec<T>(codec);
  const open = await TopicReader.open(kafka);
  try {
    for (let partition = 0; partition < 4; partition++)
      await open.readPartition(topic, partition, {
        onRecord: ({ value }) => {
          if (value !== null) found.push(decode(value));
        },
      });
  } finally {
    await open.close();
  }
  return found;
}

test('compatible schemas go on being scored mid-stream; an incompatible one costs its own events and is one incident', async () => {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const one of closers.reverse().splice(0)) await one();
  };
  try {
    const stack = await startLocalStack({ log: silentLog() });
    closers.push(() => stack.stop());
    await fetch(`${stack.registryUrl}/config`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ compatibility: 'NONE' }),
    });
    const kafka = createKafka({ brokers: [stack.brokers], clientId: 'test', log: silentLog() });
    const registry = new RegistryClient({ url: stack.registryUrl });
    const source = new SchemaSource({ folder: join(root, 'schemas'), registry });
    const shipped = await shippedPayments();
    const pipeline = { ...shipped.pipeline, schema: reader as never };
    const names = topicNames('riskwire.');

    const env = { RISKWIRE_RELATED_MEMBERS: '0', RISKWIRE_CLICKHOUSE_URL: stack.clickhouseUrl };
    const alerts = await startTestApi(kafka, [stack.brokers], env);
    closers.push(() => alerts.stop());
    const hook = await startReceiver();
    closers.push(() => hook.stop());
    const added = await alerts.call('POST', '/v1/endpoints', { url: hook.url });
    hook.secret = added.body.secret;
    await until('the group is joined', () => alerts.api.faults().length === 0);

    const start = async () => {
      const metrics = scorerMetrics(createRegistry('scorer', { processFigures: false }));
      const scorer = await startTestScorer({
        kafka,
        names,
        source,
        pipelines: [{ pipeline, model: shipped.model }],
        metrics,
      });
      return { scorer, read: () => sumOf(metrics.events) };
    };
    let running = await start();
    closers.push(() => running.scorer.stop());

    const producer = await createProducer(kafka);
    closers.push(() => producer.disconnect());
    let sent = 0;
    const decoder = new EventDecoder({ reader, source });
    const send = async (subject: string, schema: Schema, events: number) => {
      const id = await registry.register(`${subject}-value`, schema);
      const encode = registryEncoder(id, schema);
      const records = Array.from({ length: events }, () => {
        const event = payment(sent++);
        const alike = schema === INCOMPATIBLE ? { ...event, amount: `${event.amount} EUR` } : event;
        return { event, key: event.card, value: encode(alike) };
      });
      await decoder.prepare(records.map(({ value }) => value));
      await sendBatches(producer, pipeline.topic, records);
      return records;
    };

    for (const [name, schema] of Object.entries(WRITERS)) {
      for (const { event, value } of await send(name.replaceAll(' ', '-'), schema, 25)) {
        const has = (field: string) => schema.fields.some((one) => one.name === field);
        const { loyalty: _loyalty, category: _category, ...read } = event;
        expect(decoder.decode(value)).toMatchObject({
          ...read,
          issuer: has('issuer') ? event.issuer : 'unknown',
          points: has('points') ? event.points : 0,
        });
      }
      // In between, so that both are in the same micro-batches.
      await send('incompatible', INCOMPATIBLE, 5);
    }
    // The same schema under another name is the same fault.
    await send('incompatible-elsewhere', INCOMPATIBLE, 8);
    const good = 25 * Object.keys(WRITERS).length;
    const bad = sent - good;
    await until(`${sent} events are read`, async () => (await running.read()) === sent);
    await running.scorer.stop();

    const scored = await readAll<{ offsets: number[] }>(kafka, names.scores, 'score-block');
    expect(scored.reduce((sum, { offsets }) => sum + offsets.length, 0)).toBe(good);
    const letters = await readAll<DeadLetter>(kafka, names.deadLetters, 'dead-letter');
    expect(new Set(letters.map(({ id }) => id)).size).toBe(bad);
    expect(new Set(letters.map(({ reason }) => reason))).toEqual(new Set(['unresolvableSchema']));

    // A scorer that starts anew meets it again.
    running = await start();
    await send('incompatible', INCOMPATIBLE, 8);
    await until('8 more are read', async () => (await running.read()) === 8);

    const writer = fingerprintOf(INCOMPATIBLE);
    const id = incidentId(streamRiskId('transactions', pipeline.topic, writer));
    const incident = await until('the incident', async () => {
      const { status, body } = await alerts.call('GET', `/v1/incidents/${id}`);
      return status === 200 && body;
    });
    expect(incident).toMatchObject({
      kind: 'stream',
      state: 'open',
      severity: 'high',
      change: 1,
      risks: 1,
      entity: `transactions schema ${writer}`,
      context: { topic: 'transactions', schema: writer, reason: 'unresolvableSchema' },
    });
    expect(incident.sentences.en).toContain('amount');
    const told = await readAll<{ kind: string; id: string }>(kafka, names.risks, 'risk');
    const streams = told.filter(({ kind }) => kind === 'stream');
    expect(streams.length).toBeGreaterThan(1);
    expect(new Set(streams.map((one) => one.id)).size).toBe(1);
    await until('its webhook', () => hook.received.some((one) => one.incident === id));
    const { body: all } = await alerts.call('GET', '/v1/incidents?kind=stream');
    expect(all.items).toHaveLength(1);
    // Whatever the further partitions tell comes behind this in the log of risks, so it has been taken in by then.
    await running.scorer.stop();
    closers.splice(closers.length - 2, 1);
    expect(hook.received.filter((one) => one.incident === id)).toHaveLength(1);
  } finally {
    await close();
  }
}, 120_000);
