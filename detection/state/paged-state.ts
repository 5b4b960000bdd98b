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

/** The rows of a slab. */
export class SlabPages implements PagedState {
  /** @param created prepares a row before a page is laid over it */
  constructor(
    private readonly slab: Slab,
    private readonly created: (slot: number) => void = () => undefined,
  ) {}

  takePages(whole: boolean, options?: PageOptions): Uint8Array[] {
    const { slab } = this;
    const changed = slab.takeDirty();
    return encodePages(slab, whole ? slab.allSlots() : changed, options);
  }

  layPage(page: Uint8Array): void {
    decodePage(page, this.slab, this.created);
  }
}
