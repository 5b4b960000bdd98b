import { randomUUID } from 'node:crypto';
import type { Producer } from 'kafkajs';
import { createProducer, sendBatches } from '../../lib/kafka.js';
import { retry } from '../../lib/retry.js';
import { type Codec, Table, TableError, type TableOptions } from '../../lib/table.js';
import { TopicReader } from '../../lib/topic-reader.js';
import { describeWithRealKafka } from '../support/real-kafka.js';

interface Count {
  count: number;
  generation: number;
}
const codec: Codec<Count> = {
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(bytes.toString()) as Count,
};
const one = { count: 1, generation: 1 };
const two = { count: 2, generation: 1 };

describeWithRealKafka('tables', (broker) => {
  let producer: Producer;
  let reader: TopicReader;
  let requests = 0;
  beforeAll(async () => {
    producer = await createProducer(broker().kafka);
    producer.on('producer.network.request', ({ payload }) => {
      if (payload.apiName === 'Produce') requests += 1;
    });
    reader = await TopicReader.open(broker().kafka);
  });
  afterAll(async () => {
    await reader?.close();
    await producer?.disconnect();
  });

  const newTopic = async (partitions = 3) => {
    const topic = `table-${randomUUID()}`;
    await broker().createTopic(topic, { partitions, config: { 'cleanup.policy': 'compact' } });
    return topic;
  };
  const tableOf = (topic: string, options: Partial<TableOptions<Count>> = {}) =>
    new Table<Count>({ topic, partitions: 3, producer, codec, ...options });
  const eventually = (check: () => void) =>
    retry(async () => check(), { timeoutMs: 10_000, initialDelayMs: 20, maxDelayMs: 100 });

  test('what was put is there after a restore, what was deleted is not', async () => {
    const topic = await newTopic();
    const first = tableOf(topic);
    await first.restore(reader, [0, 1, 2]);
    await first.put('a', one);
    await first.put('a', two);
    await first.put('b', one);
    await first.delete('b');
    await first.put('c', one, 2);
    expect(first.get('a')).toEqual(two);
    expect(first.get('b')).toBeUndefined();

    const second = tableOf(topic);
    await second.restore(reader, [0, 1, 2]);
    expect(new Map(second.entries())).toEqual(
      new Map([
        ['a', two],
        ['c', one],
      ]),
    );
    expect(second.get('c', 2)).toEqual(one);
    expect(second.size()).toBe(2);
  });

  test('only partitions that are held are read and written', async () => {
    const topic = await newTopic();
    const table = tableOf(topic);
    await table.restore(reader, [0]);
    await table.put('a', one, 0);
    await expect(table.put('b', one, 1)).rejects.toThrow(TableError);
    table.forget(0);
    expect(table.get('a')).toBeUndefined();
    await expect(table.put('a', two, 0)).rejects.toThrow(/restore the partition first/);
    await table.restore(reader, [0]);
    expect(table.get('a')).toEqual(one);
  });

  test('a write is seen once it is kept, and never before', async () => {
    const topic = await newTopic();
    const table = tableOf(topic);
    await table.restore(reader, [0, 1, 2]);
    const writing = table.put('a', one);
    expect(table.get('a')).toBeUndefined();
    await writing;
    expect(table.get('a')).toEqual(one);
  });

  test('writes that come together go together, in their order', async () => {
    const topic = await newTopic();
    const table = tableOf(topic);
    await table.restore(reader, [0, 1, 2]);
    requests = 0;
    await Promise.all(
      Array.from({ length: 1_000 }, (_unused, i) => table.put(`k${i % 10}`, { count: i, generation: 1 })),
    );
    expect(requests).toBeLessThan(5);
    const again = tableOf(topic);
    await again.restore(reader, [0, 1, 2]);
    for (let i = 0; i < 10; i += 1) expect(again.get(`k${i}`)).toEqual({ count: 990 + i, generation: 1 });
  });

  test('what a stale owner wrote late does not replace what its successor wrote', async () => {
    const topic = await newTopic();
    const isOlder = (found: Count, current: Count) => found.generation < current.generation;
    const table = tableOf(topic, { isOlder });
    await table.restore(reader, [0]);
    await table.put('a', { count: 9, generation: 2 }, 0);
    await table.put('a', { count: 3, generation: 1 }, 0);
    const again = tableOf(topic, { isOlder });
    await again.restore(reader, [0]);
    expect(again.get('a')).toEqual({ count: 9, generation: 2 });
  });

  test('a write that the broker refuses fails, and isn’t seen', async () => {
    const topic = await newTopic();
    const table = tableOf(topic);
    await table.restore(reader, [0]);
    const huge = { encode: () => Buffer.alloc(2_000_000), decode: codec.decode };
    const refused = tableOf(topic, { codec: huge });
    await refused.restore(reader, [0]);
    await expect(refused.put('a', one, 0)).rejects.toThrow(/larger than/);
    expect(refused.get('a')).toBeUndefined();
    await table.put('b', one, 0);
    expect(table.get('b')).toEqual(one);
  });

  test('a record that can’t be read is named', async () => {
    const topic = await newTopic();
    await sendBatches(producer, topic, [{ key: 'bad', value: Buffer.from('{'), partition: 1 }]);
    await expect(tableOf(topic).restore(reader, [1])).rejects.toThrow(
      new RegExp(`the record of bad at ${topic}/1 offset 0 can't be read`),
    );
  });

  test('every follower sees every change, its own and the others’', async () => {
    const topic = await newTopic();
    const owner = tableOf(topic);
    await owner.restore(reader, [0, 1, 2]);
    await owner.put('before', one);

    const left = tableOf(topic);
    const right = tableOf(topic);
    const heard: string[] = [];
    const followings = [await left.follow(broker().kafka), await right.follow(broker().kafka)];
    right.onChange((key, value) => heard.push(`${key}:${value?.count ?? 'gone'}`));
    expect(left.get('before')).toEqual(one);

    await left.put('x', one);
    expect(left.get('x')).toEqual(one);
    await eventually(() => expect(right.get('x')).toEqual(one));
    await right.put('x', two);
    await eventually(() => expect(left.get('x')).toEqual(two));
    await left.delete('x');
    await eventually(() => expect(right.get('x')).toBeUndefined());
    expect(
      heard.filter((line) => line.startsWith('x:')).filter((line, i, all) => line !== all[i - 1]),
    ).toEqual(['x:1', 'x:2', 'x:gone']);

    for (const following of followings) await following.stop();
  });

  test('followers that write one key at once agree in the end', async () => {
    const topic = await newTopic(1);
    const tables = [tableOf(topic, { partitions: 1 }), tableOf(topic, { partitions: 1 })] as const;
    const followings = await Promise.all(tables.map((table) => table.follow(broker().kafka)));
    await Promise.all(
      Array.from({ length: 200 }, (_unused, i) =>
        tables[i % 2 === 0 ? 0 : 1].put('k', { count: i, generation: 1 }),
      ),
    );
    const again = tableOf(topic, { partitions: 1 });
    await again.restore(reader, [0]);
    await eventually(() => {
      for (const table of tables) expect(table.get('k')).toEqual(again.get('k'));
    });
    await Promise.all(followings.map((following) => following.stop()));
  });

  test('a follower survives the broker’s death', async () => {
    const topic = await newTopic();
    const table = tableOf(topic);
    const faults: unknown[] = [];
    let recovered = 0;
    const following = await table.follow(broker().kafka, {
      onFault: (error) => faults.push(error),
      onRecovered: () => (recovered += 1),
    });
    await broker().kill();
    await broker().restart();
    await table.put('after', one);
    await eventually(() => expect(recovered).toBeGreaterThan(0));
    expect(table.get('after')).toEqual(one);
    expect(faults.length).toBeGreaterThan(0);
    await following.stop();
  });
});
