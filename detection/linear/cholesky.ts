import type { Matrix } from './matrix.js';
import { zeros } from './matrix.js';

/** The lower triangle L of a symmetric positive definite matrix, a = L L'. */
export function cholesky(a: Matrix): Matrix {
  const n = a.rows;
  const out = zeros(n, n);
  const l = out.data;
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = a.data[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= l[i * n + k]! * l[j * n + k]!;
      if (i !== j) l[i * n + j] = sum / l[j * n + j]!;
      else if (sum > 0) l[i * n + i] = Math.sqrt(sum);
      else
        throw new RangeError(
          `the matrix is not positive definite (pivot ${i} is ${sum}): add a ridge to its diagonal`,
        );
    }
  return out;
}

/** x with a · x = b, for a symmetric positive definite a. */
export function solve(a: Matrix, b: Matrix): Matrix {
  const { rows: n, data: l } = cholesky(a);
  const out = zeros(b.rows, b.cols);
  const x = out.data;
  x.set(b.data);
  const width = b.cols;
  const eliminate = (i: number, k: number, factor: number) => {
    for (let c = 0; c < width; c++) x[i * width + c]! -= factor * x[k * width + c]!;
  };
  const divide = (i: number) => {
    for (let c = 0; c < width; c++) x[i * width + c]! /= l[i * n + i]!;
  };
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) eliminate(i, k, l[i * n + k]!);
    divide(i);
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) eliminate(i, k, l[k * n + i]!);
    divide(i);
  }
  return out;
}
