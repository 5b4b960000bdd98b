/**
 * The upper tail that a number would have if all of the training were normal: -ln of the share of values above v, as
 * a quadratic in v, fitted over the top fifth of the values without the top hundredth and carried on beyond. The few
 * anomalies that a training always holds lie in that hundredth. They would lengthen a tail fitted to it, and the
 * next anomaly would look common; against the carried-on tail it stands out by how many decades it is too far.
 */
export const NORMAL_TAIL_SIZE = 4;

const TOP = 0.2;
const TRIMMED = 0.012;
const STEP = 0.85;

/** [from, a, b, c]; undefined when there are too few values, or too few different ones */
export function fitNormalTail(values: ArrayLike<number>): Float32Array | undefined {
  const sorted = Float32Array.from(values as ArrayLike<number>)
    .filter((value) => !Number.isNaN(value))
    .sort();
  const at = (share: number) => sorted[sorted.length - 1 - Math.floor(share * sorted.length)]!;
  if (sorted.length < 1000 || !(at(TOP) > 0) || !(at(TRIMMED) > at(TOP) * 1.01)) return undefined;
  const x: number[] = [];
  const y: number[] = [];
  for (let share = TOP; share > TRIMMED; share *= STEP) {
    x.push(at(share));
    y.push(-Math.log(share));
  }
  const curved = polynomial(x, y, 2);
  const straight = polynomial(x, y, 1);
  // Normal tails fall at least exponentially; a fit that bends the other way is noise.
  const [a, b, c] = curved !== undefined && curved[2]! > 0 ? curved : [...(straight ?? []), 0];
  const from = at(TOP);
  const slope = b! + 2 * c! * from;
  if (!(slope > 0)) return undefined;
  return Float32Array.from([from, a!, b!, c!]);
}

/** -log10 of the chance of a value at least so high, by the tail at tails[at..]. */
export function normalSurprise(tails: Float32Array, at: number, value: number): number {
  const from = tails[at]!;
  const v = Math.max(from, value);
  const nats = tails[at + 1]! + v * (tails[at + 2]! + v * tails[at + 3]!);
  const surprise = Math.max(0, nats) * Math.LOG10E;
  // Below the tail it only has to rise.
  return value >= from ? surprise : surprise * Math.max(0, value / from);
}

/** Least squares; coefficients from the constant up. */
function polynomial(x: readonly number[], y: readonly number[], degree: number): number[] | undefined {
  const n = degree + 1;
  const rows = Array.from({ length: n }, (_, i) => [
    ...Array.from({ length: n }, (__, j) => x.reduce((sum, value) => sum + value ** (i + j), 0)),
    x.reduce((sum, value, k) => sum + y[k]! * value ** i, 0),
  ]);
  for (let i = 0; i < n; i++) {
    const pivot = rows[i]![i]!;
    if (!(Math.abs(pivot) > 1e-12)) return undefined;
    for (let j = 0; j < n; j++) {
      if (j === i) continue;
      const factor = rows[j]![i]! / pivot;
      for (let k = i; k <= n; k++) rows[j]![k] = rows[j]![k]! - factor * rows[i]![k]!;
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!);
}
