import { decodePage, encodePages, type PageOptions } from './encoding.js';
import type { Slab } from './slab.js';

/** A part of a partition's state that goes into checkpoints, and comes back, as pages of bytes. */
export interface PagedState {
  /**
   * Pages of all of it, or of what has changed since the last call; laid over those of that call, it is all of it.
   * They are copies: the state may go on changing.
   */
  takePages(whole: boolean, options?: PageOptions): Uint8Array[];
  /**
   * Lays a page over what was laid before; those of one call of `takePages` in any order.
   * @throws StatePageError when the bytes are not such a page; part of one that ends early may have been laid then
   */
  layPage(page: Uint8Array): void;
}

/** Rows of a slab that need no preparation. */
export class SlabPages implements PagedState {
  constructor(readonly slab: Slab) {}

  takePages(whole: boolean, options?: PageOptions): Uint8Array[] {
    const { slab } = this;
    const changed = slab.takeDirty();
    return encodePages(slab, whole ? slab.allSlots() : changed, options);
  }

  layPage(page: Uint8Array): void {
    decodePage(page, this.slab, () => undefined);
  }
}
