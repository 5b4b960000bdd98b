import { CellTable, CHECK, MARK } from './cell-table.js';
import type { Counted } from './visit-table.js';

/** numbers a cell: two hashes, GOOD or the number it is followed by + FOLLOWED, the last good day of a good one */
const CELL = 4;
const DAY = 3;
const GOOD = 1;
const FOLLOWED = 2;
/** cells between a key and its own place: of keys all over a table that isn't full, not one in a million is so far off */
const CROWDED = 256;

/**
 * What a book knows of all secondary entities by hash: of one that labels speak of, the number that it is followed by;
 * of any other, its last good day. Of these there are `most` at most.
 */
export class LastGood extends CellTable {
  #good = 0;

  constructor(private readonly most: number) {
    super(CELL);
  }

  /** entities that are not followed */
  get size(): number {
    return this.#good;
  }

  /** The number that an entity is followed by, or -1. */
  followed(hash: number, check: number): number {
    const at = this.find(hash, check);
    return at < 0 ? -1 : Math.max(-1, this.cells[at + MARK]! - FOLLOWED);
  }

  /** The entity is followed from now on. @returns its last good day, if that is known */
  follow(hash: number, check: number, number: number): number | undefined {
    let at = this.find(hash, check);
    const day = at < 0 ? undefined : this.cells[at + DAY]!;
    if (at < 0) at = this.enter(hash, check);
    else this.#good--;
    this.cells[at + MARK] = number + FOLLOWED;
    return day;
  }

  /** The entity is followed no longer. */
  leave(hash: number, check: number, lastGood: number | undefined): void {
    const at = this.find(hash, check);
    if (lastGood === undefined) {
      this.remove(at);
      return;
    }
    this.cells[at + MARK] = GOOD;
    this.cells[at + DAY] = lastGood;
    this.#good++;
  }

  /**
   * A window of that day: a good day for those that aren't followed.
   * @param followed is told how often each of the others was seen
   * @returns events of those that aren't followed
   */
  visits(
    { hashes, checks, counts }: Counted,
    day: number,
    followed: (number: number, count: number) => void,
  ): number {
    let sum = 0;
    let cells = this.cells;
    let shift = this.shift;
    for (let i = 0; i < hashes.length; i++) {
      const hash = hashes[i]! | 0;
      const check = checks[i]! | 0;
      const count = counts[i]!;
      // As `find`, but the key's own cell, where it most often is, is read once.
      let at = (hash >>> shift) * CELL;
      if (cells[at] !== hash || cells[at + CHECK] !== check || cells[at + MARK] === 0)
        at = this.find(hash, check);
      if (at < 0) {
        this.#meet(hash, check, day);
        cells = this.cells;
        shift = this.shift;
      } else if (cells[at + MARK]! >= FOLLOWED) {
        followed(cells[at + MARK]! - FOLLOWED, count);
        continue;
      } else if (cells[at + DAY]! < day) cells[at + DAY] = day;
      sum += count;
    }
    return sum;
  }

  #meet(hash: number, check: number, day: number): void {
    if (this.#good >= this.most) this.#forgetOldest();
    const at = this.enter(hash, check);
    this.cells[at + MARK] = GOOD;
    this.cells[at + DAY] = day;
    this.#good++;
  }

  /** Forgets those that were good last on the oldest of all last days. */
  #forgetOldest(): void {
    const cells = this.cells;
    let oldest = Number.POSITIVE_INFINITY;
    for (let at = 0; at < cells.length; at += CELL)
      if (cells[at + MARK] === GOOD) oldest = Math.min(oldest, cells[at + DAY]!);
    this.#good -= this.sift((at) => cells[at + MARK] !== GOOD || cells[at + DAY] !== oldest);
  }

  /**
   * The cell of an entity that has none yet. Large windows come in parts, each with its share of all hashes: in a table
   * that has yet to grow its keys would crowd in as many places, and each be walked past by the next. So crowding makes
   * the table grow as well, as far as it would for all that it may hold.
   */
  protected override enter(hash: number, check: number): number {
    let at = super.enter(hash, check);
    while (this.distance(at) > CROWDED && this.isFull(this.most)) {
      this.grow();
      at = this.put(hash, check);
    }
    return at;
  }
}
