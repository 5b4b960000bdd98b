import { solve } from './cholesky.js';
import { type Matrix, zeros } from './matrix.js';
import type { Moments } from './moments.js';

export interface LinearMap {
  /** inputs x outputs */
  readonly matrix: Matrix;
  readonly intercept: Float64Array;
}

/**
 * Ridge regression of the last columns of `moments` on its first `inputs` columns; the penalty is `ridge` times
 * the number of rows, and the intercept goes free of it.
 */
export function ridgeRegression(moments: Moments, inputs: number, ridge: number): LinearMap {
  const outputs = moments.size - inputs;
  const mean = moments.mean();
  const covariance = moments.covariance();
  const among = zeros(inputs, inputs);
  const across = zeros(inputs, outputs);
  for (let i = 0; i < inputs; i++) {
    for (let j = 0; j < inputs; j++) among.data[i * inputs + j] = covariance.data[i * moments.size + j]!;
    among.data[i * inputs + i]! += ridge;
    for (let j = 0; j < outputs; j++)
      across.data[i * outputs + j] = covariance.data[i * moments.size + inputs + j]!;
  }
  const matrix = solve(among, across);
  const intercept = new Float64Array(outputs);
  for (let j = 0; j < outputs; j++) {
    let value = mean[inputs + j]!;
    for (let i = 0; i < inputs; i++) value -= mean[i]! * matrix.data[i * outputs + j]!;
    intercept[j] = value;
  }
  return { matrix, intercept };
}
