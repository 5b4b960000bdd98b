import { BINS, binEdge, place, SHIFT } from './score-bins.js';

/** [bin unit, events it was made from, counts of the bins]; stored in a model package as it is. */
export type TailPrior = Float32Array;
export const TAIL_PRIOR_SIZE = 2 + BINS;
/** Events that a prior counts as where a domain has none of its own; more and more is then its own. */
export const PSEUDO_COUNT = 1000;

/** Counts of training scores; `scores` may hold NaN (a detector that had nothing to say), which is left out. */
export function fitTailPrior(scores: ArrayLike<number>): TailPrior {
  const positive: number[] = [];
  const stride = Math.max(1, Math.floor(scores.length / 100_000));
  for (let i = 0; i < scores.length; i += stride) if (scores[i]! > 0) positive.push(scores[i]!);
  positive.sort((a, b) => a - b);
  const median = positive[positive.length >> 1] ?? 1;
  const prior = new Float32Array(TAIL_PRIOR_SIZE);
  prior[0] = median / 4;
  const perUnit = 1 / prior[0];
  let events = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (Number.isNaN(score)) continue;
    prior[2 + (place(score, perUnit) >> SHIFT)]!++;
    events++;
  }
  prior[1] = events;
  return prior;
}

/**
 * The prior of a detector that was never trained: exponential scores with this mean. It says that it was made from
 * one event, so that nobody takes it for evidence; it counts as PSEUDO_COUNT events like any other.
 */
export function exponentialTailPrior(mean: number): TailPrior {
  if (!(mean > 0)) throw new RangeError(`the mean of a tail prior is ${mean}; give one above 0`);
  const prior = new Float32Array(TAIL_PRIOR_SIZE);
  prior[0] = mean / 4;
  prior[1] = 1;
  for (let bin = 0; bin < BINS; bin++) {
    prior[2 + bin] = Math.exp(-binEdge(bin) / 4) - Math.exp(-binEdge(bin + 1) / 4);
  }
  return prior;
}
