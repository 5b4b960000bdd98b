import type { StateBlock } from '../contract.js';

/** bounds of the means, see below */
const OF_SCORE = 3;
const OF_FASTER = 1.5;

/**
 * Exponentially weighted means of each detector's raw score, per entity: a spike shows at lambda 1, a small
 * shift that stays shows at 0.05. The means start from `start`, the score of an ordinary event, and not from
 * the first score, which would give one event the weight of twenty.
 *
 * A fault may score a million times what is ordinary, and a mean of twenty events would go on for hundreds after it.
 * So a mean is never more than 1.5 times the next faster one, and the fastest never more than 3 times the score, or 3 times an
 * ordinary one: what is over is over within a few events. What lasts passes both bounds.
 */
export class Smoothing {
  /** floats of state an entity */
  readonly stateSize: number;
  /** columns that `smooth` writes for a row: detector-major, one for each lambda */
  readonly columns: number;
  /** false where there is one column a detector and it is the score itself, so that `smooth` would copy and no more */
  readonly keeps: boolean;

  constructor(
    private readonly detectors: number,
    private readonly lambdas: readonly number[] = [1, 0.2, 0.05],
    private readonly start: readonly number[] = [],
    /** false for a detector whose columns are all its score itself: what it sees doesn't last, or lasts in its state */
    private readonly smoothed: readonly boolean[] = [],
  ) {
    for (const lambda of lambdas) {
      if (!(lambda > 0 && lambda <= 1))
        throw new RangeError(`smoothing constant ${lambda}: give one above 0 and at most 1`);
    }
    this.columns = detectors * lambdas.length;
    const kept = Array.from({ length: detectors }, (_, detector) => smoothed[detector] !== false).filter(
      Boolean,
    ).length;
    this.keeps = lambdas.length > 1 || (kept > 0 && lambdas[0]! < 1);
    this.stateSize = kept * lambdas.filter((lambda) => lambda < 1).length;
  }

  initState(state: StateBlock, slot: number): void {
    let at = slot * state.stride + state.offset;
    for (let detector = 0; detector < this.detectors; detector++) {
      if (this.smoothed[detector] === false) continue;
      for (const lambda of this.lambdas) if (lambda < 1) state.data[at++] = this.start[detector] ?? 0;
    }
  }

  /**
   * `scores` is rows x detectors, `out` rows x columns. A score that is NaN (the detector failed) leaves its
   * means as they are and gives NaN.
   */
  smooth(scores: Float32Array, rows: number, slots: Int32Array, state: StateBlock, out: Float32Array): void {
    const { detectors, lambdas } = this;
    const data = state.data;
    let to = 0;
    for (let row = 0; row < rows; row++) {
      let at = slots[row]! * state.stride + state.offset;
      for (let detector = 0; detector < detectors; detector++) {
        const score = scores[row * detectors + detector]!;
        const there = !Number.isNaN(score);
        const smooths = this.smoothed[detector] !== false;
        const start = this.start[detector] ?? 0;
        let bound = start > 0 ? OF_SCORE * Math.max(score, start) : Number.POSITIVE_INFINITY;
        for (let l = 0; l < lambdas.length; l++) {
          const lambda = lambdas[l]!;
          if (lambda < 1 && smooths) {
            if (there) {
              const mean = data[at]! + lambda * (score - data[at]!);
              data[at] = Math.min(mean, bound);
              if (start > 0) bound = OF_FASTER * Math.max(data[at]!, start);
            }
            out[to++] = there ? data[at]! : Number.NaN;
            at++;
          } else out[to++] = score;
        }
      }
    }
  }
}
