/** A set of hashes of 32 bits that tells them apart by their leading bits alone: what is in it is found, and some others are. */
export class HashBits {
  readonly #words: Uint32Array;
  readonly #shift: number;

  /** @param bits leading bits of a hash that count: 2^bits / 8 bytes */
  constructor(bits: number) {
    this.#words = new Uint32Array(2 ** bits / 32);
    this.#shift = 32 - bits;
  }

  has(hash: number): boolean {
    const place = hash >>> this.#shift;
    return (this.#words[place >>> 5]! & (1 << (place & 31))) !== 0;
  }

  /** @returns whether it was not in yet */
  add(hash: number): boolean {
    const place = hash >>> this.#shift;
    const bit = 1 << (place & 31);
    const word = this.#words[place >>> 5]!;
    if ((word & bit) !== 0) return false;
    this.#words[place >>> 5] = word | bit;
    return true;
  }
}
