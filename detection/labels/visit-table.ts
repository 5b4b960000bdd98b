import {
  CHECK,
  FIRST_CELLS,
  findCell,
  freeCell,
  grown,
  HASH,
  isFull,
  MARK,
  removeCell,
  shiftOf,
} from './hash-cells.js';

/** numbers a cell: two hashes, the slot + 1, number of a window, counts of it and of the one before, marks */
const CELL = 8;
const SLOT = MARK;
const WINDOW = 3;
const COUNT = 4;
const BEFORE = 5;
const MARKS = 6;

/** its row in the slab is behind */
const CHANGED = 1;
/** counted since it was looked at to make room */
const USED = 2;

/** Keys that were counted in a window, and how often, by hash and, where hashes are equal, by check. */
export interface Counted {
  readonly hashes: Uint32Array;
  readonly checks: Uint32Array;
  readonly counts: Uint32Array;
}

/** Counts by key: a hash table whose cells hold all that an event changes, so that it costs one line of the cache. */
export class VisitTable {
  #cells = new Int32Array(FIRST_CELLS * CELL);
  #shift = shiftOf(this.#cells, CELL);
  #size = 0;

  /** Reads the cells of keys that come next. These loads don't wait for each other, as those of counting them do. */
  touch(hashes: Uint32Array, size: number): number {
    const cells = this.#cells;
    const shift = this.#shift;
    let sum = 0;
    for (let row = 0; row < size; row++) sum ^= cells[(hashes[row]! >>> shift) * CELL]!;
    return sum;
  }

  /** Counts one for the key in a window; false for a key that isn't in it. */
  count(hash: number, check: number, window: number): boolean {
    const at = this.#find(hash, check);
    if (at < 0) return false;
    const cells = this.#cells;
    const newest = cells[at + WINDOW]!;
    if (newest === window) cells[at + COUNT]!++;
    else if (newest === window + 1) cells[at + BEFORE]!++;
    else {
      cells[at + BEFORE] = newest === window - 1 ? cells[at + COUNT]! : 0;
      cells[at + WINDOW] = window;
      cells[at + COUNT] = 1;
    }
    cells[at + MARKS] = CHANGED | USED;
    return true;
  }

  /** For a key that isn't in it: with one event in `window`, or with what a row of the slab says. */
  add(
    hash: number,
    check: number,
    slot: number,
    window: number,
    count = 1,
    before = 0,
    changed = true,
  ): void {
    this.#size++;
    if (isFull(this.#cells, CELL, this.#size)) {
      this.#cells = grown(this.#cells, CELL);
      this.#shift--;
    }
    const cells = this.#cells;
    const at = freeCell(cells, CELL, this.#shift, hash);
    cells[at + HASH] = hash;
    cells[at + CHECK] = check;
    cells[at + SLOT] = slot + 1;
    cells[at + WINDOW] = window;
    cells[at + COUNT] = count;
    cells[at + BEFORE] = before;
    cells[at + MARKS] = changed ? CHANGED | USED : 0;
  }

  /** Whether a key may make room; one that was used since it was asked for last may not, this once. */
  spares(hash: number, check: number): boolean {
    const at = this.#find(hash, check);
    if (at < 0) return true;
    if ((this.#cells[at + MARKS]! & USED) === 0) return true;
    this.#cells[at + MARKS]! &= ~USED;
    return false;
  }

  remove(hash: number, check: number): void {
    const at = this.#find(hash, check);
    if (at < 0) return;
    this.#size--;
    removeCell(this.#cells, CELL, this.#shift, at);
  }

  /** Adds to `windows` those from `from` on and before `to` that have counts. */
  windows(from: number, to: number, windows: Set<number>): void {
    const cells = this.#cells;
    for (let at = 0; at < cells.length; at += CELL) {
      if (cells[at + SLOT] === 0) continue;
      const newest = cells[at + WINDOW]!;
      if (newest >= from && newest < to) windows.add(newest);
      if (newest > from && newest <= to && cells[at + BEFORE]! > 0) windows.add(newest - 1);
    }
  }

  counted(window: number): Counted {
    const cells = this.#cells;
    const order = new Int32Array(this.#size);
    let size = 0;
    // The cells are nearly in order: only those that others have pushed on, or around the end, have to move.
    for (let at = 0; at < cells.length; at += CELL) {
      if (countAt(cells, at, window) === 0) continue;
      let place = size++;
      for (; place > 0 && isBefore(cells, at, order[place - 1]!); place--) order[place] = order[place - 1]!;
      order[place] = at;
    }
    const hashes = new Uint32Array(size);
    const checks = new Uint32Array(size);
    const counts = new Uint32Array(size);
    for (let i = 0; i < size; i++) {
      const at = order[i]!;
      hashes[i] = cells[at + HASH]!;
      checks[i] = cells[at + CHECK]!;
      counts[i] = countAt(cells, at, window);
    }
    return { hashes, checks, counts };
  }

  /** Hands out what has changed since the last call. */
  flush(changed: (slot: number, window: number, count: number, before: number) => void): void {
    const cells = this.#cells;
    for (let at = 0; at < cells.length; at += CELL) {
      if ((cells[at + MARKS]! & CHANGED) === 0) continue;
      cells[at + MARKS]! &= ~CHANGED;
      changed(cells[at + SLOT]! - 1, cells[at + WINDOW]!, cells[at + COUNT]!, cells[at + BEFORE]!);
    }
  }

  #find(hash: number, check: number): number {
    return findCell(this.#cells, CELL, this.#shift, hash | 0, check | 0);
  }
}

function isBefore(cells: Int32Array, a: number, b: number): boolean {
  const one = cells[a + HASH]! >>> 0;
  const other = cells[b + HASH]! >>> 0;
  return one < other || (one === other && cells[a + CHECK]! >>> 0 < cells[b + CHECK]! >>> 0);
}

function countAt(cells: Int32Array, at: number, window: number): number {
  if (cells[at + SLOT] === 0) return 0;
  if (cells[at + WINDOW] === window) return cells[at + COUNT]!;
  return cells[at + WINDOW] === window + 1 ? cells[at + BEFORE]! : 0;
}
