import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { createKafka, runConsumer } from '../../lib/kafka.js';
import { silentLog } from '../../lib/log.js';
import { packageRoot } from '../../lib/paths.js';
import { take } from '../../pipelines/source.js';
import { transactionsSource } from '../../pipelines/transactions/generator.js';
import { type LocalBroker, startBroker } from '../../services/local/broker.js';
import { type ProducerOptions, startProducer } from '../../services/producer/producer.js';

let broker: LocalBroker;
let kafka: Kafka;

beforeAll(async () => {
  broker = await startBroker({ log: silentLog() });
  kafka = createKafka({ brokers: [broker.address], clientId: 'test', log: silentLog() });
});

afterAll(() => broker?.stop());

const start = (options: Partial<ProducerOptions> & { topic: string; events: number }) =>
  startProducer(
    {
      streams: [
        {
          source: take(
            transactionsSource({ customers: 500, terminals: 1_000, batchSize: 500 }),
            options.events,
          ),
          topic: options.topic,
          rate: 'lag',
        },
      ],
      ...options,
    },
    { kafka, schemasDir: join(packageRoot(), 'schemas'), log: silentLog() },
  );

it('stays within the bound of a slow group, and everything arrives', async () => {
  const topic = 'lag-slow';
  const group = 'slow-scorer';
  const events = 20_000;
  const bound = 1_000;
  const producing = await start({ topic, events, group, lag: { messages: bound } });
  const committed = new Map<number, number>();
  let largest = 0;
  let read = 0;
  const consumer = await runConsumer(kafka, {
    groupId: group,
    topics: [topic],
    maxWaitMs: 50,
    onEnd: () => undefined,
    async eachBatch({ batch, heartbeat, resolveOffset }) {
      // What is unread is at most what the high watermark says.
      largest = Math.max(largest, Number(batch.highWatermark) - (committed.get(batch.partition) ?? 0));
      await sleep(20);
      read += batch.messages.length;
      const next = Number(batch.lastOffset()) + 1;
      await consumer.commit([{ topic, partition: batch.partition, next: String(next) }]);
      committed.set(batch.partition, next);
      resolveOffset(batch.lastOffset());
      await heartbeat();
    },
  });
  try {
    const result = await producing.done;
    expect(result.events).toBe(events);
    const deadline = Date.now() + 30_000;
    while (read < events && Date.now() < deadline) await sleep(50);
    expect(read).toBe(events);
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(0);
  } finally {
    await consumer.stop();
  }
});

it('says so when the group does not read at all', async () => {
  const producing = await start({
    topic: 'lag-still',
    events: 50_000,
    group: 'nobody-scorer',
    lag: { messages: 500, stallMs: 1_000 },
  });
  await expect(producing.done).rejects.toThrow(/nobody-scorer has read nothing of lag-still for 1 s/);
  expect(producing.progress().events).toBeGreaterThan(0);
  expect(producing.progress().events).toBeLessThanOrEqual(2_000);
});
