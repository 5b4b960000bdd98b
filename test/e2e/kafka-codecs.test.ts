import { CompressionTypes, type Kafka } from 'kafkajs';
import { createProducer, type RunningConsumer, runConsumer, sendBatches } from '../../lib/kafka.js';
import { TopicReader } from '../../lib/topic-reader.js';
import { describeWithRealKafka } from '../support/real-kafka.js';

/** Text that packs well but not into nothing, over several LZ4 blocks of 64 KiB. */
function lines(count: number): string[] {
  return Array.from(
    { length: count },
    (_unused, i) => `${i}:${'reading '.repeat(i % 7)}${((i * 2_654_435_761) >>> 0).toString(36)}`,
  );
}

async function consumed(kafka: Kafka, topic: string, count: number): Promise<string[]> {
  const received: string[] = [];
  let consumer: RunningConsumer | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      runConsumer(kafka, {
        groupId: topic,
        topics: [topic],
        onEnd: reject,
        eachBatch: async ({ batch, resolveOffset }) => {
          for (const { value } of batch.messages) received.push(String(value));
          resolveOffset(batch.lastOffset());
          if (received.length >= count) resolve();
        },
      }).then((running) => {
        consumer = running;
      }, reject);
    });
  } finally {
    await consumer?.stop();
  }
  return received;
}

describeWithRealKafka('compressed batches', (broker) => {
  const sent = lines(20_000);

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
    '%s, as the Java producer writes it, is consumed by a group',
    async (codec) => {
      const topic = `codec-${codec}`;
      await broker().createTopic(topic);
      await broker().javaProduce(topic, sent, {
        'compression.type': codec,
        'batch.size': '900000',
        'linger.ms': '50',
      });
      expect(await consumed(broker().kafka, topic, sent.length)).toEqual(sent);
    },
  );

  test('more records in one batch than fit into a call’s arguments', async () => {
    await broker().createTopic('many', { config: { 'max.message.bytes': '10485760' } });
    const many = Array.from({ length: 300_000 }, (_unused, i) => String(i % 10));
    await broker().javaProduce('many', many, {
      'compression.type': 'gzip',
      'batch.size': '8000000',
      'linger.ms': '5000',
      'max.request.size': '10000000',
      'buffer.memory': '100000000',
    });
    expect(await consumed(broker().kafka, 'many', many.length)).toEqual(many);
  });

  test.each(['gzip', 'snappy'] as const)('%s is written, too', async (compression) => {
    const topic = `written-${compression}`;
    await broker().createTopic(topic);
    const producer = await createProducer(broker().kafka);
    await sendBatches(
      producer,
      topic,
      sent.map((line) => ({ value: Buffer.from(line) })),
      { compression },
    );
    await producer.disconnect();
    const received: string[] = [];
    const reader = await TopicReader.open(broker().kafka);
    await reader.readPartition(topic, 0, { onRecord: ({ value }) => received.push(String(value)) });
    await reader.close();
    expect(received).toEqual(sent);
  });

  test.each([CompressionTypes.LZ4, CompressionTypes.ZSTD])(
    'codec %i is not written, and says so',
    async (compression) => {
      await broker().createTopic(`refused-${compression}`);
      const producer = await createProducer(broker().kafka);
      await expect(
        producer.send({ topic: `refused-${compression}`, compression, messages: [{ value: 'x' }] }),
      ).rejects.toThrow(/gzip, snappy/);
      await producer.disconnect();
    },
  );
});
