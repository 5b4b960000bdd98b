import type { TrainingSet } from '../contract.js';
import { sharpness } from '../detectors/sequence-cell.js';
import { Known } from '../detectors/sequence-known.js';
import { symmetricEigen } from '../linear/eigen.js';
import { Moments } from '../linear/moments.js';
import { type LinearMap, ridgeRegression } from '../linear/ridge.js';
import type { Standard } from './windows.js';

const DAY = 86_400;
const CLIP = 50;
/** domain numbers: at most so many */
const DIMENSIONS = 3;

/** What can be known of an event before its values, learnt from some rows. */
export function knownOf(set: TrainingSet, rows: Int32Array, standard: Standard): Known {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (const row of rows) {
    first = Math.min(first, set.times[row]!);
    last = Math.max(last, set.times[row]!);
    const gap = set.gaps[row]!;
    if (!(gap >= 0) || gap === Number.POSITIVE_INFINITY) continue;
    const value = Math.log(gap + 0.001);
    count++;
    sum += value;
    squares += value * value;
  }
  const mean = sum / Math.max(count, 1);
  const deviation = Math.sqrt(Math.max(0, squares / Math.max(count, 1) - mean * mean));
  // a cycle seen less than about twice is a trend, and a trend carried on is wrong
  const cycles = Float32Array.of(last - first >= 3 * DAY ? 1 : 0, last - first >= 15 * DAY ? 1 : 0);
  const { embedding, domains } = embed(set, rows, standard);
  return new Known(cycles, Float32Array.of(mean, Math.max(deviation, 0.1)), embedding, domains);
}

/** Domains placed by the principal components of their mean rows, so that like domains lie near each other. */
function embed(
  set: TrainingSet,
  rows: Int32Array,
  { mean, deviation }: Standard,
): { embedding: Float32Array; domains: number } {
  const { features: d, x } = set;
  const domains = rows.reduce((most, row) => Math.max(most, set.domains[row]! + 1), 0);
  const dimensions = Math.min(DIMENSIONS, d, Math.max(0, domains - 1));
  if (dimensions === 0) return { embedding: new Float32Array(0), domains };
  const counts = new Float64Array(domains);
  const centres = new Float64Array(domains * d);
  for (const row of rows) {
    const domain = set.domains[row]!;
    if (domain < 0) continue;
    counts[domain]!++;
    for (let j = 0; j < d; j++) centres[domain * d + j]! += (x[row * d + j]! - mean[j]!) / deviation[j]!;
  }
  const moments = new Moments(d);
  for (let k = 0; k < domains; k++) {
    // few rows say little about a domain: it stays near the common mean
    for (let j = 0; j < d; j++) centres[k * d + j]! /= counts[k]! + 20;
    moments.add(centres, k * d);
  }
  const { vectors, values } = symmetricEigen(moments.covariance());
  const middle = moments.mean();
  const embedding = new Float32Array(domains * dimensions);
  for (let k = 0; k < domains; k++)
    for (let c = 0; c < dimensions; c++) {
      let value = 0;
      for (let j = 0; j < d; j++) value += (centres[k * d + j]! - middle[j]!) * vectors.data[j * d + c]!;
      embedding[k * dimensions + c] = value / Math.sqrt(Math.max(values[c]!, 1e-6));
    }
  return { embedding, domains };
}

/** Rows as the sequence model takes them: standardised, with what is known and with the rows before. */
export class SequenceRows {
  constructor(
    readonly set: TrainingSet,
    readonly previous: Int32Array,
    /** rows of the entity before this one, up to 2 */
    readonly depth: Uint8Array,
    readonly standard: Standard,
    readonly known: Known,
    /** how many rows before are regressed on */
    readonly lags = 2,
  ) {}

  /** numbers that `past` writes */
  get pastSize(): number {
    return this.lags * this.set.features + this.known.size;
  }

  features(row: number, out: Float32Array | Float64Array, at: number): void {
    const { features: d, x } = this.set;
    const { mean, deviation } = this.standard;
    for (let j = 0; j < d; j++) {
      const z = (x[row * d + j]! - mean[j]!) / deviation[j]!;
      out[at + j] = z > CLIP ? CLIP : Math.max(z, -CLIP);
    }
  }

  whatIsKnown(row: number, out: Float32Array, at: number): void {
    const { hoursOfWeek, gaps, domains } = this.set;
    this.known.write(out, at, hoursOfWeek[row]!, gaps[row]!, domains[row]!, this.depth[row]!);
  }

  /** the row before, then the one before that (zeros where there is none), then what is known */
  past(row: number, out: Float32Array, at: number): void {
    const { features: d } = this.set;
    let before = row;
    let to = at;
    for (let lag = 0; lag < this.lags; lag++, to += d) {
      if (before >= 0) before = this.previous[before]!;
      if (before < 0) out.fill(0, to, to + d);
      else this.features(before, out, to);
    }
    this.whatIsKnown(row, out, to);
  }
}

export interface Autoregression {
  readonly map: LinearMap;
  /** deviation of each feature's error */
  readonly spread: Float64Array;
  /** of an entity's first and second event: mean error in units of `spread`, and the sharpness that fits */
  readonly young: readonly [Young, Young];
}

interface Young {
  readonly shift: Float64Array;
  readonly sharpness: Float64Array;
}

/** Ridge regression on the rows before, from rows that have two; without such rows everything rests on the mean. */
export function autoregression(
  rows: SequenceRows,
  chosen: Int32Array,
  ridge: number | undefined,
): Autoregression {
  const d = rows.set.features;
  const inputs = rows.pastSize;
  const whole = chosen.filter((row) => rows.depth[row] === 2);
  const step = Math.max(1, Math.ceil((whole.length * (inputs + d) ** 2) / 8e9));
  const moments = new Moments(inputs + d);
  const line = new Float32Array(inputs + d);
  for (let i = 0; i < whole.length; i += step) {
    rows.past(whole[i]!, line, 0);
    rows.features(whole[i]!, line, inputs);
    moments.add(line);
  }
  // the error of a coefficient grows with the number of them for each row: so does what holds it down
  const penalty = ridge ?? Math.min(0.3, Math.max(0.001, (30 * inputs) / Math.max(moments.count, 1)));
  const map = ridgeRegression(moments, inputs, penalty);
  const errors = [0, 1, 2].map(() => ({ count: 0, sum: new Float64Array(d), squares: new Float64Array(d) }));
  const error = new Float64Array(d);
  for (const row of chosen) {
    residual(rows, map, row, line, error);
    const held = errors[rows.depth[row]!]!;
    held.count++;
    for (let j = 0; j < d; j++) {
      held.sum[j]! += error[j]!;
      held.squares[j]! += error[j]! ** 2;
    }
  }
  const deviation = (age: number, j: number) => {
    const { count, sum, squares } = errors[age]!;
    return Math.sqrt(Math.max(0, squares[j]! / count - (sum[j]! / count) ** 2));
  };
  const spread = Float64Array.from({ length: d }, (_, j) => {
    const value = errors[2]!.count > 1 ? deviation(2, j) : 1;
    return value > 1e-4 ? value : 1;
  });
  const young = ([0, 1] as const).map((age) => {
    const seen = errors[age]!;
    const enough = seen.count >= 20;
    return {
      shift: spread.map((value, j) => (enough ? seen.sum[j]! / seen.count / value : 0)),
      sharpness: spread.map((value, j) => value / Math.max(enough ? deviation(age, j) : 1, 0.1 * value)),
    };
  }) as [Young, Young];
  return { map, spread, young };
}

/** row minus its autoregression, in standardised units */
export function residual(
  rows: SequenceRows,
  map: LinearMap,
  row: number,
  line: Float32Array,
  out: Float64Array,
): void {
  const d = rows.set.features;
  const inputs = map.matrix.rows;
  rows.past(row, line, 0);
  rows.features(row, out, 0);
  for (let j = 0; j < d; j++) out[j]! -= map.intercept[j]!;
  for (let i = 0; i < inputs; i++) {
    const value = line[i]!;
    if (value === 0) continue;
    for (let j = 0; j < d; j++) out[j]! -= value * map.matrix.data[i * d + j]!;
  }
}

/** the network's output v with sharpness(v) = wanted, within its bounds */
export function outputFor(wanted: number): number {
  const v = 4 * (Math.max(wanted, 1e-6) ** 0.25 - 1);
  return sharpness(v) === wanted ? v : Math.min(2, Math.max(-3, v));
}
