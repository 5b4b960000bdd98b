import { checkString, hashString } from '../../detection/features/hash.js';
import { effectiveFrom, type Visits } from '../../detection/labels/records.js';

/** A record of riskwire.shared.<pipeline>: a closed window's visits of one secondary field in one partition. */
export interface VisitsRecord {
  readonly id: string;
  readonly pipeline: string;
  readonly field: string;
  /** epoch ms, `to` exclusive */
  readonly from: number;
  readonly to: number;
  /** names of the entities and how often each was seen, in records of the first version */
  readonly keys: readonly string[];
  readonly counts: readonly number[];
  /** all of it, in those of this one: see the schema */
  readonly visited: Buffer;
}

const NUMBERS = ['hashes', 'checks', 'counts'] as const;
/** bytes of an entity in `visited` */
const ENTITY_BYTES = 4 * NUMBERS.length;

export function visitsRecordOf(visits: Visits, pipeline: string, field: string): VisitsRecord {
  const { id, from, to, hashes, checks, counts } = visits;
  const numbers = { hashes, checks, counts: new Uint32Array(counts) };
  const visited = Buffer.allocUnsafe(ENTITY_BYTES * hashes.length);
  NUMBERS.forEach((name, i) => {
    visited.set(bytesOf(numbers[name]), 4 * hashes.length * i);
  });
  return { id, pipeline, field, from: from * 1000, to: to * 1000, keys: [], counts: [], visited };
}

/**
 * @param field index of the record's field among the pipeline's secondary ones
 * @param delay seconds that labels take
 * @throws RangeError for bytes that are no whole number of entities
 */
export function visitsOf(record: VisitsRecord, field: number, delay: number): Visits {
  const to = record.to / 1000;
  return {
    type: 'visits',
    id: record.id,
    field,
    from: record.from / 1000,
    to,
    ...(record.keys.length > 0 ? named(record) : unpacked(record.visited)),
    effectiveAt: effectiveFrom(to + delay),
  };
}

type Visited = Record<(typeof NUMBERS)[number], Uint32Array>;

function unpacked(visited: Buffer): Visited {
  if (visited.length % ENTITY_BYTES !== 0)
    throw new RangeError(`${visited.length} bytes of visits; ${ENTITY_BYTES} are one entity's`);
  // A copy of its own: where Avro puts the bytes needn't be a place for numbers.
  const all = new Uint32Array(visited.length / 4);
  bytesOf(all).set(visited);
  const size = all.length / NUMBERS.length;
  const [hashes, checks, counts] = NUMBERS.map((_, i) => all.subarray(i * size, (i + 1) * size));
  return { hashes: hashes!, checks: checks!, counts: counts! };
}

/** They come in the order of their names. */
function named({ keys, counts }: VisitsRecord): Visited {
  const entities = keys
    .map((key, i) => ({ hash: hashString(key) >>> 0, check: checkString(key) >>> 0, count: counts[i]! }))
    .sort((a, b) => a.hash - b.hash || a.check - b.check);
  return {
    hashes: Uint32Array.from(entities, ({ hash }) => hash),
    checks: Uint32Array.from(entities, ({ check }) => check),
    counts: Uint32Array.from(entities, ({ count }) => count),
  };
}

/** The numbers as they lie in memory, which is little-endian, as the floats of checkpoints rely on, too. */
function bytesOf(numbers: Uint32Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
