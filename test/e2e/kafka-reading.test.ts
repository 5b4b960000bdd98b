import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Producer } from 'kafkajs';
import { createProducer, sendBatches, withAdmin } from '../../lib/kafka.js';
import { retry } from '../../lib/retry.js';
import { readPartition, TopicReader } from '../../lib/topic-reader.js';
import { describeWithRealKafka } from '../support/real-kafka.js';

/** Compacts as soon as a segment is closed, and closes one with the first record after 200 ms. */
const COMPACT_SOON = {
  'cleanup.policy': 'compact',
  'segment.ms': '200',
  'max.compaction.lag.ms': '300',
  'min.cleanable.dirty.ratio': '0',
  'delete.retention.ms': '0',
};

describeWithRealKafka('reading whole partitions', (broker) => {
  let producer: Producer;
  let reader: TopicReader;
  beforeAll(async () => {
    producer = await createProducer(broker().kafka);
    reader = await TopicReader.open(broker().kafka);
  });
  afterAll(async () => {
    await reader?.close();
    await producer?.disconnect();
  });

  const newTopic = async (config: Record<string, string> = {}, partitions = 1) => {
    const topic = `read-${randomUUID()}`;
    await broker().createTopic(topic, { partitions, config });
    return topic;
  };
  const read = async (topic: string, partition = 0) => {
    const entries: string[] = [];
    const result = await reader.readPartition(topic, partition, {
      timeoutMs: 10_000,
      onRecord: ({ key, value }) => entries.push(`${key}=${value}`),
    });
    return { entries, ...result };
  };

  test('an empty partition is read at once', async () => {
    const topic = await newTopic();
    const started = performance.now();
    expect(await read(topic)).toEqual({ entries: [], records: 0, end: 0n });
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test('gives every record of the partition in order, over many fetches, and tells how far it is', async () => {
    const topic = await newTopic({}, 2);
    const records = Array.from({ length: 5_000 }, (_unused, i) => ({
      key: `k${i}`,
      value: Buffer.alloc(1_000, i),
      partition: 1,
    }));
    await sendBatches(producer, topic, records);
    const seen: string[] = [];
    const progress: number[] = [];
    const result = await readPartition(broker().kafka, topic, 1, {
      maxBytes: 1 << 20,
      onRecord: ({ key, value }) => seen.push(`${key}:${value?.length}`),
      onProgress: (done, total) => progress.push(done / total),
    });
    expect(result).toEqual({ records: 5_000, end: 5_000n });
    expect(seen).toEqual(records.map(({ key }) => `${key}:1000`));
    expect(progress.length).toBeGreaterThan(3);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress.at(-1)).toBe(1);
    expect((await read(topic, 0)).records).toBe(0);
  });

  test('stops at the end that there was when it began', async () => {
    const topic = await newTopic();
    await sendBatches(producer, topic, [{ key: 'a', value: Buffer.from('1') }]);
    const late: Promise<void>[] = [];
    const entries: string[] = [];
    const result = await reader.readPartition(topic, 0, {
      onRecord: ({ key }) => {
        entries.push(String(key));
        late.push(sendBatches(producer, topic, [{ key: 'late', value: Buffer.from('2') }]));
      },
    });
    await Promise.all(late);
    expect(entries).toEqual(['a']);
    expect(result.end).toBe(1n);
  });

  test('passes over transaction markers and aborted records, at the end too', async () => {
    const topic = await newTopic();
    const writer = broker().kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      transactionalId: `tx-${randomUUID()}`,
    });
    await writer.connect();
    for (const [value, commit] of [
      ['kept', true],
      ['dropped', false],
      ['kept too', true],
      ['dropped too', false],
    ] as const) {
      const transaction = await writer.transaction();
      await transaction.send({ topic, messages: [{ key: 'k', value }] });
      await (commit ? transaction.commit() : transaction.abort());
    }
    await writer.disconnect();
    expect(await read(topic)).toEqual({ entries: ['k=kept', 'k=kept too'], records: 2, end: 8n });
  });

  test('passes over what compaction removed', async () => {
    const topic = await newTopic(COMPACT_SOON);
    const put = (key: string, value: string) =>
      sendBatches(producer, topic, [{ key, value: Buffer.from(value) }]);
    for (let round = 0; round < 20; round += 1)
      for (const key of ['a', 'b', 'c']) await put(key, String(round));
    // Only closed segments are compacted; a record closes the one before it once that is 200 ms old.
    await sleep(300);
    await put('last', 'x');
    const compacted = await retry(
      async () => {
        const found = await read(topic);
        if (found.records > 4) throw new Error(`${found.records} records are left`);
        return found;
      },
      { timeoutMs: 20_000, initialDelayMs: 200, maxDelayMs: 500 },
    );
    expect(compacted).toEqual({ entries: ['a=19', 'b=19', 'c=19', 'last=x'], records: 4, end: 61n });
  });

  test('begins where deleted records end', async () => {
    const topic = await newTopic();
    await sendBatches(
      producer,
      topic,
      ['1', '2', '3'].map((value) => ({ key: 'k', value: Buffer.from(value) })),
    );
    await deleteBefore(topic, '2');
    expect(await read(topic)).toEqual({ entries: ['k=3'], records: 1, end: 3n });
    const from = await reader.readPartition(topic, 0, {
      from: 0n,
      timeoutMs: 10_000,
      onRecord: () => undefined,
    });
    expect(from.records).toBe(1);
    await deleteBefore(topic, '3');
    expect(await read(topic)).toEqual({ entries: [], records: 0, end: 3n });
  });

  test('a partition that isn’t there is an error at once', async () => {
    const topic = await newTopic();
    await expect(read(topic, 7)).rejects.toThrow(`topic ${topic} has no partition 7`);
  });

  test('rides out a broker that dies and comes back', async () => {
    const topic = await newTopic();
    await sendBatches(
      producer,
      topic,
      Array.from({ length: 100 }, (_unused, i) => ({ key: `k${i}`, value: Buffer.from('v') })),
    );
    await broker().kill();
    const reading = reader.readPartition(topic, 0, { timeoutMs: 60_000, onRecord: () => undefined });
    await broker().restart();
    expect(await reading).toEqual({ records: 100, end: 100n });
  });

  function deleteBefore(topic: string, offset: string): Promise<void> {
    return withAdmin(broker().kafka, async (admin) => {
      // kafkajs loads the topic's metadata with another call only
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] });
    });
  }
});
