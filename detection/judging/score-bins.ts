/**
 * Logarithmic bins for scores, sixteen an octave of 1 + score/unit over 24 octaves.
 */
const SUB_BITS = 4;
export const SHIFT = 23 - SUB_BITS;
const OCTAVES = 24;
export const BINS = OCTAVES << SUB_BITS;
const ONE_BITS = 0x3f800000;
export const FRACTION_MASK = (1 << SHIFT) - 1;
export const FRACTION_UNIT = 1 / (1 << SHIFT);

/** Lower edge of a bin in units: the inverse of the bit trick in `place`. */
const EDGES = new Float64Array(BINS + 1);
for (let bin = 0; bin <= BINS; bin++) {
  const octave = bin >> SUB_BITS;
  EDGES[bin] = 2 ** octave * (1 + (bin & ((1 << SUB_BITS) - 1)) / (1 << SUB_BITS)) - 1;
}

const f32 = new Float32Array(1);
const i32 = new Int32Array(f32.buffer);

/**
 * Position of a score on the bin axis, in steps of 1/2^SHIFT: the bits of the float32 1 + score/unit are a
 * piecewise linear logarithm. Scores below 0 count as 0.
 */
export function place(score: number, perUnit: number): number {
  f32[0] = 1 + score * perUnit;
  const at = i32[0]! - ONE_BITS;
  if (at <= 0 || !(score > 0)) return 0;
  return at < BINS << SHIFT ? at : (BINS << SHIFT) - 1;
}

/** Lower edge of a bin, in units; `bin` may be BINS, the upper edge of the last. */
export const binEdge = (bin: number): number => EDGES[bin]!;
