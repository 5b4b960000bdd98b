import type { TrainingSet } from '../contract.js';

/** Row numbers in time order (ties keep their place). */
export function timeOrder(set: TrainingSet): Int32Array {
  const order = Int32Array.from({ length: set.rows }, (_, i) => i);
  let sorted = true;
  for (let i = 1; i < set.rows && sorted; i++) sorted = set.times[i]! >= set.times[i - 1]!;
  return sorted ? order : order.sort((a, b) => set.times[a]! - set.times[b]! || a - b);
}

/** For every row the row of the same entity before it, -1 for the first. */
export function previousRows(set: TrainingSet): Int32Array {
  const last = new Map<number, number>();
  const previous = new Int32Array(set.rows);
  for (let i = 0; i < set.rows; i++) {
    const entity = set.entities[i]!;
    previous[i] = last.get(entity) ?? -1;
    last.set(entity, i);
  }
  return previous;
}

/** How many rows of the set before row i belong to its entity, up to `most`. */
export function depths(previous: Int32Array, most: number): Uint8Array {
  const out = new Uint8Array(previous.length);
  for (let i = 0; i < previous.length; i++) {
    const before = previous[i]!;
    out[i] = before < 0 ? 0 : Math.min(most, out[before]! + 1);
  }
  return out;
}

/**
 * How many neighbours in time must be left out beside a held-out block, so that no window reaches into it:
 * `steps` for one entity, more where entities take turns.
 */
export function gapInRows(set: TrainingSet, rows: number, steps: number): number {
  const entities = new Set<number>();
  for (let i = 0; i < set.rows && entities.size < rows; i++) entities.add(set.entities[i]!);
  return Math.min(steps * entities.size, Math.max(steps, Math.floor(rows / 100)));
}

export interface Fold {
  /** places in the time-ordered list that the fit may see */
  readonly fit: Int32Array;
  /** places that it is then judged on */
  readonly judge: Int32Array;
}

/** Contiguous blocks in time, each judged by a fit on the others with a gap left out beside it. */
export function timeFolds(rows: Int32Array, folds: number, gap: number): Fold[] {
  return Array.from({ length: folds }, (_, f) => {
    const from = Math.floor((f * rows.length) / folds);
    const to = Math.floor(((f + 1) * rows.length) / folds);
    return {
      fit: rows.filter((_, place) => place < from - gap || place >= to + gap),
      judge: rows.slice(from, to),
    };
  });
}

/** The value below which `part` of the scores lie. */
export function quantile(values: Float32Array, part: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float32Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!;
}

/**
 * The rows that stay when the worst are trimmed: at most `fraction` of them go, and only those far beyond what
 * the middle half leads one to expect, so that clean data loses nothing.
 */
export function trimmed(rows: Int32Array, scores: Float32Array, fraction: number): Int32Array {
  if (fraction <= 0 || rows.length < 20) return rows;
  const middle = quantile(scores, 0.5);
  const far = middle + 10 * (quantile(scores, 0.75) - middle);
  const cut = Math.max(far, quantile(scores, 1 - fraction));
  return rows.filter((_, place) => scores[place]! <= cut);
}
