import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import { readSchema } from '../lib/avro.js';
import { EventDecoder, UNPREPARED } from '../lib/event-decoder.js';
import { createKafka, runConsumer } from '../lib/kafka.js';
import { createLog } from '../lib/log.js';
import { SchemaSource } from '../lib/schema-source.js';

/** What a measuring process is told, as JSON in its one argument. */
export interface Measurement {
  readonly workload: 'rawConsume' | 'decode';
  readonly brokers: string[];
  readonly topic: string;
  readonly events: number;
  readonly schemas: string;
}

/**
 * Reads the topic once, in a group of its own, committing after each batch as the scorer does, and returns the events
 * a second from the first batch handed over to the last one committed.
 */
export async function measure({ workload, brokers, topic, events, schemas }: Measurement): Promise<number> {
  const log = createLog('loadtest', { level: 'error', destination: process.stderr });
  const kafka = createKafka({ brokers, clientId: 'riskwire-loadtest', log });
  const handle = workload === 'decode' ? decodeAll(schemas) : countOnly;
  let seen = 0;
  let started = 0;
  let finish: (rate: number) => void = () => {};
  let fail: (error: Error) => void = () => {};
  const result = new Promise<number>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  const ready = runConsumer(kafka, {
    groupId: `loadtest-${randomUUID()}`,
    topics: [topic],
    onEnd: fail,
    async eachBatch({ batch, heartbeat }: EachBatchPayload) {
      started ||= performance.now();
      await handle(batch.messages);
      seen += batch.messages.length;
      await (await ready).commit([
        { topic, partition: batch.partition, next: String(BigInt(batch.lastOffset()) + 1n) },
      ]);
      await heartbeat();
      if (seen >= events) finish((seen * 1000) / (performance.now() - started));
    },
  });
  const running = await ready;
  try {
    return await result;
  } finally {
    await running.stop();
  }
}

async function countOnly(messages: readonly KafkaMessage[]): Promise<void> {
  for (const { value } of messages) if (value === null) throw new Error('a message without a value');
}

function decodeAll(schemas: string): (messages: readonly KafkaMessage[]) => Promise<void> {
  const decoder = new EventDecoder({
    reader: readSchema(join(schemas, 'payment.avsc')),
    source: new SchemaSource({ folder: schemas }),
  });
  return async (messages) => {
    await decoder.prepare(messages.map(({ value }) => value));
    for (const { value } of messages) {
      const event = decoder.decode(value);
      if (event === UNPREPARED || 'reason' in event)
        throw new Error(`not an event: ${JSON.stringify(event)}`);
    }
  };
}
