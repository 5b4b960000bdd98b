import { join } from 'node:path';
import { readSchema, singleObjectEncoder } from '../../lib/avro.js';
import { packageRoot } from '../../lib/paths.js';
import type { EventSource } from '../../pipelines/source.js';
import { transactionsSource } from '../../pipelines/transactions/generator.js';
import { type ReadingShape, readingsSchema, readingsSource } from './readings.js';

/** What a topic is filled with: payments, or the readings of made-up machines. */
export type Stream =
  | { readonly kind: 'payments'; readonly cards: number }
  | { readonly kind: 'readings'; readonly machines: number; readonly shape: ReadingShape };

/** Early enough that no stream of a few hundred million events reaches the present. */
const START = '2014-01-01';

/** Seeded: the same events every time. */
export function streamSource(stream: Stream): EventSource {
  return stream.kind === 'payments'
    ? transactionsSource({ seed: 7, customers: stream.cards, terminals: 2 * stream.cards, start: START })
    : readingsSource(stream.machines, stream.shape);
}

export function streamEncoder(stream: Stream): (event: object) => Buffer {
  const schema =
    stream.kind === 'payments'
      ? readSchema(join(packageRoot(), 'schemas', 'payment.avsc'))
      : readingsSchema(stream.shape);
  return singleObjectEncoder<object>(schema);
}
