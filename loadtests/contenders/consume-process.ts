import { join } from 'node:path';
import type { KafkaMessage } from 'kafkajs';
import { readerType, readSchema } from '../../lib/avro.js';
import { SINGLE_OBJECT_HEADER } from '../../lib/avro-framing.js';
import { createKafka } from '../../lib/kafka.js';
import { createLog } from '../../lib/log.js';

/** What the process is told, as JSON in its one argument. */
export interface ConsumeJob {
  readonly decode: boolean;
  readonly brokers: string[];
  readonly topic: string;
  readonly events: number;
  readonly schemas: string;
  readonly group: string;
}

const LOOK_MS = 100;
const COMMIT_MS = 5_000;

/**
 * Reads the topic with plain kafkajs in a process of its own, so that none is warmed up or held back by the one before.
 * Fetches are as large as the scorer's, and offsets are committed as often.
 */
async function consume({ decode, brokers, topic, events, schemas, group }: ConsumeJob): Promise<void> {
  const log = createLog('loadtest', { level: 'error', destination: process.stderr });
  const kafka = createKafka({ brokers, clientId: 'riskwire-loadtest', log });
  const handle = decode ? decodeAll(schemas) : countOnly;
  const consumer = kafka.consumer({
    groupId: group,
    maxBytesPerPartition: 4 << 20,
    maxBytes: 32 << 20,
    sessionTimeout: 45_000,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  let done = 0;
  let looked = 0;
  let committed = Date.now();
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) reject(payload.error);
    });
    const next = new Map<number, string>();
    const running = consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      async eachBatch({ batch, heartbeat }) {
        if (done >= events) return;
        handle(batch.messages);
        done += batch.messages.length;
        next.set(batch.partition, String(BigInt(batch.lastOffset()) + 1n));
        const now = Date.now();
        if (now - committed >= COMMIT_MS || done >= events) {
          committed = now;
          const offsets = [...next].map(([partition, offset]) => ({ topic, partition, offset }));
          await consumer.commitOffsets(offsets);
        }
        await heartbeat();
        if (now - looked >= LOOK_MS || done >= events) {
          looked = now;
          process.stdout.write(`{"done":${done},"at":${now}}\n`);
        }
        if (done >= events) resolve();
      },
    });
    running.catch(reject);
  });
  await consumer.disconnect();
}

function countOnly(messages: readonly KafkaMessage[]): void {
  for (const { value } of messages) if (value === null) throw new Error('a message without a value');
}

/** avsc and nothing else: the whole event as an object, as anybody would decode it. */
function decodeAll(schemas: string): (messages: readonly KafkaMessage[]) => void {
  const type = readerType(readSchema(join(schemas, 'payment.avsc')));
  return (messages) => {
    for (const { value } of messages) {
      if (value === null) throw new Error('a message without a value');
      const { offset } = type.decode(value, SINGLE_OBJECT_HEADER);
      if (offset !== value.length) throw new Error(`not a payment: ${value.toString('hex')}`);
    }
  };
}

consume(JSON.parse(process.argv[2] ?? '') as ConsumeJob).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
