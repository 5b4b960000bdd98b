import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kafka, KafkaMessage } from 'kafkajs';
import { framingOf } from '../../lib/avro-framing.js';
import { Undecodable } from '../../lib/dead-letter-reasons.js';
import { EventDecoder } from '../../lib/event-decoder.js';
import { createKafka } from '../../lib/kafka.js';
import { silentLog } from '../../lib/log.js';
import { packageRoot } from '../../lib/paths.js';
import { RegistryClient } from '../../lib/registry.js';
import { SchemaSource } from '../../lib/schema-source.js';
import { readPartition } from '../../lib/topic-reader.js';
import { partitionCount } from '../../lib/topics.js';
import { loadPipelines, type Pipeline } from '../../pipelines/loader.js';
import type { TruthRecord } from '../../pipelines/source.js';
import { type LocalBroker, startBroker } from '../../services/local/broker.js';
import { BAD_KINDS, type BadKind } from '../../services/producer/bad-events.js';
import { main, type ProduceOptions } from '../../services/producer/main.js';
import { BAD_FILE, type PlantedRecord, truthFile } from '../../services/producer/truth-files.js';
import { type MemoryRegistry, startMemoryRegistry } from '../support/memory-registry.js';

type Event = Record<string, unknown>;
const root = packageRoot();
let broker: LocalBroker;
let kafka: Kafka;
let registry: MemoryRegistry;
let folder: string;
let pipelines: Pipeline[];

beforeAll(async () => {
  broker = await startBroker({ log: silentLog() });
  kafka = createKafka({ brokers: [broker.address], clientId: 'test', log: silentLog() });
  registry = await startMemoryRegistry();
  folder = await mkdtemp(join(tmpdir(), 'riskwire-producer-'));
  pipelines = await loadPipelines(join(root, 'pipelines'), join(root, 'schemas'), [
    'transactions',
    'production',
    'agriculture',
  ]);
});

afterAll(async () => {
  await broker?.stop();
  await registry?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const env = (more: NodeJS.ProcessEnv = {}) => ({
  RISKWIRE_BROKERS: broker.address,
  RISKWIRE_PIPELINES: 'transactions,production,agriculture',
  RISKWIRE_LOG_LEVEL: 'error',
  ...more,
});

const small: ProduceOptions = { customers: 500, terminals: 1_000, waitForGroup: false };

interface Read {
  partition: number;
  message: KafkaMessage;
}

async function readTopic(topic: string): Promise<Read[]> {
  const all: Read[] = [];
  for (let partition = 0; partition < (await partitionCount(kafka, topic)); partition++) {
    await readPartition(kafka, topic, partition, { onRecord: (message) => all.push({ partition, message }) });
  }
  return all;
}

function decoderOf(pipeline: Pipeline): EventDecoder<Event> {
  const client = new RegistryClient({ url: registry.url });
  return new EventDecoder({
    reader: pipeline.schema,
    source: new SchemaSource({ folder: join(root, 'schemas'), registry: client }),
  });
}

async function decodeAll(pipeline: Pipeline, read: readonly Read[]): Promise<(Event | Undecodable)[]> {
  const decoder = decoderOf(pipeline);
  await decoder.prepare(read.map(({ message }) => message.value));
  return read.map(({ message }) => decoder.decode(message.value) as Event | Undecodable);
}

async function linesOf<T>(file: string): Promise<T[]> {
  const text = await readFile(join(folder, file), 'utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

it('produces the three streams in both framings, with the truth in files of its own', async () => {
  const result = await main(env({ RISKWIRE_REGISTRY_URL: registry.url }), {
    ...small,
    events: { transactions: 9_000, production: 6_000, agriculture: 3_000 },
    bad: 1,
    truth: folder,
  });
  const kinds = Object.keys(BAD_KINDS) as BadKind[];
  // The topics that it makes take 2 MB too: what is too large for the scorer is to become a dead letter there.
  expect(result).toMatchObject({ events: 18_000, badEvents: kinds.length, refused: 0 });
  expect(result.perPipeline['transactions']!.refusedByKind).toEqual({});
  expect([...registry.subjects.keys()]).toEqual(
    expect.arrayContaining(['transactions-value', 'production-value', 'agriculture-value']),
  );

  const planted = await linesOf<PlantedRecord>(BAD_FILE);
  expect(planted.map((record) => record.kind)).toEqual(kinds);
  expect(planted.filter((record) => record.refused)).toEqual([]);
  const badAt = new Map(
    planted.map((record) => [`${record.topic}/${record.partition}/${record.offset}`, record.kind]),
  );

  for (const pipeline of pipelines) {
    const { topic, name } = pipeline;
    const read = await readTopic(topic);
    const counts = result.perPipeline[name]!;
    expect(read).toHaveLength(counts.events + counts.badEvents);
    const decoded = await decodeAll(pipeline, read);
    const good: Event[] = [];
    const framings = new Set<string>();
    read.forEach(({ partition, message }, i) => {
      const kind = badAt.get(`${topic}/${partition}/${message.offset}`);
      const event = decoded[i]!;
      if (kind) {
        if (event instanceof Undecodable) expect(event.reason).toBe(BAD_KINDS[kind]);
        else expect(['nullKey', 'notANumber', 'infinity', 'yearOne', 'year9999']).toContain(kind);
        return;
      }
      if (event instanceof Undecodable)
        throw new Error(`${topic}/${partition}/${message.offset}: ${event.detail}`);
      framings.add(framingOf(message.value!)!.kind);
      if (message.key!.toString() !== event[pipeline.entity])
        throw new Error(`the key is ${message.key}, the entity ${event[pipeline.entity]}`);
      good.push(event);
    });
    expect([...framings].sort()).toEqual(['registry', 'singleObject']);
    expect(new Set(good.map((event) => event[pipeline.eventId!])).size).toBe(counts.events);

    // The truth speaks of events that are in the topic.
    const truth = await linesOf<TruthRecord>(truthFile(name));
    const byId = new Map(good.map((event) => [event[pipeline.eventId!], event]));
    let bad = 0;
    for (const record of truth) {
      if (record.type === 'event') {
        expect(byId.get(record.eventId)).toMatchObject({
          [pipeline.entity]: record.entity,
          [pipeline.time]: record.time,
        });
        bad++;
      } else if (record.from >= counts.from!) {
        expect(
          good.some(
            (event) => event[pipeline.entity] === record.entity && event[pipeline.time] === record.from,
          ),
        ).toBe(true);
      }
    }
    const inside = good.filter((event) =>
      truth.some(
        (record) =>
          record.type === 'episode' &&
          record.entity === event[pipeline.entity] &&
          (event[pipeline.time] as number) >= record.from &&
          (event[pipeline.time] as number) <= record.to,
      ),
    );
    expect(counts.truthEvents).toBe(bad + inside.length);
    expect(counts.truthEvents).toBeGreaterThan(0);
    const times = good.map((event) => event[pipeline.time] as number);
    expect([counts.from, counts.until]).toEqual([Math.min(...times), Math.max(...times)]);
  }
});

it('takes a stream up where it was left: together the same events in the same order', async () => {
  const pipeline = pipelines.find(({ name }) => name === 'transactions')!;
  const run = async (topicsBefore: Map<number, number>, options: ProduceOptions) => {
    const result = await main(env({ RISKWIRE_PIPELINES: 'transactions' }), { ...small, seed: 9, ...options });
    const read = await readTopic(pipeline.topic);
    const fresh = read.filter(
      ({ partition, message }) => Number(message.offset) >= (topicsBefore.get(partition) ?? 0),
    );
    const events = (await decodeAll(pipeline, fresh)) as Event[];
    return {
      position: result.perPipeline['transactions']!.position,
      events: fresh.map(({ partition }, i) => [partition, events[i]!]),
    };
  };
  const ends = async () => {
    const map = new Map<number, number>();
    for (const { partition, message } of await readTopic(pipeline.topic))
      map.set(partition, Number(message.offset) + 1);
    return map;
  };
  const whole = await run(await ends(), { events: 5_000 });
  const before = await ends();
  const first = await run(before, { events: 2_500 });
  const both = await run(before, { events: 2_500, position: first.position });
  expect(both.position).toBe(5_000);
  expect(whole.events).toHaveLength(5_000);
  expect(both.events).toEqual(whole.events);
});

it('stops when asked to, and says how far it came', async () => {
  const stopping = new AbortController();
  const seen: number[] = [];
  const result = await main(env({ RISKWIRE_PIPELINES: 'agriculture' }), {
    ...small,
    rate: 200,
    signal: stopping.signal,
    onStarted: () => setTimeout(() => stopping.abort(), 1_500),
    onProgress: ({ events }) => seen.push(events),
  });
  expect(result.events).toBeGreaterThanOrEqual(200);
  expect(result.events).toBeLessThanOrEqual(400);
  expect(result.perPipeline['agriculture']!.position).toBe(result.events);
  expect(seen.length).toBeGreaterThan(0);
});

it('changes its pace while it runs', async () => {
  const result = await main(env({ RISKWIRE_PIPELINES: 'agriculture' }), {
    ...small,
    rate: 10,
    events: 20_000,
    onStarted: (running) => setTimeout(() => running.setRate('lag'), 500),
  });
  expect(result.events).toBe(20_000);
  expect(result.seconds).toBeLessThan(30);
});

it('names a pipeline that it has no stream for', async () => {
  await expect(main(env({ RISKWIRE_PIPELINES: `none-${randomUUID()}` }), small)).rejects.toThrow(
    /no pipeline 'none-/,
  );
});
