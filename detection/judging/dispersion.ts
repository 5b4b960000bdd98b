import { hashString } from '../features/hash.js';

/**
 * Tells a stream that has moved from faults of some of its entities: both bring many surprising events, but a stream
 * that moves does so in most of its entities, and faults are few entities' own.
 *
 * Entities fall into 64 buckets by their key. Over a period of 512 events it counts, by bucket, all events, those that
 * are a little unusual (p < 0.1) and those that are very (p < 0.001 by any detector), and takes the effective number
 * of buckets of each, (sum c)² / sum c². T events spread like all events, which have K, would have about
 * T·K / (T + K - 1); most of that is the whole stream. With fewer than three effective buckets nothing can be told.
 */
const BUCKETS = 64;
const PERIOD = 512;
const LEAST_BUCKETS = 3;
/** the share of a period's events that is more than chance: 10% and up to a percent are expected */
const MANY_UNUSUAL = 0.18;
const MANY_VERY = 0.02;
const LIKE_ALL = 0.6;

export type Movement = 'unknown' | 'faults' | 'moved';
/** floats that saveTo() writes */
export const DISPERSION_STATE_SIZE = 3 * BUCKETS + 2;

export class Dispersion {
  private readonly all = new Float32Array(BUCKETS);
  private readonly unusual = new Float32Array(BUCKETS);
  private readonly very = new Float32Array(BUCKETS);
  private seen = 0;
  private wideBefore = false;

  /** events until the period ends */
  get left(): number {
    return PERIOD - this.seen;
  }

  /**
   * Takes in an event: its surprise, and the largest of its detectors'. At a period's end says what the period was; a
   * stream has moved when two in a row say so.
   */
  note(bucket: number, surprise: number, most: number): Movement | undefined {
    this.all[bucket]!++;
    if (surprise > 1) this.unusual[bucket]!++;
    if (most > 3) this.very[bucket]!++;
    this.seen++;
    if (this.seen < PERIOD) return undefined;
    const buckets = effectiveOf(this.all).effective;
    const wide =
      isWide(this.unusual, MANY_UNUSUAL * PERIOD, buckets) || isWide(this.very, MANY_VERY * PERIOD, buckets);
    const moved = wide && this.wideBefore;
    this.wideBefore = wide;
    this.seen = 0;
    for (const counts of [this.all, this.unusual, this.very]) counts.fill(0);
    if (buckets < LEAST_BUCKETS) return 'unknown';
    return moved ? 'moved' : 'faults';
  }

  saveTo(state: Float32Array, at: number): void {
    state.set(this.all, at);
    state.set(this.unusual, at + BUCKETS);
    state.set(this.very, at + 2 * BUCKETS);
    state[at + 3 * BUCKETS] = this.seen;
    state[at + 3 * BUCKETS + 1] = this.wideBefore ? 1 : 0;
  }

  load(state: Float32Array, at: number): void {
    this.all.set(state.subarray(at, at + BUCKETS));
    this.unusual.set(state.subarray(at + BUCKETS, at + 2 * BUCKETS));
    this.very.set(state.subarray(at + 2 * BUCKETS, at + 3 * BUCKETS));
    this.seen = state[at + 3 * BUCKETS]!;
    this.wideBefore = state[at + 3 * BUCKETS + 1] === 1;
  }
}

function isWide(counts: Float32Array, many: number, buckets: number): boolean {
  const { count, effective } = effectiveOf(counts);
  return count > many && effective >= (LIKE_ALL * count * buckets) / (count + buckets - 1);
}

function effectiveOf(counts: Float32Array): { count: number; effective: number } {
  let count = 0;
  let squares = 0;
  for (const value of counts) {
    count += value;
    squares += value * value;
  }
  return { count, effective: squares > 0 ? (count * count) / squares : 0 };
}

/** The bucket of an entity, by its key alone: the same in every process. */
export function bucketOf(key: string): number {
  return hashString(key) % BUCKETS;
}
