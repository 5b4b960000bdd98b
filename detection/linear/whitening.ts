import { symmetricEigen } from './eigen.js';
import { nonIncreasing } from './isotonic.js';
import { type Matrix, multiply, scale, transpose, vectorTimes, zeros } from './matrix.js';
import { Moments, spreadAlong } from './moments.js';

/** Rows in time order fall into this many stretches; two neighbours make a block of the cross-validation. */
export const STRETCHES = 10;
const BLOCKS = 5;
/** A direction with less than this part of the mean spread is a rounding error or a constant, not a law. */
const SMALLEST_SPREAD = 1e-6;
const DRIFT_WEIGHT = 10;
/** variance granted to a feature that never moved in training */
const STILL_SPREAD = 0.01;

export interface Whitening {
  readonly mean: Float64Array;
  /** (row - mean) · matrix has unit covariance on rows that the fit has not seen */
  readonly matrix: Matrix;
}

/** Collects residuals of normal rows, stretch by stretch. */
export class ResidualStretches {
  private readonly blocks: Moments[];
  private readonly borders: Moments[];
  private readonly sums: { count: number; sum: Float64Array }[];

  constructor(readonly size: number) {
    this.blocks = Array.from({ length: BLOCKS }, () => new Moments(size));
    this.borders = Array.from({ length: BLOCKS }, () => new Moments(size));
    this.sums = Array.from({ length: STRETCHES }, () => ({ count: 0, sum: new Float64Array(size) }));
  }

  /** `place` of `total` in time order; rows within `gap` of a block are no part of what is fitted without it */
  add(rows: ArrayLike<number>, at: number, place: number, total: number, gap: number): void {
    const stretch = Math.min(STRETCHES - 1, Math.floor((place * STRETCHES) / total));
    const block = Math.floor((stretch * BLOCKS) / STRETCHES);
    this.blocks[block]!.add(rows, at);
    const held = this.sums[stretch]!;
    held.count++;
    for (let i = 0; i < this.size; i++) held.sum[i]! += rows[at + i]!;
    if (block > 0 && place - (block * total) / BLOCKS < gap) this.borders[block - 1]!.add(rows, at);
    if (block < BLOCKS - 1 && ((block + 1) * total) / BLOCKS - place <= gap)
      this.borders[block + 1]!.add(rows, at);
  }

  total(): Moments {
    return this.blocks.reduce((sum, block) => sum.plus(block));
  }

  /**
   * The cross-validated covariance: spreads along the eigenvectors are measured on the block that these were
   * fitted without, made monotone, raised to what later blocks show against the mean of the earlier ones
   * (drift), and the directions in which stretches' means wander are shrunk. A plain inverse covariance
   * believes its smallest eigenvalues, which are too small; shrinking all of them hides what they tell.
   */
  whitening(): Whitening {
    const total = this.total();
    const mean = total.mean();
    const covariance = total.covariance();
    const still = Array.from({ length: this.size }, (_, i) => covariance.data[i * this.size + i]! < 1e-9);
    const { vectors, values } = symmetricEigen(loosened(covariance, still));
    const spread = this.unseenSpread(total, values, still);
    const drift = this.driftAlong(vectors);
    const average = values.reduce((sum, value) => sum + Math.max(value, 0), 0) / this.size;
    const floor = Math.max(SMALLEST_SPREAD * average, 1e-12);
    for (let i = 0; i < this.size; i++) spread[i] = Math.max(spread[i]!, drift[i]!, floor);
    const toUnit = scale(
      vectors,
      null,
      spread.map((value) => 1 / Math.sqrt(value)),
    );
    return { mean, matrix: multiply(toUnit, this.calmed(mean, toUnit)) };
  }

  private unseenSpread(total: Moments, fallback: Float64Array, still: boolean[]): Float64Array {
    const sum = new Float64Array(this.size);
    let folds = 0;
    this.blocks.forEach((block, b) => {
      const rest = total.plus(block, -1).plus(this.borders[b]!, -1);
      if (block.count === 0 || rest.count < 2) return;
      const { vectors } = symmetricEigen(loosened(rest.covariance(), still));
      const along = spreadAlong(loosened(block.about(rest.mean()), still), vectors);
      for (let i = 0; i < this.size; i++) sum[i]! += along[i]!;
      folds++;
    });
    if (folds === 0) return nonIncreasing(fallback);
    return nonIncreasing(sum.map((value) => value / folds));
  }

  private driftAlong(vectors: Matrix): Float64Array {
    const out = new Float64Array(this.size);
    let past = this.blocks[0]!;
    let steps = 0;
    for (let b = 1; b < BLOCKS; b++) {
      const block = this.blocks[b]!;
      if (block.count > 0 && past.count > 0) {
        const along = spreadAlong(block.about(past.mean()), vectors);
        for (let i = 0; i < this.size; i++) out[i]! += along[i]!;
        steps++;
      }
      past = past.plus(block);
    }
    return out.map((value) => value / Math.max(steps, 1));
  }

  /** (I + 10 B)^(-1/2) with B the covariance of the stretches' means in white coordinates */
  private calmed(mean: Float64Array, toUnit: Matrix): Matrix {
    const means = new Moments(this.size);
    for (const { count, sum } of this.sums)
      if (count > 0)
        means.add(
          vectorTimes(
            sum.map((value, i) => value / count - mean[i]!),
            toUnit,
          ),
        );
    const wander = symmetricEigen(means.covariance());
    const factors = wander.values.map((value) => 1 / Math.sqrt(1 + DRIFT_WEIGHT * Math.max(value, 0)));
    return multiply(scale(wander.vectors, null, factors), transpose(wander.vectors));
  }
}

/**
 * A feature that never moved in training has no spread to judge by: it gets a tenth of a unit, so that its first
 * move is remarkable but doesn't drown all else.
 */
function loosened(covariance: Matrix, still: boolean[]): Matrix {
  const out = zeros(covariance.rows, covariance.cols);
  out.data.set(covariance.data);
  still.forEach((never, i) => {
    if (never) out.data[i * out.cols + i]! += STILL_SPREAD;
  });
  return out;
}
