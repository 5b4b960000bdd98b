/**
 * How far a sensor moves in a given time: the 95% quantile of |x[t] - x[t-h]| over 1.96 at lags of 1, 4, 16 and
 * 64 intervals. Differences are counted in logarithmic bins, five an octave over twenty octaves, that fade by
 * e in two windows; quantiles come out within about 3%. Refits happen by count, see `due`.
 */
const LAGS = [1, 4, 16, 64] as const;
const LONGEST_LAG = 64;
const RING_LENGTH = LONGEST_LAG + 1;
const PER_OCTAVE = 5;
const BINS = 100;
/** the octave at which the widest lag's quantile is kept, so that there is room on both sides */
const ANCHOR_OCTAVE = 14;
const ENOUGH = 50;

const BASE = 0;
const HAS_BASE = 1;
const LEAST_STEP = 2;
const SCALES = 3;
const ZEROS = SCALES + LAGS.length;
const COUNTS = ZEROS + LAGS.length;
const HEAD = COUNTS + LAGS.length * BINS;
const RING = HEAD + 1;
/** values and what float32 leaves of them */
export const STEPS_SIZE = RING + 2 * RING_LENGTH;

export function initSteps(data: Float32Array, at: number): void {
  data.fill(0, at, at + STEPS_SIZE);
  data.fill(Number.NaN, at + RING, at + RING + RING_LENGTH);
}

/** Moves `intervals` on; what lies between holds no value. */
export function passTime(data: Float32Array, at: number, intervals: number): void {
  let head = data[at + HEAD]!;
  for (let i = Math.min(intervals, RING_LENGTH); i > 0; i--) {
    head = (head + 1) % RING_LENGTH;
    data[at + RING + head] = Number.NaN;
  }
  data[at + HEAD] = head;
}

/** Counts the steps to a trusted value at the present time, and keeps it for those to come. */
export function learnStep(data: Float32Array, at: number, value: number): void {
  const head = data[at + HEAD]!;
  const high = Math.fround(value);
  for (let l = 0; l < LAGS.length; l++) {
    const from = (head + RING_LENGTH - LAGS[l]!) % RING_LENGTH;
    const before = data[at + RING + from]!;
    if (Number.isNaN(before)) continue;
    const step = Math.abs(value - before - data[at + RING + RING_LENGTH + from]!);
    if (step === 0) {
      data[at + ZEROS + l] = data[at + ZEROS + l]! + 1;
      continue;
    }
    if (l === 0 && (data[at + LEAST_STEP] === 0 || step < data[at + LEAST_STEP]!))
      data[at + LEAST_STEP] = step;
    if (data[at + HAS_BASE] === 0) {
      data[at + HAS_BASE] = 1;
      data[at + BASE] = Math.floor(Math.log2(step)) - BINS / PER_OCTAVE / 2;
    }
    const bin = Math.floor((Math.log2(step) - data[at + BASE]!) * PER_OCTAVE);
    const cell = at + COUNTS + l * BINS + Math.min(BINS - 1, Math.max(0, bin));
    data[cell] = data[cell]! + 1;
  }
  data[at + RING + head] = high;
  data[at + RING + RING_LENGTH + head] = value - high;
}

/** Sets the scales from the counts (those with too few stay as they are) and lets the counts fade by `keep`. */
export function refitSteps(data: Float32Array, at: number, keep: number): void {
  if (data[at + HAS_BASE] === 0) return;
  let widest = 0;
  let scale = data[at + LEAST_STEP]!;
  for (let l = 0; l < LAGS.length; l++) {
    const quantile = stepQuantile(data, at, l, 0.95);
    if (!Number.isNaN(quantile)) {
      data[at + SCALES + l] = Math.max(quantile / 1.96, data[at + LEAST_STEP]!);
      widest = Math.max(widest, quantile);
    }
    // monotone in the lag
    scale = Math.max(scale, data[at + SCALES + l]!);
    data[at + SCALES + l] = scale;
  }
  if (widest > 0) anchor(data, at, Math.floor(Math.log2(widest)) - ANCHOR_OCTAVE);
  for (let i = at + ZEROS; i < at + HEAD; i++) data[i] = data[i]! * keep;
}

function stepQuantile(data: Float32Array, at: number, lag: number, share: number): number {
  const counts = at + COUNTS + lag * BINS;
  let total = data[at + ZEROS + lag]!;
  for (let bin = 0; bin < BINS; bin++) total += data[counts + bin]!;
  if (total < ENOUGH) return Number.NaN;
  let below = data[at + ZEROS + lag]!;
  if (below >= share * total) return 0;
  for (let bin = 0; bin < BINS; bin++) {
    const next = below + data[counts + bin]!;
    if (next >= share * total) {
      const inside = (share * total - below) / data[counts + bin]!;
      return 2 ** (data[at + BASE]! + (bin + inside) / PER_OCTAVE);
    }
    below = next;
  }
  return Number.NaN;
}

/** Shifts the bins so that they begin at the octave `base`; what falls off is added to the outermost bins. */
function anchor(data: Float32Array, at: number, base: number): void {
  const shift = (base - data[at + BASE]!) * PER_OCTAVE;
  if (shift === 0) return;
  for (let l = 0; l < LAGS.length; l++) {
    const counts = at + COUNTS + l * BINS;
    const moved = new Float64Array(BINS);
    for (let bin = 0; bin < BINS; bin++) {
      const to = Math.min(BINS - 1, Math.max(0, bin - shift));
      moved[to] = moved[to]! + data[counts + bin]!;
    }
    data.set(moved, counts);
  }
  data[at + BASE] = base;
}

/** Spread of a move in `age` intervals, NaN before the first refit. */
export function stepScale(data: Float32Array, at: number, age: number): number {
  const scales = at + SCALES;
  if (!(data[scales]! > 0)) return Number.NaN;
  const h = Math.max(1, age);
  if (h >= LONGEST_LAG) return data[scales + 3]! * (h / LONGEST_LAG) ** 0.25;
  const l = h < 4 ? 0 : h < 16 ? 1 : 2;
  const low = data[scales + l]!;
  const part = Math.log(h / LAGS[l]!) / Math.log(4);
  return low * (data[scales + l + 1]! / low) ** part;
}
