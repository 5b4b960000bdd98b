import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { TrainingSet } from '../../detection/contract.js';

export interface Series {
  readonly rows: number;
  readonly features: number;
  readonly values: Float64Array;
}

/** One file of the Tennessee Eastman series: a header and a row every three minutes. */
export function readSeries(folder: string, name: string): Series {
  const lines = gunzipSync(readFileSync(join(folder, `${name}.csv.gz`)))
    .toString()
    .trim()
    .split(/\r?\n/)
    .slice(1);
  const rows = lines.map((line) => line.split(',').map(Number));
  const features = rows[0]?.length ?? 0;
  return { rows: rows.length, features, values: Float64Array.from(rows.flat()) };
}

/** The rows of one plant as the detectors see them, every reading scaled by `middle` and `spread`. */
export function asSet(series: Series, middle: Float64Array, spread: Float64Array): TrainingSet {
  const { rows, features, values } = series;
  return {
    rows,
    features,
    sensors: features,
    x: Float32Array.from(values, (value, i) => (value - middle[i % features]!) / spread[i % features]!),
    raw: values,
    entities: new Int32Array(rows),
    domains: new Int32Array(rows),
    times: Float64Array.from({ length: rows }, (_, i) => i * 180),
    gaps: Float64Array.from({ length: rows }, (_, i) => (i === 0 ? Number.NaN : 180)),
    ages: Float64Array.from({ length: rows }, (_, i) => i),
    hoursOfWeek: Float32Array.from({ length: rows }, (_, i) => (i * 0.05) % 168),
  };
}

export function scaleOf({ rows, features, values }: Series): { middle: Float64Array; spread: Float64Array } {
  const middle = new Float64Array(features);
  const spread = new Float64Array(features);
  for (let i = 0; i < values.length; i++) middle[i % features]! += values[i]! / rows;
  for (let i = 0; i < values.length; i++)
    spread[i % features]! += (values[i]! - middle[i % features]!) ** 2 / rows;
  return { middle, spread: spread.map((value) => Math.sqrt(value) || 1) };
}
