import { hashString } from '../features/hash.js';

/** cells a key at least: half of them empty keeps the walks short */
const CELLS_A_KEY = 2;

/**
 * Slots by key: a hash table with open addressing, asked for a string or for the bytes of one, without making it. The
 * keys themselves are the slab's list; equal hashes are told apart by them.
 */
export class KeyIndex {
  readonly #keys: readonly string[];
  /** hash and slot + 1 in turn; 0 in the second place is an empty cell */
  #cells = new Uint32Array(2 * 128);
  #size = 0;
  /** keeps the compiler from leaving out `foresee`; never read otherwise */
  protected lengths = 0;

  /** @param keys by slot; the owner keeps it */
  constructor(keys: readonly string[]) {
    this.#keys = keys;
  }

  /** The key's slot, or -1. */
  find(key: string): number {
    return this.findHashed(key, hashString(key));
  }

  /** As `find`, where the key's hashString is known. */
  findHashed(key: string, hash: number): number {
    const cells = this.#cells;
    const mask = cells.length / 2 - 1;
    for (let cell = hash & mask; ; cell = (cell + 1) & mask) {
      const kept = cells[2 * cell + 1]!;
      if (kept === 0) return -1;
      if (cells[2 * cell] === hash && this.#keys[kept - 1] === key) return kept - 1;
    }
  }

  /** As `findHashed`, for the key in bytes[start, end), which are ASCII. */
  findHashedBytes(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const cells = this.#cells;
    const mask = cells.length / 2 - 1;
    for (let cell = hash & mask; ; cell = (cell + 1) & mask) {
      const kept = cells[2 * cell + 1]!;
      if (kept === 0) return -1;
      if (cells[2 * cell] === hash && isText(this.#keys[kept - 1]!, bytes, start, end)) return kept - 1;
    }
  }

  /**
   * Puts into slots[0, size) where keys with these hashes may be, -1 for one that isn't there. What is read for one key
   * doesn't wait for what is read for the one before, so that memory serves many at a time; asking for them one by one
   * afterwards finds all of it at hand.
   */
  foresee(hashes: Uint32Array, size: number, slots: Int32Array): void {
    const cells = this.#cells;
    const mask = cells.length / 2 - 1;
    for (let i = 0; i < size; i++) slots[i] = cells[2 * (hashes[i]! & mask) + 1]!;
    for (let i = 0; i < size; i++) {
      const hash = hashes[i]!;
      let cell = hash & mask;
      let kept = slots[i]!;
      while (kept !== 0 && cells[2 * cell] !== hash) {
        cell = (cell + 1) & mask;
        kept = cells[2 * cell + 1]!;
      }
      slots[i] = kept - 1;
    }
    let lengths = 0;
    for (let i = 0; i < size; i++) if (slots[i]! >= 0) lengths += this.#keys[slots[i]!]!.length;
    this.lengths = lengths;
  }

  /** For a key that isn't in it. */
  add(key: string, slot: number, hash = hashString(key)): void {
    this.#size++;
    if (CELLS_A_KEY * this.#size > this.#cells.length / 2) this.#grow();
    this.#put(hash, slot + 1);
  }

  remove(key: string): void {
    const cells = this.#cells;
    const mask = cells.length / 2 - 1;
    const slot = this.find(key);
    if (slot < 0) return;
    let hole = hashString(key) & mask;
    while (cells[2 * hole + 1] !== slot + 1) hole = (hole + 1) & mask;
    this.#size--;
    // What follows moves up where the hole would cut it off from its own cell.
    for (let cell = (hole + 1) & mask; cells[2 * cell + 1] !== 0; cell = (cell + 1) & mask) {
      const own = cells[2 * cell]! & mask;
      if (((cell - own) & mask) < ((cell - hole) & mask)) continue;
      cells[2 * hole] = cells[2 * cell]!;
      cells[2 * hole + 1] = cells[2 * cell + 1]!;
      hole = cell;
    }
    cells[2 * hole + 1] = 0;
  }

  #put(hash: number, kept: number): void {
    const cells = this.#cells;
    const mask = cells.length / 2 - 1;
    let cell = hash & mask;
    while (cells[2 * cell + 1] !== 0) cell = (cell + 1) & mask;
    cells[2 * cell] = hash;
    cells[2 * cell + 1] = kept;
  }

  #grow(): void {
    const old = this.#cells;
    this.#cells = new Uint32Array(2 * old.length);
    for (let cell = 0; cell < old.length; cell += 2)
      if (old[cell + 1] !== 0) this.#put(old[cell]!, old[cell + 1]!);
  }
}

/** Whether the ASCII bytes are this text. */
export function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = start; i < end; i++) if (text.charCodeAt(i - start) !== bytes[i]) return false;
  return true;
}
