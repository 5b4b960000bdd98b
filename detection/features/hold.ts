/**
 * Normalised values are held within so many spreads, and what is missing (NaN) is usual: 0. That is for the rare row
 * that needs it: whoever writes rows sums their squares on the way and comes here when the sum, which a value beyond the
 * bound or a NaN would spoil, isn't below HELD_SQUARE.
 */
export const CLIP = 50;
export const HELD_SQUARE = CLIP * CLIP;

/** Holds values[from, to) within -CLIP and CLIP. */
export function hold(values: Float32Array, from: number, to: number): void {
  for (let at = from; at < to; at++) {
    const value = values[at]!;
    if (value > CLIP) values[at] = CLIP;
    else if (value < -CLIP) values[at] = -CLIP;
    else if (Number.isNaN(value)) values[at] = 0;
  }
}
