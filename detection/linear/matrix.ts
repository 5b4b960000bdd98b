/** A dense matrix of doubles, row by row. Small ones only: a few hundred a side. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

export function zeros(rows: number, cols: number): Matrix {
  return { rows, cols, data: new Float64Array(rows * cols) };
}

export function identity(size: number): Matrix {
  const out = zeros(size, size);
  for (let i = 0; i < size; i++) out.data[i * size + i] = 1;
  return out;
}

export function transpose(a: Matrix): Matrix {
  const out = zeros(a.cols, a.rows);
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < a.cols; j++) out.data[j * a.rows + i] = a.data[i * a.cols + j]!;
  return out;
}

/** a · b */
export function multiply(a: Matrix, b: Matrix): Matrix {
  if (a.cols !== b.rows)
    throw new RangeError(
      `cannot multiply ${a.rows}x${a.cols} by ${b.rows}x${b.cols}: the inner sizes differ`,
    );
  const out = zeros(a.rows, b.cols);
  for (let i = 0; i < a.rows; i++) {
    const target = i * b.cols;
    for (let k = 0; k < a.cols; k++) {
      const factor = a.data[i * a.cols + k]!;
      if (factor === 0) continue;
      const source = k * b.cols;
      for (let j = 0; j < b.cols; j++) out.data[target + j]! += factor * b.data[source + j]!;
    }
  }
  return out;
}

/** diag(left) · a · diag(right), either side optional */
export function scale(a: Matrix, left: ArrayLike<number> | null, right: ArrayLike<number> | null): Matrix {
  const out = zeros(a.rows, a.cols);
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < a.cols; j++)
      out.data[i * a.cols + j] = a.data[i * a.cols + j]! * (left?.[i] ?? 1) * (right?.[j] ?? 1);
  return out;
}

/** row vector v · a */
export function vectorTimes(v: ArrayLike<number>, a: Matrix): Float64Array {
  const out = new Float64Array(a.cols);
  for (let i = 0; i < a.rows; i++) {
    const factor = v[i]!;
    if (factor === 0) continue;
    for (let j = 0; j < a.cols; j++) out[j]! += factor * a.data[i * a.cols + j]!;
  }
  return out;
}
