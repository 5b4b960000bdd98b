/** numbers a cell: two hashes, the slot + 1 (0: empty), number of a window, counts of it and of the one before, marks */
const CELL = 8;
const HASH = 0;
const CHECK = 1;
const SLOT = 2;
const WINDOW = 3;
const COUNT = 4;
const BEFORE = 5;
const MARKS = 6;

/** its row in the slab is behind */
const CHANGED = 1;
/** counted since it was looked at to make room */
const USED = 2;

const FIRST_CELLS = 256;

/**
 * Counts by key: a hash table with open addressing whose cells hold all that an event changes, so that it costs one line
 * of the cache. A key is its two hashes of 32 bits, of different kinds: its text is looked at only where it is needed. A
 * cell's place goes by the leading bits of the first hash, so walking the cells is nearly walking the keys by hash.
 */
export class VisitTable {
  #cells = new Int32Array(FIRST_CELLS * CELL);
  /** by which a hash is shifted to give its cell */
  #shift = 32 - Math.log2(FIRST_CELLS);
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
    const at = this.#find(hash | 0, check | 0);
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
    if (8 * this.#size > 5 * (this.#cells.length / CELL)) this.#grow();
    const at = this.#free(hash);
    const cells = this.#cells;
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
    const at = this.#find(hash | 0, check | 0);
    if (at < 0) return true;
    if ((this.#cells[at + MARKS]! & USED) === 0) return true;
    this.#cells[at + MARKS]! &= ~USED;
    return false;
  }

  remove(hash: number, check: number): void {
    const cells = this.#cells;
    let hole = this.#find(hash | 0, check | 0);
    if (hole < 0) return;
    this.#size--;
    const places = cells.length / CELL;
    // What follows moves up where the hole would cut it off from its own cell.
    for (let at = this.#next(hole); cells[at + SLOT] !== 0; at = this.#next(at)) {
      const own = cells[at]! >>> this.#shift;
      const fromOwn = (at / CELL - own + places) % places;
      const fromHole = ((at - hole) / CELL + places) % places;
      if (fromOwn < fromHole) continue;
      cells.copyWithin(hole, at, at + CELL);
      hole = at;
    }
    cells.fill(0, hole, hole + CELL);
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

  /**
   * Slots of the keys that were counted in a window, and how often, by hash and, where hashes are equal, by name: an
   * order that depends on the keys alone.
   */
  counted(window: number, nameOf: (slot: number) => string): { slots: Int32Array; counts: Int32Array } {
    const cells = this.#cells;
    const order = new Int32Array(this.#size);
    let size = 0;
    const isBefore = (a: number, b: number): boolean => {
      const one = cells[a]! >>> 0;
      const other = cells[b]! >>> 0;
      if (one !== other) return one < other;
      return nameOf(cells[a + SLOT]! - 1) < nameOf(cells[b + SLOT]! - 1);
    };
    for (let at = 0; at < cells.length; at += CELL) {
      if (countAt(cells, at, window) === 0) continue;
      let place = size++;
      for (; place > 0 && isBefore(at, order[place - 1]!); place--) order[place] = order[place - 1]!;
      order[place] = at;
    }
    const found = order.subarray(0, size);
    return {
      slots: found.map((at) => cells[at + SLOT]! - 1),
      counts: found.map((at) => countAt(cells, at, window)),
    };
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

  #next(at: number): number {
    return at + CELL === this.#cells.length ? 0 : at + CELL;
  }

  #find(hash: number, check: number): number {
    const cells = this.#cells;
    for (let at = (hash >>> this.#shift) * CELL; cells[at + SLOT] !== 0; at = this.#next(at))
      if (cells[at] === hash && cells[at + CHECK] === check) return at;
    return -1;
  }

  #free(hash: number): number {
    let at = (hash >>> this.#shift) * CELL;
    while (this.#cells[at + SLOT] !== 0) at = this.#next(at);
    return at;
  }

  #grow(): void {
    const old = this.#cells;
    this.#cells = new Int32Array(2 * old.length);
    this.#shift--;
    for (let at = 0; at < old.length; at += CELL) {
      if (old[at + SLOT] === 0) continue;
      const to = this.#free(old[at]!);
      for (let i = 0; i < CELL; i++) this.#cells[to + i] = old[at + i]!;
    }
  }
}

function countAt(cells: Int32Array, at: number, window: number): number {
  if (cells[at + SLOT] === 0) return 0;
  if (cells[at + WINDOW] === window) return cells[at + COUNT]!;
  return cells[at + WINDOW] === window + 1 ? cells[at + BEFORE]! : 0;
}
