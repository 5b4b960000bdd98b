import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import {
  createKafka,
  createProducer,
  runConsumer,
  sendBatches,
  waitForKafka,
  withAdmin,
} from '../../lib/kafka.js';
import { createLog, silentLog } from '../../lib/log.js';
import { checkCoPartitioned, ensureTopics, ownTopics, partitionCount, topicNames } from '../../lib/topics.js';
import { describeWithRealKafka } from '../support/real-kafka.js';

test('a broker that isn’t there is waited for, then named in one sentence', async () => {
  const brokers = [`127.0.0.1:${await closedPort()}`];
  const kafka = createKafka({ brokers, clientId: 'test', log: silentLog() });
  const reasons: string[] = [];
  const started = performance.now();
  await expect(
    waitForKafka(kafka, { timeoutMs: 1_500, brokers, onWait: (reason) => reasons.push(reason) }),
  ).rejects.toThrow(
    new RegExp(
      `^no Kafka broker answered at ${brokers[0]} within 1500 ms \\(.+\\): start one, or set RISKWIRE_BROKERS`,
    ),
  );
  expect(performance.now() - started).toBeLessThan(6_000);
  expect(reasons.length).toBeGreaterThan(0);
});

describeWithRealKafka('topics and consumers', (broker) => {
  test('our topics are created once, with their settings, co-partitioned', async () => {
    const names = topicNames(`own-${randomUUID()}.`);
    const specs = ownTopics(names, [{ name: 'transactions', inputPartitions: 6 }, { name: 'agriculture' }]);
    const counts = await ensureTopics(broker().kafka, specs, { partitions: 4, replication: 1 });
    expect(Object.fromEntries(counts)).toMatchObject({
      [names.risks]: 4,
      [names.incidents]: 4,
      [names.deliveries]: 4,
      [names.control]: 1,
      [names.state('transactions')]: 6,
      [names.state('agriculture')]: 4,
    });
    expect(checkCoPartitioned(counts, [names.risks, names.incidents, names.deliveries])).toBe(4);
    expect(await settings(names.state('transactions'))).toMatchObject({ 'cleanup.policy': 'compact' });
    expect(await settings(names.deadLetters)).toMatchObject({
      'cleanup.policy': 'delete',
      'max.message.bytes': String(10 << 20),
    });
    // again, and with other wishes: what is there stays
    expect(await ensureTopics(broker().kafka, specs, { partitions: 9, replication: 1 })).toEqual(counts);
  });

  test('topics that others made stay as they are, and what is wrong with them is said', async () => {
    const names = topicNames(`made-${randomUUID()}.`);
    await broker().createTopic(names.incidents, { partitions: 2 });
    const lines: string[] = [];
    const log = createLog('test', { destination: { write: (line) => lines.push(line) } });
    const counts = await ensureTopics(broker().kafka, ownTopics(names, []), {
      partitions: 4,
      replication: 1,
      log,
    });
    expect(() => checkCoPartitioned(counts, [names.risks, names.incidents])).toThrow(
      /incidents has 2 partitions and .*risks has 4, but they must be equal/,
    );
    expect(lines.join('')).toMatch(/incidents is a table but isn't compacted/);
  });

  test('a topic that isn’t there has no partitions', async () => {
    expect(await partitionCount(broker().kafka, `none-${randomUUID()}`)).toBe(0);
  });

  test('records of any number and size are sent in requests that the broker takes', async () => {
    const topic = `sizes-${randomUUID()}`;
    await broker().createTopic(topic, { partitions: 2 });
    const producer = await createProducer(broker().kafka, { idempotent: true });
    const records = Array.from({ length: 3_000 }, (_unused, i) => ({
      key: `k${i}`,
      value: Buffer.alloc(i % 10 === 0 ? 20_000 : 10),
      headers: { n: String(i) },
    }));
    await sendBatches(producer, topic, [...records, { key: 'large', value: Buffer.alloc(950_000) }]);
    await producer.disconnect();
    const offsets = await withAdmin(broker().kafka, (admin) => admin.fetchTopicOffsets(topic));
    expect(offsets.reduce((sum, { high }) => sum + Number(high), 0)).toBe(3_001);
  });

  test('a consumer that ends for good says so', async () => {
    const topic = `fatal-${randomUUID()}`;
    await broker().createTopic(topic);
    const producer = await createProducer(broker().kafka);
    await sendBatches(producer, topic, [{ key: 'k', value: Buffer.from('v') }]);
    await producer.disconnect();
    let stop: (() => Promise<void>) | undefined;
    const ended = new Promise<Error>((resolve, reject) => {
      const eachBatch = async () => {
        throw new TypeError('a fault in our own code');
      };
      runConsumer(broker().kafka, { groupId: topic, topics: [topic], onEnd: resolve, eachBatch }).then(
        (running) => {
          stop = running.stop;
        },
        reject,
      );
    });
    expect((await ended).message).toContain('a fault in our own code');
    await stop?.();
  });

  test('a group goes on where it committed', async () => {
    const topic = `commit-${randomUUID()}`;
    await broker().createTopic(topic);
    const producer = await createProducer(broker().kafka);
    await sendBatches(
      producer,
      topic,
      ['a', 'b'].map((value) => ({ value: Buffer.from(value) })),
    );
    const first = await readOne(topic, async (commit) => commit([{ topic, partition: 0, next: '1' }]));
    await sendBatches(producer, topic, [{ value: Buffer.from('c') }]);
    const second = await readOne(topic, async () => undefined);
    await producer.disconnect();
    expect(first).toEqual(['a', 'b']);
    expect(second).toEqual(['b', 'c']);
  });

  /** One batch of the group, then leaves. */
  async function readOne(
    topic: string,
    then: (commit: Awaited<ReturnType<typeof runConsumer>>['commit']) => Promise<void>,
  ): Promise<string[]> {
    let received: (values: string[]) => void;
    let failed: (error: Error) => void;
    const batch = new Promise<string[]>((resolve, reject) => {
      received = resolve;
      failed = reject;
    });
    const running = await runConsumer(broker().kafka, {
      groupId: topic,
      topics: [topic],
      onEnd: (error) => failed(error),
      eachBatch: async ({ batch: { messages, lastOffset }, resolveOffset }) => {
        received(messages.map(({ value }) => String(value)));
        resolveOffset(lastOffset());
      },
    });
    try {
      const values = await batch;
      await then(running.commit);
      return values;
    } finally {
      await running.stop();
    }
  }

  async function settings(topic: string): Promise<Record<string, string>> {
    const { resources } = await withAdmin(broker().kafka, (admin) =>
      admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: 2, name: topic, configNames: ['cleanup.policy', 'max.message.bytes'] }],
      }),
    );
    return Object.fromEntries(
      (resources[0]?.configEntries ?? []).map(({ configName, configValue }) => [configName, configValue]),
    );
  }
});

function closedPort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
