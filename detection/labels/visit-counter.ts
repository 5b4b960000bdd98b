import { hashString } from '../features/hash.js';
import { KeyIndex } from '../state/key-index.js';
import { Slab } from '../state/slab.js';
import type { Visits } from './records.js';

const BLOCK = 'visits';
/** key of the row that holds the first open window; its time is the newest event time seen */
const HEAD = '\u0000head';
/** keys a window's record at most: what travels as one message */
const MOST_KEYS = 20_000;
/** more than rows that there are */
const ROWS = 2 ** 21;

export interface VisitOptions {
  readonly fields: number;
  /** length of a window, seconds */
  readonly window: number;
  /** seconds behind the newest event at which an event is too late to come */
  readonly late: number;
  /** when a window's counts take effect, by its end */
  readonly effective: (to: number) => number;
  /** names the records: pipeline and partition */
  readonly name: string;
  readonly maxKeys: number;
}

/** The secondary entities of a micro-batch's events, by field. */
export interface VisitColumns {
  readonly size: number;
  /** event times, seconds */
  readonly seconds: Float64Array;
  /** by field and row; '' where there is none */
  readonly values: readonly (readonly string[])[];
  /** hashString of them */
  readonly hashes: readonly Uint32Array[];
}

/**
 * Counts the events of each secondary entity by windows of event time, and gives the windows out when no further
 * event can belong to them. Open windows are part of the partition's state: count of the current and the one before.
 * A row's key is its field and value; it is found by the value's hash, which is known, and without making the key.
 */
export class VisitCounter {
  readonly slab: Slab;
  readonly #options: VisitOptions;
  /** by slot: value, its hash, field (-1: none) */
  readonly #values: string[] = [];
  readonly #hashes: number[] = [];
  readonly #fields: number[] = [];
  /** by field */
  readonly #indexes: readonly KeyIndex[];
  /** number of the first window that was not given out */
  #open = Number.NaN;
  #newest = Number.NEGATIVE_INFINITY;

  constructor(options: VisitOptions) {
    this.#options = options;
    if (options.late > options.window)
      throw new RangeError(
        `labels: windows of ${options.window} s are shorter than the ${options.late} s that events may be late; make the window at least as long`,
      );
    this.slab = new Slab([{ name: BLOCK, size: 3 }], Math.min(options.maxKeys + 1, ROWS - 1));
    this.#indexes = Array.from({ length: options.fields }, () => new KeyIndex(this.#values));
  }

  /** @returns windows that are closed by these events' times, each before its event is counted */
  observe({ size, seconds, values, hashes }: VisitColumns): Visits[] {
    const { window, late, fields } = this.#options;
    const closed: Visits[] = [];
    if (size === 0) return closed;
    if (Number.isNaN(this.#open)) this.#open = Math.floor(seconds[0]! / window);
    for (let row = 0; row < size; row++) {
      const time = seconds[row]!;
      const at = Math.floor(time / window);
      if (time > this.#newest) {
        this.#newest = time;
        const done = Math.floor((time - late) / window);
        if (done > this.#open) {
          closed.push(...this.#close(done));
          this.#open = done;
        }
      }
      if (at < this.#open) continue;
      for (let field = 0; field < fields; field++) {
        const value = values[field]![row]!;
        if (value !== '') this.#count(field, value, hashes[field]![row]!, at);
      }
    }
    return closed;
  }

  #count(field: number, value: string, hash: number, at: number): void {
    let slot = this.#indexes[field]!.findHashed(value, hash);
    if (slot < 0) slot = this.#add(field, value, hash);
    else this.slab.touch(slot);
    const { data, stride } = this.slab;
    const row = slot * stride;
    if (data[row]! === at) data[row + 1] = data[row + 1]! + 1;
    else if (data[row]! === at + 1) data[row + 2] = data[row + 2]! + 1;
    else {
      data[row + 2] = data[row]! === at - 1 ? data[row + 1]! : 0;
      data[row] = at;
      data[row + 1] = 1;
    }
  }

  #add(field: number, value: string, hash: number): number {
    this.slab.beginBatch();
    const slot = this.slab.slotOf(`${field}|${value}`, () => undefined);
    this.#enter(slot, field, value, hash);
    return slot;
  }

  /** Notes what a slot stands for; the one whose row it was, if it had to make room, is forgotten. */
  #enter(slot: number, field: number, value: string, hash: number): void {
    const before = this.#fields[slot];
    if (before !== undefined && before >= 0) this.#indexes[before]?.remove(this.#values[slot]!);
    this.#values[slot] = value;
    this.#hashes[slot] = hash;
    this.#fields[slot] = field;
    this.#indexes[field]?.add(value, slot, hash);
  }

  /** Counts of the open windows before `done`. */
  #close(done: number): Visits[] {
    const { fields } = this.#options;
    const { data, stride } = this.slab;
    const records: Visits[] = [];
    const slots = this.#slotsByKey();
    for (const at of this.#windowsBefore(done)) {
      for (let field = 0; field < fields; field++) {
        const keys: string[] = [];
        const counts: number[] = [];
        for (const slot of slots) {
          if (this.#fields[slot] !== field) continue;
          const row = slot * stride;
          const count = data[row] === at ? data[row + 1]! : data[row] === at + 1 ? data[row + 2]! : 0;
          if (count === 0) continue;
          keys.push(this.#values[slot]!);
          counts.push(count);
        }
        this.#record(records, field, at, keys, counts);
      }
    }
    return records;
  }

  /** Open windows before `done` that have counts, in order. */
  #windowsBefore(done: number): number[] {
    const { data, stride } = this.slab;
    const windows = new Set<number>();
    for (let slot = 0; slot < this.#fields.length; slot++) {
      if (!(this.#fields[slot]! >= 0)) continue;
      const at = data[slot * stride]!;
      for (const one of [at, at - 1]) if (one >= this.#open && one < done) windows.add(one);
    }
    return [...windows].sort((a, b) => a - b);
  }

  #record(
    records: Visits[],
    field: number,
    at: number,
    keys: readonly string[],
    counts: readonly number[],
  ): void {
    const { window, name, effective } = this.#options;
    const to = (at + 1) * window;
    for (let from = 0; from < keys.length; from += MOST_KEYS) {
      records.push({
        type: 'visits',
        id: `${name}/${field}/${at}/${from}`,
        field,
        from: at * window,
        to,
        keys: keys.slice(from, from + MOST_KEYS),
        counts: counts.slice(from, from + MOST_KEYS),
        effectiveAt: effective(to),
      });
    }
  }

  /**
   * Slots in an order that depends on their keys alone, so that a second reading puts the same keys into the same
   * records: by hash, which numbers sort by fifty times faster than by text; by text where hashes are equal.
   */
  #slotsByKey(): Int32Array {
    const order = new Float64Array(this.#fields.length);
    let count = 0;
    for (let slot = 0; slot < this.#fields.length; slot++)
      if (this.#fields[slot]! >= 0) order[count++] = this.#hashes[slot]! * ROWS + slot;
    const slots = Int32Array.from(order.subarray(0, count).sort(), (place) => place % ROWS);
    for (let i = 1; i < count; i++) {
      for (let j = i; j > 0 && this.#hashes[slots[j]!] === this.#hashes[slots[j - 1]!]; j--) {
        if (this.#values[slots[j]!]! >= this.#values[slots[j - 1]!]!) break;
        [slots[j], slots[j - 1]] = [slots[j - 1]!, slots[j]!];
      }
    }
    return slots;
  }

  /** Lays what is not in rows into the slab. */
  flush(): void {
    if (Number.isNaN(this.#open)) return;
    this.slab.beginBatch();
    const slot = this.slab.slotOf(HEAD, () => undefined);
    if (this.#fields[slot] !== -1) this.#enter(slot, -1, '', 0);
    const { data, stride } = this.slab;
    data[slot * stride] = this.#open;
    this.slab.times[slot] = this.#newest;
  }

  /** After the slab was filled from a checkpoint. */
  load(): void {
    this.slab.keys.forEach((key, slot) => {
      const bar = key.indexOf('|');
      if (key === HEAD) this.#enter(slot, -1, '', 0);
      else {
        const value = key.slice(bar + 1);
        this.#enter(slot, Number(key.slice(0, bar)), value, hashString(value));
      }
    });
    const slot = this.slab.find(HEAD);
    if (slot < 0) return;
    const { data, stride } = this.slab;
    this.#open = data[slot * stride]!;
    this.#newest = this.slab.times[slot]!;
  }
}
