import type { Contribution } from '../contract.js';

/**
 * Which features carry a whitened distance |u|², u = r · white. For a group of coordinates G (a feature and its
 * lags) with g = white · u and K = white · white', the distance would fall by g_G' (K_GG)^-1 g_G if G were
 * replaced by what the other coordinates lead one to expect, and it would be replaced by r_G - (K_GG)^-1 g_G
 * (the conditional mean of a Gaussian). Unlike r_j (K r)_j this does not smear one bad sensor over its neighbours.
 */
export interface Explained {
  readonly index: number;
  readonly drop: number;
  /** how far the group's first coordinate lies above its expectation, in the residual's unit */
  readonly excess: number;
}

export function whitenedShares(
  white: Float32Array,
  u: Float32Array,
  groups: readonly (readonly number[])[],
): Explained[] {
  const width = u.length;
  const row = (i: number) => white.subarray(i * width, (i + 1) * width);
  return groups.map((group, index) => {
    const g = group.map((i) => dot(row(i), u));
    const k = group.map((i) => group.map((j) => dot(row(i), row(j))));
    const excess = solveSmall(k, g);
    return {
      index,
      drop: Math.max(
        0,
        excess.reduce((sum, value, i) => sum + value * g[i]!, 0),
      ),
      excess: excess[0] ?? 0,
    };
  });
}

/** what a value that is perfectly ordinary by itself keeps of its share */
const ORDINARY = 0.5;

/**
 * The strongest of them as the contract's contributions. Where two features are bound to each other (a flow and its
 * valve, a country and its currency), replacing either explains the row equally well: then the one that is unusual by
 * itself is the likelier cause.
 * @param standing how many deviations a feature lies from its mean
 */
export function strongest(
  explained: readonly Explained[],
  most: number,
  observed: (index: number) => number,
  unit: (index: number) => number,
  standing: (index: number) => number,
): Contribution[] {
  const weighed = explained.map((one) => ({
    ...one,
    weight: one.drop * (1 - (1 - ORDINARY) * Math.exp(-(standing(one.index) ** 2) / 2)),
  }));
  const total = weighed.reduce((sum, { weight }) => sum + weight, 0);
  if (!(total > 0)) return [];
  return weighed
    .sort((a, b) => b.weight - a.weight || a.index - b.index)
    .slice(0, most)
    .map(({ index, weight, excess }) => ({
      index,
      space: 'feature',
      share: weight / total,
      expected: observed(index) - excess * unit(index),
      direction: excess > 0 ? 'high' : excess < 0 ? 'low' : 'unusual',
    }));
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Gaussian elimination for a handful of unknowns; a coordinate without information gets 0 */
function solveSmall(matrix: number[][], right: number[]): number[] {
  const n = right.length;
  const a = matrix.map((row, i) => [...row, right[i]!]);
  const tiny = 1e-9 * Math.max(...matrix.map((row, i) => row[i]!), Number.MIN_VALUE);
  for (let i = 0; i < n; i++) {
    const pivot = Math.max(a[i]![i]!, tiny);
    a[i]![i] = pivot;
    for (let r = i + 1; r < n; r++) {
      const factor = a[r]![i]! / pivot;
      for (let c = i; c <= n; c++) a[r]![c]! -= factor * a[i]![c]!;
    }
  }
  const out = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    let value = a[i]![n]!;
    for (let c = i + 1; c < n; c++) value -= a[i]![c]! * out[c]!;
    out[i] = value / a[i]![i]!;
  }
  return out;
}
