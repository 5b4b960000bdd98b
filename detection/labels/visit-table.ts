import { type Cells, CellTable, CHECK, HASH, MARK } from './cell-table.js';

/**
 * numbers a cell: two hashes, marks, number of a window, counts of it and of the one before. The rest is so that none
 * lies in two lines of the cache.
 */
const CELL = 8;
const WINDOW = 3;
const COUNT = 4;
const BEFORE = 5;

/** marks: there is a key, and it was counted since it was taken for a checkpoint */
const TAKEN = 1;
const CHANGED = 2;

/** numbers a key outside of a table: two hashes, number of a window, counts of it and of the one before */
export const KEY_NUMBERS = 5;

/** Keys that were counted in a window, and how often, by hash and, where hashes are equal, by check. */
export interface Counted {
  readonly hashes: Uint32Array;
  readonly checks: Uint32Array;
  readonly counts: Uint32Array | Uint8Array;
}

/** below this share of all cells, keys of a window are gathered from its list and sorted; above it all cells are gone through */
const FEW = 1 / 16;

/** The cells of the keys that were counted in a window, in the order in which they were first. */
class WindowCells {
  window = Number.NaN;
  size = 0;
  cells = new Int32Array(64);

  /** What comes of a window before the listed one isn't listed: the windows of a table close in their order. */
  add(window: number, cell: number): void {
    if (window < this.window) return;
    if (window !== this.window) {
      this.window = window;
      this.size = 0;
    }
    if (this.size === this.cells.length) {
      const cells = new Int32Array(2 * this.size);
      cells.set(this.cells);
      this.cells = cells;
    }
    this.cells[this.size++] = cell;
  }
}

/**
 * Counts by key: a hash table whose cells hold all that an event changes, so that it costs one line of the cache. Few
 * of the keys are counted in any one window, so the table notes which.
 */
export class VisitTable extends CellTable {
  /** of two windows that follow each other, one each, as long as no cell moves */
  readonly #lists = [new WindowCells(), new WindowCells()] as const;
  /** lists of windows from this one on know all keys; of those before, some were counted before the cells moved */
  #listedFrom = Number.NEGATIVE_INFINITY;
  #newest = Number.NEGATIVE_INFINITY;
  /** keys that are marked as changed */
  #changed = 0;

  constructor() {
    super(CELL);
  }

  /** keys in it */
  get size(): number {
    return this.keys;
  }

  /** Reads the cells of keys that come next. These loads don't wait for each other, as those of counting them do. */
  touch(hashes: Uint32Array, size: number): number {
    const { cells } = this;
    const { shift } = this;
    let sum = 0;
    for (let row = 0; row < size; row++) sum ^= cells[(hashes[row]! >>> shift) * CELL]!;
    return sum;
  }

  /** Counts one for the key in a window; false for a key that isn't in it. */
  count(hash: number, check: number, window: number): boolean {
    const at = this.find(hash, check);
    if (at < 0) return false;
    const { cells } = this;
    const newest = cells[at + WINDOW]!;
    if (newest === window) cells[at + COUNT]!++;
    else if (newest === window + 1) {
      if (cells[at + BEFORE]!++ === 0) this.#note(at, window);
    } else {
      cells[at + BEFORE] = newest === window - 1 ? cells[at + COUNT]! : 0;
      cells[at + WINDOW] = window;
      cells[at + COUNT] = 1;
      this.#note(at, window);
    }
    if (cells[at + MARK] === TAKEN) {
      cells[at + MARK] = TAKEN | CHANGED;
      this.#changed++;
    }
    return true;
  }

  /** For a key that isn't in it: with one event in `window`. */
  add(hash: number, check: number, window: number): void {
    this.#note(this.#lay(hash, check, window, 1, 0, TAKEN | CHANGED), window);
    this.#changed++;
  }

  #note(cell: number, window: number): void {
    if (window > this.#newest) this.#newest = window;
    if (window >= this.#listedFrom) this.#lists[window & 1]!.add(window, cell);
  }

  /** Cells have moved, or were laid: what was listed is of no use. */
  #startLists(): void {
    this.#listedFrom = this.#newest + 1;
  }

  protected override grow(): void {
    super.grow();
    this.#startLists();
  }

  protected override sift(keeps: (cell: number) => boolean): void {
    super.sift(keeps);
    this.#startLists();
  }

  /** Makes room for so many keys in all. */
  reserve(keys: number): void {
    while (this.isFull(keys)) this.grow();
  }

  /** Lays the keys of KEY_NUMBERS numbers each over those that are there, as unchanged. */
  lay(numbers: Int32Array): void {
    for (let at = 0; at < numbers.length; at += KEY_NUMBERS) {
      const window = numbers[at + 2]!;
      if (window > this.#newest) this.#newest = window;
      this.#lay(numbers[at]!, numbers[at + 1]!, window, numbers[at + 3]!, numbers[at + 4]!, TAKEN);
    }
    this.#startLists();
  }

  /** Keys, KEY_NUMBERS numbers each: all, or those that were counted since the last call. */
  take(all: boolean): Int32Array<ArrayBuffer> {
    const { cells } = this;
    const wanted = all ? TAKEN : CHANGED;
    const numbers = new Int32Array((all ? this.size : this.#changed) * KEY_NUMBERS);
    this.#changed = 0;
    for (let at = 0, to = 0; at < cells.length; at += CELL) {
      if ((cells[at + MARK]! & wanted) === 0) continue;
      cells[at + MARK] = TAKEN;
      numbers[to++] = cells[at + HASH]!;
      numbers[to++] = cells[at + CHECK]!;
      numbers[to++] = cells[at + WINDOW]!;
      numbers[to++] = cells[at + COUNT]!;
      numbers[to++] = cells[at + BEFORE]!;
    }
    return numbers;
  }

  /** Writes how dear each key is to `ranks` from `from` on: see `rankOf`. */
  ranks(ranks: Float64Array, from: number): void {
    const { cells } = this;
    let to = from;
    for (let at = 0; at < cells.length; at += CELL)
      if (cells[at + MARK] !== 0) ranks[to++] = rankOf(cells, at);
  }

  /** Forgets the keys up to a rank. */
  forget(rank: number): void {
    const { cells } = this;
    this.sift((at) => {
      if (rankOf(cells, at) > rank) return true;
      if ((cells[at + MARK]! & CHANGED) !== 0) this.#changed--;
      return false;
    });
  }

  /** Adds to `windows` those from `from` on and before `to` that have counts. */
  windows(from: number, to: number, windows: Set<number>): void {
    const { cells } = this;
    for (let at = 0; at < cells.length; at += CELL) {
      if (cells[at + MARK] === 0) continue;
      const newest = cells[at + WINDOW]!;
      if (newest >= from && newest < to) windows.add(newest);
      if (newest > from && newest <= to && cells[at + BEFORE]! > 0) windows.add(newest - 1);
    }
  }

  /** The keys that were counted in a window, in the order of their hashes. */
  counted(window: number): Counted {
    const { cells } = this;
    const candidates = this.#candidates(window);
    const order = new Int32Array(candidates?.length ?? this.keys);
    let size = 0;
    // They are nearly in order: only those that others have pushed on, or around the end, have to move.
    const end = candidates?.length ?? cells.length / CELL;
    for (let i = 0; i < end; i++) {
      const at = candidates?.[i] ?? i * CELL;
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

  /** The cells of a window that has few, by hash; undefined where all cells are to be looked at. */
  #candidates(window: number): Int32Array | undefined {
    const list = this.#lists[window & 1]!;
    const few = FEW * (this.cells.length / CELL);
    if (window < this.#listedFrom || list.window !== window || list.size > few) return undefined;
    const keys = new Float64Array(list.size);
    // Hash and place in one number of 53 bits: there are never 2^21 of few.
    for (let i = 0; i < list.size; i++) keys[i] = (this.cells[list.cells[i]!]! >>> 0) * 2 ** 21 + i;
    return Int32Array.from(keys.sort(), (key) => list.cells[key % 2 ** 21]!);
  }

  /** @returns the key's cell */
  #lay(hash: number, check: number, window: number, count: number, before: number, marks: number): number {
    const known = this.find(hash, check);
    const at = known < 0 ? this.enter(hash, check) : known;
    const { cells } = this;
    if (known >= 0 && (cells[at + MARK]! & CHANGED) !== 0 && marks === TAKEN) this.#changed--;
    cells[at + MARK] = marks;
    cells[at + WINDOW] = window;
    cells[at + COUNT] = count;
    cells[at + BEFORE] = before;
    return at;
  }
}

/**
 * Which keys are missed least: those counted last in the oldest window, of these the ones counted least often then, of
 * these by hash. It depends on the key and its counts alone, so a table that was restored forgets the same keys.
 */
function rankOf(cells: Cells, at: number): number {
  const often = Math.min(cells[at + COUNT]!, 0xfff);
  return (cells[at + WINDOW]! * 0x1000 + often) * 0x10000 + (cells[at + HASH]! >>> 16);
}

function isBefore(cells: Int32Array, a: number, b: number): boolean {
  const one = cells[a + HASH]! >>> 0;
  const other = cells[b + HASH]! >>> 0;
  return one < other || (one === other && cells[a + CHECK]! >>> 0 < cells[b + CHECK]! >>> 0);
}

function countAt(cells: Int32Array, at: number, window: number): number {
  if (cells[at + MARK] === 0) return 0;
  if (cells[at + WINDOW] === window) return cells[at + COUNT]!;
  return cells[at + WINDOW] === window + 1 ? cells[at + BEFORE]! : 0;
}
