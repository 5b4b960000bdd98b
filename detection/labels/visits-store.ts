import type { Visits } from './records.js';

/** two hashes of an entity */
const HASH_BYTES = 4 + 4;
const MOST_IN_A_BYTE = 0xff;
/** of one size, that wait for windows to come: about two days of windows of twenty partitions */
const MOST_FREE = 128;

/**
 * The memory of the windows of visits that a log keeps. A busy stream closes and drops megabytes of them a day; what a
 * dropped window had is given to the next one of its size, so that a log of a steady stream stays as large as it is,
 * whenever the garbage collector comes. A count takes a byte where all of a window's do fit.
 */
export class VisitsStore {
  /** by size in bytes */
  readonly #free = new Map<number, ArrayBuffer[]>();

  /** The same window in memory of this store. */
  keep(visits: Visits): Visits {
    const { hashes, checks, counts } = visits;
    const size = hashes.length;
    const room = roomFor(size);
    const wide = !fitsInBytes(counts);
    const bytes = (HASH_BYTES + (wide ? 4 : 1)) * room;
    const memory = this.#free.get(bytes)?.pop() ?? new ArrayBuffer(bytes);
    const kept = {
      hashes: new Uint32Array(memory, 0, size),
      checks: new Uint32Array(memory, 4 * room, size),
      counts: new (wide ? Uint32Array : Uint8Array)(memory, HASH_BYTES * room, size),
    };
    kept.hashes.set(hashes);
    kept.checks.set(checks);
    kept.counts.set(counts);
    return { ...visits, ...kept };
  }

  /** Takes back what `keep` gave: nobody may read it any more. */
  release({ hashes }: Visits): void {
    const { buffer } = hashes;
    if (!(buffer instanceof ArrayBuffer)) return;
    const free = this.#free.get(buffer.byteLength);
    if (free === undefined) this.#free.set(buffer.byteLength, [buffer]);
    else if (free.length < MOST_FREE) free.push(buffer);
  }
}

/** So many entities or up to an eighth more, so that another window of about as many fits in as well. */
function roomFor(entities: number): number {
  const step = 2 ** Math.max(3, Math.floor(Math.log2(Math.max(1, entities))) - 3);
  return step * Math.ceil(entities / step);
}

function fitsInBytes(counts: Visits['counts']): boolean {
  for (let i = 0; i < counts.length; i++) if (counts[i]! > MOST_IN_A_BYTE) return false;
  return true;
}
