const EMPTY = 0;
const GONE = 0xffff_ffff;
/** kept places are one above, so that a filled cell is never EMPTY */
const ABOVE = 1;

/**
 * Where rows are, by the hash of their key: a hash table of two numbers a row. Keys whose hashes are equal are told
 * apart by whoever asks, who can see the rows.
 */
export class PlaceIndex {
  #hashes = new Uint32Array(1024);
  #places = new Uint32Array(1024);
  /** cells that aren't EMPTY, those of rows that were taken among them */
  #filled = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(hash: number, place: number): void {
    if (2 * (this.#filled + 1) > this.#places.length) this.#rebuild();
    this.#put(hash, place + ABOVE);
    this.#size++;
  }

  /** Removes the first of the hash's places that `isIt` takes for the right one, and gives it. */
  take(hash: number, isIt: (place: number) => boolean): number | undefined {
    const mask = this.#places.length - 1;
    for (let cell = hash & mask; this.#places[cell] !== EMPTY; cell = (cell + 1) & mask) {
      const kept = this.#places[cell]!;
      if (kept === GONE || this.#hashes[cell] !== hash || !isIt(kept - ABOVE)) continue;
      this.#places[cell] = GONE;
      this.#size--;
      return kept - ABOVE;
    }
    return undefined;
  }

  /** all of them, in no order */
  places(): Uint32Array {
    const found = new Uint32Array(this.#size);
    let at = 0;
    for (const kept of this.#places) if (kept !== EMPTY && kept !== GONE) found[at++] = kept - ABOVE;
    return found;
  }

  #put(hash: number, kept: number): void {
    const mask = this.#places.length - 1;
    let cell = hash & mask;
    while (this.#places[cell] !== EMPTY) cell = (cell + 1) & mask;
    this.#hashes[cell] = hash;
    this.#places[cell] = kept;
    this.#filled++;
  }

  /** Larger when it is full of rows, as large as before when it is full of holes. */
  #rebuild(): void {
    const hashes = this.#hashes;
    const places = this.#places;
    const length = 4 * this.#size >= places.length ? 2 * places.length : places.length;
    this.#hashes = new Uint32Array(length);
    this.#places = new Uint32Array(length);
    this.#filled = 0;
    for (let cell = 0; cell < places.length; cell++) {
      const kept = places[cell]!;
      if (kept !== EMPTY && kept !== GONE) this.#put(hashes[cell]!, kept);
    }
  }
}
