import { type Matrix, zeros } from './matrix.js';

/** Count, sum and sum of outer products of rows: what means and covariances are made of. They add and subtract. */
export class Moments {
  count = 0;
  readonly sum: Float64Array;
  /** upper triangle only; the lower one is filled where a matrix is handed out */
  private readonly products: Float64Array;

  constructor(readonly size: number) {
    this.sum = new Float64Array(size);
    this.products = new Float64Array(size * size);
  }

  add(rows: ArrayLike<number>, at = 0): void {
    const { size, sum, products } = this;
    this.count++;
    for (let i = 0; i < size; i++) {
      const value = rows[at + i]!;
      sum[i]! += value;
      if (value === 0) continue;
      for (let j = i, k = i * size + i; j < size; j++, k++) products[k]! += value * rows[at + j]!;
    }
  }

  /** this + sign · other, as new moments */
  plus(other: Moments, sign: 1 | -1 = 1): Moments {
    const out = new Moments(this.size);
    out.count = this.count + sign * other.count;
    for (let i = 0; i < this.size; i++) out.sum[i] = this.sum[i]! + sign * other.sum[i]!;
    for (let i = 0; i < this.products.length; i++)
      out.products[i] = this.products[i]! + sign * other.products[i]!;
    return out;
  }

  mean(): Float64Array {
    return this.sum.map((value) => value / Math.max(this.count, 1));
  }

  /** the mean of (row - centre)(row - centre)' */
  about(centre: ArrayLike<number>): Matrix {
    const { size } = this;
    const n = Math.max(this.count, 1);
    const out = zeros(size, size);
    for (let i = 0; i < size; i++)
      for (let j = i; j < size; j++) {
        const value =
          this.products[i * size + j]! / n -
          (centre[i]! * this.sum[j]!) / n -
          (this.sum[i]! * centre[j]!) / n +
          (centre[i]! * centre[j]! * this.count) / n;
        out.data[i * size + j] = value;
        out.data[j * size + i] = value;
      }
    return out;
  }

  covariance(): Matrix {
    return this.about(this.mean());
  }
}

/** v_i' · s · v_i for every column of `vectors` */
export function spreadAlong(s: Matrix, vectors: Matrix): Float64Array {
  const n = s.rows;
  const out = new Float64Array(vectors.cols);
  const row = new Float64Array(vectors.cols);
  for (let i = 0; i < n; i++) {
    row.fill(0);
    for (let k = 0; k < n; k++) {
      const factor = s.data[i * n + k]!;
      if (factor === 0) continue;
      const at = k * vectors.cols;
      for (let j = 0; j < vectors.cols; j++) row[j]! += factor * vectors.data[at + j]!;
    }
    for (let j = 0; j < vectors.cols; j++) out[j]! += row[j]! * vectors.data[i * vectors.cols + j]!;
  }
  return out;
}
