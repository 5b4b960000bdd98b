/**
 * Numbers that a float32 can't hold, kept in two: the nearest float32 and what is left, together 48 bits.
 * Running means and sums of raw readings need it: in one float32 they would stop moving after some millions
 * of events, and a counter reading of 1e9 would lose its last digits.
 */
export function readPair(data: Float32Array, at: number): number {
  return data[at]! + data[at + 1]!;
}

export function writePair(data: Float32Array, at: number, value: number): void {
  const high = Math.fround(value);
  data[at] = high;
  data[at + 1] = value - high;
}

/** The largest integer up to which a float32 counts by ones; counters stop there. */
export const COUNT_MOST = 2 ** 24;
