/**
 * A check's own tail probability over the past weeks: values v = ln(1 + score) counted in 128 bins of
 * v/(1+v), fine where scores are small; the body is empirical, the tail beyond the 98% quantile exponential
 * with the slope between the 80% and the 98% quantile. Counts fade by refits.
 */
const BINS = 128;
const FITTED = 0;
const Q98 = 1;
const SLOPE = 2;
const COUNTS = 3;
const BODY = COUNTS + BINS;
export const OWN_TAIL_SIZE = BODY + BINS + 1;

export const MOST_CHECK_SURPRISE = 12;
const LEAST_SLOPE = 0.12;
const ENOUGH = 40;
const TAIL_FROM = 0.02;

export function initOwnTail(data: Float32Array, at: number): void {
  data.fill(0, at, at + OWN_TAIL_SIZE);
}

const squeeze = (v: number): number => (BINS * v) / (1 + v);
const unsqueeze = (bin: number): number => (bin >= BINS ? Number.POSITIVE_INFINITY : bin / (BINS - bin));

export function learnOwnTail(data: Float32Array, at: number, score: number): void {
  const cell = at + COUNTS + Math.min(BINS - 1, Math.floor(squeeze(Math.log1p(score))));
  data[cell] = data[cell]! + 1;
}

/** Surprise of a score; 0 before the first fit. */
export function ownSurprise(data: Float32Array, at: number, score: number): number {
  if (data[at + FITTED] === 0 || !(score > 0)) return 0;
  const v = Math.log1p(score);
  if (v >= data[at + Q98]!) {
    const decades = -Math.log10(TAIL_FROM) + ((v - data[at + Q98]!) / data[at + SLOPE]!) * Math.LOG10E;
    return Math.min(MOST_CHECK_SURPRISE, decades);
  }
  const place = squeeze(v);
  const bin = Math.floor(place);
  const low = data[at + BODY + bin]!;
  return low + (place - bin) * (data[at + BODY + bin + 1]! - low);
}

/** Makes the table from the counts and lets them fade by `keep`. */
export function refitOwnTail(data: Float32Array, at: number, keep: number): void {
  let total = 0;
  for (let bin = 0; bin < BINS; bin++) total += data[at + COUNTS + bin]!;
  if (total >= ENOUGH) {
    const q98 = upperQuantile(data, at, TAIL_FROM, total);
    const q80 = upperQuantile(data, at, 0.2, total);
    data[at + FITTED] = 1;
    data[at + Q98] = q98;
    data[at + SLOPE] = Math.max(LEAST_SLOPE, (q98 - q80) / Math.log(10));
    let above = 0;
    for (let edge = BINS; edge >= 0; edge--) {
      if (edge < BINS) above += data[at + COUNTS + edge]!;
      data[at + BODY + edge] = Math.min(-Math.log10(TAIL_FROM), -Math.log10((above + 0.5) / (total + 0.5)));
    }
  }
  for (let bin = 0; bin < BINS; bin++) data[at + COUNTS + bin] = data[at + COUNTS + bin]! * keep;
}

/** The v that a share of `share` lies above. */
function upperQuantile(data: Float32Array, at: number, share: number, total: number): number {
  let above = 0;
  for (let bin = BINS - 1; bin >= 0; bin--) {
    const next = above + data[at + COUNTS + bin]!;
    if (next > share * total) {
      const inside = (next - share * total) / data[at + COUNTS + bin]!;
      return bin === BINS - 1 ? unsqueeze(bin) : unsqueeze(bin + inside);
    }
    above = next;
  }
  return 0;
}
