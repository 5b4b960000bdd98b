import { type Matrix, zeros } from './matrix.js';

export interface Eigen {
  /** largest first */
  readonly values: Float64Array;
  /** column i belongs to values[i]; columns are orthonormal */
  readonly vectors: Matrix;
}

/**
 * Eigenvalues and vectors of a symmetric matrix: Householder reduction to a tridiagonal form, then implicit QL
 * (Bowdler, Martin, Reinsch and Wilkinson, Handbook for Automatic Computation II, contributions II/2 and II/3).
 * Vectors are held transposed while they are rotated, so that the inner loops run along rows.
 */
export function symmetricEigen(input: Matrix): Eigen {
  const n = input.rows;
  if (n !== input.cols) throw new RangeError(`a symmetric matrix is square, this one is ${n}x${input.cols}`);
  const a = Float64Array.from(input.data);
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(n);
  const q = tridiagonalise(a, n, diagonal, beside);
  implicitQL(q, n, diagonal, beside);
  const order = Array.from(diagonal.keys()).sort((i, j) => diagonal[j]! - diagonal[i]!);
  const values = new Float64Array(n);
  const vectors = zeros(n, n);
  order.forEach((from, to) => {
    values[to] = diagonal[from]!;
    for (let r = 0; r < n; r++) vectors.data[r * n + to] = q[from * n + r]!;
  });
  return { values, vectors };
}

/** Reduces `a` (destroyed) and returns Q transposed, with a = Q T Q'. */
function tridiagonalise(
  a: Float64Array,
  n: number,
  diagonal: Float64Array,
  beside: Float64Array,
): Float64Array {
  const q = new Float64Array(n * n);
  for (let i = 0; i < n; i++) q[i * n + i] = 1;
  const v = new Float64Array(n);
  const p = new Float64Array(n);
  for (let k = 0; k < n - 1; k++) {
    let norm = 0;
    for (let i = k + 1; i < n; i++) norm += a[k * n + i]! ** 2;
    norm = Math.sqrt(norm);
    diagonal[k] = a[k * n + k]!;
    if (norm === 0 || k === n - 2) {
      beside[k] = a[k * n + k + 1]!;
      continue;
    }
    // reflector v that sends the row beyond the diagonal to (alpha, 0, 0, ...)
    const first = a[k * n + k + 1]!;
    const alpha = first > 0 ? -norm : norm;
    beside[k] = alpha;
    let length = 0;
    for (let i = k + 1; i < n; i++) {
      v[i] = a[k * n + i]! - (i === k + 1 ? alpha : 0);
      length += v[i]! ** 2;
    }
    const beta = 2 / length;
    // p = beta A v, then A -= v w' + w v' with w = p - (beta/2)(p'v) v
    let pv = 0;
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      const row = i * n;
      for (let j = k + 1; j < n; j++) sum += a[row + j]! * v[j]!;
      p[i] = beta * sum;
      pv += p[i]! * v[i]!;
    }
    const half = (beta / 2) * pv;
    for (let i = k + 1; i < n; i++) p[i]! -= half * v[i]!;
    for (let i = k + 1; i < n; i++) {
      const row = i * n;
      const vi = v[i]!;
      const wi = p[i]!;
      for (let j = k + 1; j < n; j++) a[row + j]! -= vi * p[j]! + wi * v[j]!;
    }
    applyReflector(q, n, k + 1, v, beta, p);
  }
  diagonal[n - 1] = a[n * n - 1]!;
  return q;
}

/** Q' <- H Q' for the reflector H = I - beta v v' that acts from `from` on */
function applyReflector(
  q: Float64Array,
  n: number,
  from: number,
  v: Float64Array,
  beta: number,
  work: Float64Array,
): void {
  work.fill(0);
  for (let i = from; i < n; i++) {
    const vi = v[i]!;
    for (let j = 0; j < n; j++) work[j]! += vi * q[i * n + j]!;
  }
  for (let i = from; i < n; i++) {
    const factor = beta * v[i]!;
    for (let j = 0; j < n; j++) q[i * n + j]! -= factor * work[j]!;
  }
}

function implicitQL(q: Float64Array, n: number, d: Float64Array, e: Float64Array): void {
  for (let l = 0; l < n; l++) {
    for (let sweep = 0; ; sweep++) {
      let m = l;
      for (; m < n - 1; m++) {
        const near = Math.abs(d[m]!) + Math.abs(d[m + 1]!);
        if (Math.abs(e[m]!) <= Number.EPSILON * near) break;
      }
      if (m === l) break;
      if (sweep === 60)
        throw new RangeError(
          'the eigenvalues did not converge in 60 sweeps: the matrix holds a number that is not finite',
        );
      let g = (d[l + 1]! - d[l]!) / (2 * e[l]!);
      let r = Math.hypot(g, 1);
      g = d[m]! - d[l]! + e[l]! / (g + (g >= 0 ? r : -r));
      let s = 1;
      let c = 1;
      let p = 0;
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * e[i]!;
        const b = c * e[i]!;
        r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1]! -= p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1]! - p;
        const t = (d[i]! - g) * s + 2 * c * b;
        p = s * t;
        d[i + 1] = g + p;
        g = c * t - b;
        const upper = (i + 1) * n;
        const lower = i * n;
        for (let k = 0; k < n; k++) {
          const x = q[upper + k]!;
          const y = q[lower + k]!;
          q[upper + k] = s * y + c * x;
          q[lower + k] = c * y - s * x;
        }
      }
      if (r === 0 && i >= l) continue;
      d[l]! -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
}
