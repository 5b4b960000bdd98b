import { Random } from '../../pipelines/random.js';
import type { EventSource } from '../../pipelines/source.js';

/** How events of a made-up machine park look: for measuring what width and size cost. */
export interface ReadingShape {
  /** numbers that are features */
  readonly values: number;
  /** bytes that nobody reads, so that an event has the size that is wanted */
  readonly padding: number;
}

export interface Reading {
  machine: string;
  time: number;
  padding: Buffer;
  [value: `v${number}`]: number;
}

export const valueName = (index: number): `v${number}` => `v${index}`;

export function readingsSchema({ values }: ReadingShape): object {
  return {
    type: 'record',
    name: 'Reading',
    namespace: 'riskwire.loadtests',
    fields: [
      { name: 'machine', type: 'string' },
      { name: 'time', type: { type: 'long', logicalType: 'timestamp-millis' } },
      ...Array.from({ length: values }, (_, i) => ({ name: valueName(i), type: 'float' })),
      { name: 'padding', type: 'bytes' },
    ],
  };
}

const BATCH = 2000;
const START = Date.UTC(2024, 0, 1);
const STEP_MS = 2;

/** Seeded, without an end: each value wanders about its machine's own level. */
export function readingsSource(machines: number, { values, padding }: ReadingShape): EventSource<Reading> {
  const filler = Buffer.alloc(padding, 'x');
  return {
    pipeline: 'readings',
    schemaName: 'reading',
    *batches() {
      const random = new Random(7);
      for (let position = 0; ; position += BATCH) {
        const events: Reading[] = [];
        for (let i = 0; i < BATCH; i += 1) {
          const number = random.below(machines);
          const event: Reading = {
            machine: `m${number}`,
            time: START + (position + i) * STEP_MS,
            padding: filler,
          };
          for (let v = 0; v < values; v += 1)
            event[valueName(v)] = 20 + ((number * 7 + v * 3) % 11) + random.unit() + random.unit();
          events.push(event);
        }
        yield {
          position,
          events,
          keys: events.map(({ machine }) => machine),
          times: events.map(({ time }) => time),
          truth: [],
        };
      }
    },
  };
}
