import type { TrainingSet } from '../contract.js';
import { CLIP } from '../detectors/autoencoder.js';
import { previousRows } from './order.js';

export interface Standard {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

/** Mean and deviation of each feature over some rows; one that never moves gets deviation 1. */
export function standardOf(set: TrainingSet, rows: Int32Array): Standard {
  const { features, x } = set;
  const mean = new Float64Array(features);
  const deviation = new Float64Array(features);
  for (const row of rows) for (let j = 0; j < features; j++) mean[j]! += x[row * features + j]!;
  for (let j = 0; j < features; j++) mean[j]! /= Math.max(rows.length, 1);
  for (const row of rows)
    for (let j = 0; j < features; j++) deviation[j]! += (x[row * features + j]! - mean[j]!) ** 2;
  for (let j = 0; j < features; j++) {
    const spread = Math.sqrt(deviation[j]! / Math.max(rows.length, 1));
    deviation[j] = spread > 1e-6 ? spread : 1;
  }
  return { mean, deviation };
}

/** Lagged windows of a training set, built when they are asked for: newest row first, the first row repeated. */
export class Windows {
  readonly dim: number;
  private readonly previous: Int32Array;

  constructor(
    readonly set: TrainingSet,
    readonly window: number,
  ) {
    this.dim = window * set.features;
    this.previous = previousRows(set);
  }

  /** one feature of a row, standardised */
  value(row: number, feature: number, { mean, deviation }: Standard): number {
    const z = (this.set.x[row * this.set.features + feature]! - mean[feature]!) / deviation[feature]!;
    return z > CLIP ? CLIP : Math.max(z, -CLIP);
  }

  /** the standardised window that ends with `row`, to out[at .. at + dim) */
  write(row: number, standard: Standard, out: Float32Array, at: number): void {
    const { features, x } = this.set;
    let from = row;
    for (let lag = 0; lag < this.window; lag++) {
      const target = at + lag * features;
      for (let j = 0; j < features; j++) {
        const z = (x[from * features + j]! - standard.mean[j]!) / standard.deviation[j]!;
        out[target + j] = z > CLIP ? CLIP : Math.max(z, -CLIP);
      }
      const before = this.previous[from]!;
      if (before >= 0) from = before;
    }
  }

  /** rows whose window is complete, unless too few are: then all (short-lived entities are the rule there) */
  complete(order: Int32Array): Int32Array {
    const full = order.filter((row) => {
      let at = row;
      for (let lag = 1; lag < this.window; lag++) {
        at = this.previous[at]!;
        if (at < 0) return false;
      }
      return true;
    });
    return full.length >= 0.9 * order.length ? full : order;
  }
}
