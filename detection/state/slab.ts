import type { StateBlock } from '../contract.js';
import { KeyIndex } from './key-index.js';

/** A named run of floats in every row of a slab. Names and sizes are written with the state, so that it can be migrated. */
export interface BlockLayout {
  readonly name: string;
  readonly size: number;
}

/** Keeps the rows that a slab has no room for, and gives them back when their keys are met again. */
export interface SlabOverflow {
  /** @param changed since the last checkpoint; `row` is to be copied */
  put(key: string, time: number, row: Float32Array, changed: boolean): void;
  /** Moves a key's row into `row`; its time, or undefined when there is none. */
  take(key: string, row: Float32Array): number | undefined;
}

/** floats of a line of the cache */
const LINE_FLOATS = 16;

/**
 * State of many keys (entities or domains) in one typed array: row `slot` holds every block of one key.
 * Rows are dense and never move while a batch is scored; the array grows by doubling up to `limit` rows, then
 * the row that was touched longest ago is given to the new key (second-chance clock), and counted in `evicted`. With
 * an `overflow` what was in it isn't forgotten.
 */
export class Slab {
  readonly layout: readonly BlockLayout[];
  readonly stride: number;
  readonly limit: number;
  data: Float32Array;
  /** seconds since the epoch of the key's newest event; doubles, since a float holds 16 M seconds only */
  times: Float64Array;
  readonly keys: string[] = [];
  evicted = 0;
  overflow: SlabOverflow | undefined;
  readonly #slots = new KeyIndex(this.keys);
  readonly #offsets = new Map<string, number>();
  /** as they were asked for last */
  readonly #blocks = new Map<string, StateBlock>();
  #dirty: Uint8Array;
  #touched: Uint8Array;
  /** the micro-batch that touched the slot last */
  #epochs: Uint32Array;
  #epoch = 0;
  /** keeps the compiler from leaving out `foresee`; never read otherwise */
  protected foreseen = 0;
  #hand = 0;

  constructor(layout: readonly BlockLayout[], limit: number, initial = 64) {
    this.layout = layout;
    this.limit = Math.max(1, limit);
    let stride = 0;
    for (const block of layout) {
      this.#offsets.set(block.name, stride);
      stride += block.size;
    }
    this.stride = stride;
    const rows = Math.min(this.limit, initial);
    this.data = new Float32Array(rows * stride);
    this.times = new Float64Array(rows).fill(Number.NaN);
    this.#dirty = new Uint8Array(rows);
    this.#touched = new Uint8Array(rows);
    this.#epochs = new Uint32Array(rows);
  }

  get size(): number {
    return this.keys.length;
  }

  /** bytes that the slab's arrays hold; strings and the index come on top, about 60 bytes a key */
  get bytes(): number {
    return this.data.byteLength + this.times.byteLength + 2 * this.#dirty.byteLength;
  }

  block(name: string): StateBlock {
    const known = this.#blocks.get(name);
    if (known?.data === this.data) return known;
    const offset = this.#offsets.get(name);
    if (offset === undefined)
      throw new Error(`the slab has no block '${name}'; it has ${this.layout.map((b) => b.name).join(', ')}`);
    const block = { data: this.data, stride: this.stride, offset };
    this.#blocks.set(name, block);
    return block;
  }

  /** The key's slot, or -1. */
  find(key: string): number {
    return this.#slots.find(key);
  }

  /** The key's slot; a new key gets a zeroed row and `created` is called with it. */
  slotOf(key: string, created: (slot: number) => void): number {
    const known = this.#slots.find(key);
    if (known < 0) return this.#take(key, created);
    this.touch(known);
    return known;
  }

  /** As `slotOf`, for a key in bytes[start, end), which are ASCII, and whose hashString is known. */
  slotOfHashedBytes(
    bytes: Buffer,
    start: number,
    end: number,
    hash: number,
    created: (slot: number) => void,
  ): number {
    const known = this.#slots.findHashedBytes(bytes, start, end, hash);
    if (known < 0) return this.#take(bytes.toString('latin1', start, end), created);
    this.touch(known);
    return known;
  }

  /**
   * Reads ahead what looking up the keys with these hashes will need, and the `floats` numbers from `offset` on in the
   * rows of those that are there. `slots` is room to work in.
   */
  foresee(hashes: Uint32Array, size: number, slots: Int32Array, offset: number, floats: number): void {
    this.#slots.foresee(hashes, size, slots);
    const { data, stride } = this;
    const last = Math.max(0, floats - 1);
    let sum = 0;
    for (let i = 0; i < size; i++) {
      if (slots[i]! < 0) continue;
      const from = slots[i]! * stride + offset;
      for (let at = 0; at < last; at += LINE_FLOATS) sum += data[from + at]!;
      sum += data[from + last]! + this.#epochs[slots[i]!]!;
    }
    this.foreseen = Number.isNaN(sum) ? 0 : 1;
  }

  /** For who knows a key's slot: its row is about to change. */
  touch(slot: number): void {
    this.#dirty[slot] = 1;
    this.#touched[slot] = 1;
    this.#epochs[slot] = this.#epoch;
  }

  /** Gives a key's slot to another key, whose row is then written; for who says by itself which keys make room. */
  rename(slot: number, key: string): void {
    this.#slots.remove(this.keys[slot]!);
    this.keys[slot] = key;
    this.#slots.add(key, slot);
    this.touch(slot);
    this.evicted++;
  }

  #take(key: string, created: (slot: number) => void): number {
    const slot = this.keys.length < this.limit ? this.#append(key) : this.#evict(key);
    this.#slots.add(key, slot);
    this.#dirty[slot] = 1;
    this.#touched[slot] = 1;
    this.#epochs[slot] = this.#epoch;
    const from = slot * this.stride;
    const to = from + this.stride;
    const time = this.overflow?.take(key, this.data.subarray(from, to));
    this.times[slot] = time ?? Number.NaN;
    if (time !== undefined) return slot;
    this.data.fill(0, from, to);
    created(slot);
    return slot;
  }

  #append(key: string): number {
    const slot = this.keys.length;
    this.keys.push(key);
    if (slot >= this.times.length) this.#grow();
    return slot;
  }

  #grow(): void {
    const rows = Math.min(this.limit, Math.max(64, this.times.length * 2));
    const data = new Float32Array(rows * this.stride);
    data.set(this.data);
    this.data = data;
    const times = new Float64Array(rows).fill(Number.NaN);
    times.set(this.times);
    this.times = times;
    this.#dirty = grown(this.#dirty, rows);
    this.#touched = grown(this.#touched, rows);
    const epochs = new Uint32Array(rows);
    epochs.set(this.#epochs);
    this.#epochs = epochs;
  }

  #evict(key: string): number {
    for (let steps = 0; ; steps++) {
      if (steps > 2 * this.limit)
        throw new Error(
          `a micro-batch holds more entities than the slab's limit of ${this.limit}; raise the limit`,
        );
      const pinned = this.#epochs[this.#hand] === this.#epoch;
      if (!pinned && this.#touched[this.#hand] === 0) break;
      if (!pinned) this.#touched[this.#hand] = 0;
      this.#hand = (this.#hand + 1) % this.limit;
    }
    const slot = this.#hand;
    this.#hand = (this.#hand + 1) % this.limit;
    const forgotten = this.keys[slot]!;
    const row = this.data.subarray(slot * this.stride, (slot + 1) * this.stride);
    this.overflow?.put(forgotten, this.times[slot]!, row, this.#dirty[slot] === 1);
    this.#slots.remove(forgotten);
    this.keys[slot] = key;
    this.evicted++;
    return slot;
  }

  /**
   * Opens a micro-batch: the keys that it touches aren't evicted until the next one. Rows of new keys are made as they
   * come, never ahead: one row may be some hundred KB, and a batch of a thousand events is often about one key. So
   * take every slot of a batch before the first block, since a new row may replace the arrays.
   */
  beginBatch(): void {
    this.#epoch++;
  }

  /** Slots changed since the last call, in slot order; the marks are cleared. */
  takeDirty(): Int32Array {
    const slots = new Int32Array(this.keys.length);
    let count = 0;
    for (let slot = 0; slot < this.keys.length; slot++) {
      if (this.#dirty[slot] === 1) slots[count++] = slot;
    }
    this.#dirty.fill(0);
    return slots.subarray(0, count);
  }

  allSlots(): Int32Array {
    const slots = new Int32Array(this.keys.length);
    for (let slot = 0; slot < slots.length; slot++) slots[slot] = slot;
    return slots;
  }
}

function grown(array: Uint8Array, rows: number): Uint8Array {
  const next = new Uint8Array(rows);
  next.set(array);
  return next;
}
