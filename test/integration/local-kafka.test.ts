import { randomUUID } from 'node:crypto';
import { type Consumer, type EachBatchPayload, Kafka, logLevel } from 'kafkajs';
import { silentLog } from '../../lib/log.js';
import { type LocalBroker, startBroker } from '../../services/local/broker.js';

/** The local broker, a process of its own, seen through kafkajs. */
let broker: LocalBroker;
let kafka: Kafka;

beforeAll(async () => {
  process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1';
  broker = await startBroker({ log: silentLog() });
  kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING, retry: { retries: 3 } });
});
afterAll(() => broker?.stop());

const name = (what: string) => `${what}-${randomUUID()}`;

async function withClient<C extends { connect(): Promise<void>; disconnect(): Promise<void> }, T>(
  client: C,
  work: (client: C) => Promise<T>,
): Promise<T> {
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.disconnect();
  }
}

interface Group {
  consumer: Consumer;
  /** joins so far, each with the partitions of the topic that it got */
  joins: number[][];
  stop(): Promise<void>;
}

async function startMember(
  groupId: string,
  topic: string,
  onBatch: (payload: EachBatchPayload, consumer: Consumer) => Promise<void>,
): Promise<Group> {
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: 10_000,
    heartbeatInterval: 100,
    maxWaitTimeInMs: 100,
  });
  const joins: number[][] = [];
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    joins.push(payload.memberAssignment[topic] ?? []);
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatch: (payload) => onBatch(payload, consumer) });
  return { consumer, joins, stop: () => consumer.disconnect() };
}

async function until(what: string, test: () => boolean, timeoutMs = 15_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!test()) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('topics have the partitions and the settings they were created with, and grow', async () => {
  const topic = name('made');
  await withClient(kafka.admin(), async (admin) => {
    const configEntries = [{ name: 'cleanup.policy', value: 'compact' }];
    expect(await admin.createTopics({ topics: [{ topic, numPartitions: 3, configEntries }] })).toBe(true);
    expect(await admin.createTopics({ topics: [{ topic }] })).toBe(false);
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: topic }],
    });
    expect(resources[0]?.configEntries).toContainEqual(
      expect.objectContaining({ configName: 'cleanup.policy', configValue: 'compact', isDefault: false }),
    );
    await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    expect(topics[0]?.partitions).toHaveLength(5);
    await admin.deleteTopics({ topics: [topic] });
    expect(await admin.listTopics()).not.toContain(topic);
    await expect(admin.fetchTopicMetadata({ topics: [topic] })).rejects.toMatchObject({
      type: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
  });
});

test.each([
  ['plain', {}, 0],
  ['gzip', {}, 1],
  ['idempotent', { idempotent: true, maxInFlightRequests: 1 }, 0],
] as const)('records keep their keys, values, headers and order: %s', async (_name, options, compression) => {
  const topic = name('records');
  const sent = Array.from({ length: 500 }, (_, place) => ({
    key: `key ${place % 7}`,
    value: `value ${place}`,
    headers: { place: String(place) },
  }));
  await withClient(kafka.producer(options), async (producer) => {
    await producer.send({ topic, compression, messages: sent.slice(0, 250) });
    await producer.send({ topic, compression, acks: -1, messages: sent.slice(250) });
    await producer.send({ topic, messages: [{ key: 'key 0', value: null }] });
  });
  const read: { key: string; value: string | undefined; place: string | undefined }[] = [];
  const member = await startMember(name('group'), topic, async ({ batch }) => {
    for (const { key, value, headers } of batch.messages)
      read.push({ key: String(key), value: value?.toString(), place: headers?.['place']?.toString() });
  });
  await until('all records are read', () => read.length === 501);
  await member.stop();
  const ofKey = (key: string) => read.filter((one) => one.key === key);
  for (let key = 0; key < 7; key += 1) {
    const expected = sent.flatMap((one, place) =>
      one.key === `key ${key}` ? [{ key: one.key, value: one.value, place: String(place) }] : [],
    );
    expect(ofKey(`key ${key}`)).toEqual([
      ...expected,
      ...(key === 0 ? [{ key: 'key 0', value: undefined, place: undefined }] : []),
    ]);
  }
});

test('an event reaches a waiting consumer at once, however long it would wait', async () => {
  const topic = name('waiting');
  let seen = 0;
  const consumer = kafka.consumer({
    groupId: name('group'),
    maxWaitTimeInMs: 4_000,
    sessionTimeout: 60_000,
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let fetching = false;
  consumer.on(consumer.events.FETCH_START, () => {
    fetching = true;
  });
  await consumer.run({
    eachMessage: async () => {
      seen = Date.now();
    },
  });
  await until('a fetch waits', () => fetching);
  const sent = await withClient(kafka.producer(), async (producer) => {
    await producer.send({ topic, messages: [{ value: 'now' }] });
    return Date.now();
  });
  await until('the event is seen', () => seen > 0, 5_000);
  expect(seen - sent).toBeLessThan(1_500);
  await consumer.disconnect();
}, 60_000);

test('a group shares partitions, hands them over, and goes on where it committed', async () => {
  const topic = name('shared');
  const groupId = name('group');
  const places = Array.from({ length: 400 }, (_, place) => place);
  const send = (part: number[]) =>
    withClient(kafka.producer(), (producer) =>
      producer.send({ topic, messages: part.map((place) => ({ key: String(place), value: String(place) })) }),
    );
  const read: number[] = [];
  const take = async ({ batch }: EachBatchPayload, consumer: Consumer) => {
    read.push(...batch.messages.map(({ value }) => Number(value)));
    await consumer.commitOffsets([
      { topic, partition: batch.partition, offset: String(Number(batch.lastOffset()) + 1) },
    ]);
  };
  await send(places.slice(0, 200));
  const first = await startMember(groupId, topic, take);
  await until('the first half is read', () => read.length === 200);

  const second = await startMember(groupId, topic, take);
  await until(
    'both have partitions',
    () => first.joins.at(-1)?.length === 2 && second.joins.at(-1)?.length === 2,
  );
  expect([...first.joins.at(-1)!, ...second.joins.at(-1)!].sort()).toEqual([0, 1, 2, 3]);
  await withClient(kafka.admin(), async (admin) => {
    const { groups } = await admin.describeGroups([groupId]);
    expect(groups[0]).toMatchObject({ state: 'Stable', members: { length: 2 } });
    await expect(admin.deleteGroups([groupId])).rejects.toMatchObject({ name: 'KafkaJSDeleteGroupsError' });
  });

  await first.stop();
  await until('the second has all', () => second.joins.at(-1)?.length === 4);
  await send(places.slice(200));
  await until('all is read', () => read.length >= 400);
  await second.stop();
  expect(read.sort((a, b) => a - b)).toEqual(places);
  await withClient(kafka.admin(), async (admin) => {
    const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const committed = offsets!.partitions.reduce((sum, { offset }) => sum + Number(offset), 0);
    expect(committed).toBe(400);
    await admin.deleteGroups([groupId]);
    expect((await admin.listGroups()).groups.map((group) => group.groupId)).not.toContain(groupId);
  });
}, 60_000);

test('a reader that was too slow goes on at the oldest record that is left', async () => {
  const topic = name('small');
  const value = Buffer.alloc(20_000);
  await withClient(kafka.admin(), async (admin) => {
    const configEntries = [{ name: 'retention.bytes', value: '100000' }];
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] });
    await withClient(kafka.producer(), async (producer) => {
      for (let count = 0; count < 10; count += 1) await producer.send({ topic, messages: [{ value }] });
    });
    expect(await admin.fetchTopicOffsets(topic)).toEqual([
      { partition: 0, offset: '10', high: '10', low: '6' },
    ]);
    await admin.setOffsets({ groupId: `${topic}-group`, topic, partitions: [{ partition: 0, offset: '2' }] });
  });
  const offsets: string[] = [];
  const member = await startMember(`${topic}-group`, topic, async ({ batch }) => {
    offsets.push(...batch.messages.map(({ offset }) => offset));
  });
  await until('the rest is read', () => offsets.length === 4);
  await member.stop();
  expect(offsets).toEqual(['6', '7', '8', '9']);
}, 60_000);

test('offsets are found by time, and records before an offset deleted', async () => {
  const topic = name('timed');
  await withClient(kafka.producer(), async (producer) => {
    for (const time of [1_000, 2_000, 3_000])
      await producer.send({ topic, messages: [{ partition: 0, value: 'x', timestamp: String(time) }] });
  });
  await withClient(kafka.admin(), async (admin) => {
    const at = await admin.fetchTopicOffsetsByTimestamp(topic, 1_500);
    expect(at[0]).toEqual({ partition: 0, offset: '1' });
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] });
    expect((await admin.fetchTopicOffsets(topic))[0]).toMatchObject({ low: '2', high: '3' });
  });
});

test('what it can’t do it refuses: transactions, batches over the topic’s limit, topic names with blanks', async () => {
  const topic = name('limited');
  await withClient(kafka.admin(), async (admin) => {
    await admin.createTopics({
      topics: [{ topic, configEntries: [{ name: 'max.message.bytes', value: '1000' }] }],
    });
    await expect(admin.createTopics({ topics: [{ topic: 'no such name' }] })).rejects.toThrow();
  });
  await withClient(kafka.producer({ retry: { retries: 0 } }), async (producer) => {
    await expect(producer.send({ topic, messages: [{ value: Buffer.alloc(2_000) }] })).rejects.toMatchObject({
      type: 'MESSAGE_TOO_LARGE',
    });
  });
  const transactional = kafka.producer({
    transactionalId: name('tx'),
    idempotent: true,
    maxInFlightRequests: 1,
  });
  await expect(
    withClient(transactional, async (producer) => void (await producer.transaction())),
  ).rejects.toThrow();
});
