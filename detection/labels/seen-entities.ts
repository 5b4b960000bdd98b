import { HashBits } from './hash-bits.js';

/** leading bits of a hash by which entities are told apart */
const BITS = 22;
const PLACES = 2 ** BITS;

/**
 * About how many different entities were met, by linear counting: a bit for each of 2^22 hashes, of which the share
 * that is not set yet says how many were drawn (Whang et al., 1990). Half a million bytes, whatever comes; within
 * .3% up to ten million entities. Windows come in the order of their hashes, so the bits are gone through in order.
 */
export class SeenEntities {
  readonly #bits = new HashBits(BITS);
  #free = PLACES;

  add(hash: number): void {
    if (this.#bits.add(hash)) this.#free--;
  }

  /** entities, about; no whole number */
  get size(): number {
    return PLACES * Math.log(PLACES / Math.max(1, this.#free));
  }
}
