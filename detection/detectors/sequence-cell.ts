export const GATE_SLOPE = 1 / 6;

/**
 * The recurrence: minGRU (Feng et al. 2024, "Were RNNs All We Needed?", arXiv 2410.01201). Gate and candidate
 * depend on the input alone, so one product gives them for a whole batch and what is left is
 *   h <- h + z (c - h)
 * in arrival order. The gate is the piecewise linear sigmoid z = clamp(a/6 + 1/2, 0, 1): no exponential.
 */
export function advance(
  h: Float32Array,
  at: number,
  hidden: number,
  gates: Float32Array,
  gatesAt: number,
): void {
  for (let k = 0; k < hidden; k++) {
    const z = openness(gates[gatesAt + k]!);
    const held = h[at + k]!;
    h[at + k] = held + z * (gates[gatesAt + hidden + k]! - held);
  }
}

/** how far a gate is open */
export function openness(a: number): number {
  const z = a * GATE_SLOPE + 0.5;
  return z > 0 ? Math.min(z, 1) : 0;
}

export const NARROWEST = 2;
export const WIDEST = -3;
const NARROWEST_ROOT = 1 + NARROWEST * 0.25;

/**
 * Inverse spread of a feature from the network's output v: (1 + v/4)^4, which is exp(v) near 0 and costs two
 * multiplications; v is held between -3 (256 times wider) and 2 (5 times narrower).
 */
export function sharpness(v: number): number {
  // A choice between a number and an integer would be an object on the heap each time.
  const root = v < NARROWEST ? 1 + Math.max(v, WIDEST) * 0.25 : NARROWEST_ROOT;
  const square = root * root;
  return square * square;
}

/** A layer that ends in a rectifier with both ends (0 to 6) gives sharpness's v in such steps, counted from WIDEST. */
export const NARROWING_STEP = (NARROWEST - WIDEST) / 6;
const WIDEST_ROOT = 1 + WIDEST * 0.25;

/** `sharpness` of v = WIDEST + narrowing * NARROWING_STEP, for a narrowing that is within 0 and 6 already */
export function sharpnessWithin(narrowing: number): number {
  const root = WIDEST_ROOT + narrowing * (NARROWING_STEP * 0.25);
  const square = root * root;
  return square * square;
}
