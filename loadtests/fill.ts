import { join } from 'node:path';
import type { Kafka } from 'kafkajs';
import { readSchema, singleObjectEncoder } from '../lib/avro.js';
import { createProducer, type OutgoingRecord, sendBatches, withAdmin } from '../lib/kafka.js';
import { take } from '../pipelines/source.js';
import { type Payment, transactionsSource } from '../pipelines/transactions/generator.js';

export interface Fill {
  readonly topic: string;
  readonly partitions: number;
  readonly events: number;
  readonly cards: number;
  readonly schemas: string;
  readonly progress: (done: number) => void;
}

/** Creates the topic and writes the payments into it, in single-object encoding, keyed by card. */
export async function fillTopic(
  kafka: Kafka,
  { topic, partitions, events, cards, schemas, progress }: Fill,
): Promise<void> {
  await withAdmin(kafka, (admin) =>
    admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }],
    }),
  );
  const encode = singleObjectEncoder<Payment>(readSchema(join(schemas, 'payment.avsc')));
  const producer = await createProducer(kafka);
  try {
    let done = 0;
    const source = take(transactionsSource({ seed: 7, customers: cards, terminals: 2 * cards }), events);
    for await (const batch of source.batches()) {
      const records = batch.events.map(
        (event, index): OutgoingRecord => ({
          key: batch.keys[index] ?? null,
          value: encode(event as Payment),
        }),
      );
      await sendBatches(producer, topic, records);
      done += records.length;
      progress(done);
    }
    if (done !== events) throw new Error(`the generator gave ${done} payments and ${events} were wanted`);
  } finally {
    await producer.disconnect();
  }
}
