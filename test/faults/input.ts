import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Producer } from 'kafkajs';
import { readSchema, singleObjectEncoder } from '../../lib/avro.js';
import { type OutgoingRecord, sendBatches } from '../../lib/kafka.js';
import type { RealKafka } from '../../loadtests/support/real-kafka.js';
import { Random } from '../../pipelines/random.js';
import { take } from '../../pipelines/source.js';
import { type Payment, transactionsSource } from '../../pipelines/transactions/generator.js';
import { INPUT, PARTITIONS } from './deployment.js';

export interface InputOptions {
  /** connected before the first fault: kafkajs doesn't retry that */
  readonly producer: Producer;
  readonly program: string;
  readonly events: number;
  readonly seed: number;
  /** spread evenly over so long */
  readonly forMs: number;
  readonly onProgress: (done: number) => void;
}

/** one in so many records is no event: a dead letter */
const BAD_EACH = 500;

/**
 * Writes the payments of one seed into the input topic while the services are being disturbed. A broker that dies
 * may keep a batch twice: that is part of the input then, for the disturbed run and the quiet one alike.
 * @returns records that were acked
 */
export async function produceInput(options: InputOptions): Promise<number> {
  const { producer, events, seed, forMs, onProgress } = options;
  const encode = singleObjectEncoder<Payment>(readSchema(join(options.program, 'schemas/payment.avsc')));
  const random = new Random(seed);
  const customers = events > 500_000 ? 20_000 : 5_000;
  const source = take(transactionsSource({ seed, customers, terminals: 2 * customers }), events);
  const started = Date.now();
  let done = 0;
  try {
    for await (const batch of source.batches()) {
      for (let from = 0; from < batch.events.length; from += 500) {
        const records = batch.events.slice(from, from + 500).map((event, index): OutgoingRecord => {
          const key = batch.keys[from + index] ?? null;
          const bad = random.unit() < 1 / BAD_EACH;
          return {
            key,
            value: bad ? Buffer.from([0xff, done & 0xff, index & 0xff]) : encode(event as Payment),
          };
        });
        await sendBatches(producer, INPUT, records);
        done += records.length;
        onProgress(done);
        const ahead = (done / events) * forMs - (Date.now() - started);
        if (ahead > 0) await sleep(ahead);
      }
    }
  } finally {
    await producer.disconnect();
  }
  return done;
}

export function createInput(kafka: RealKafka): Promise<void> {
  return kafka.createTopic(INPUT, { partitions: PARTITIONS });
}
