import { cholesky } from '../../detection/linear/cholesky.js';
import { Moments } from '../../detection/linear/moments.js';
import { type LinearMap, ridgeRegression } from '../../detection/linear/ridge.js';
import { type Instruments, instrumentsOf } from '../../pipelines/production/replay.js';
import { INTERVAL_MS, type Series, SeriesFolder, VARIABLES } from '../../pipelines/production/series.js';
import { Random } from '../../pipelines/random.js';
import type { RecordedEvents } from '../../services/scorer/train.js';

/**
 * Normal readings without an end and without a repetition, as the recorded plant might have gone on. Vector
 * autoregressions, fitted on the rows that training learns from: of the analysers, which take a sample every two or five
 * rows, on the row before and their own last sample; of the 33 variables that move with every reading, on four rows
 * before and on what the analysers said before and say now, since controllers answer that at once. What they leave over
 * is drawn from the recorded residuals, half of its variance replaced by normal noise of the same covariance, so that
 * tails go on beyond what was recorded. Every line draws for itself.
 */
const WIDTH = VARIABLES.length;
/** the analysers xmeas_23 to xmeas_36, and xmeas_37 to xmeas_41: rows from sample to sample */
const SAMPLED = [
  { from: 22, to: 36, every: 2 },
  { from: 36, to: 41, every: 5 },
] as const;
const RIDGE = 1e-4;
/** control laws span so many rows: with fewer, readings break relations that held exactly in all that was recorded */
const LAGS = 4;
const BACK = Array.from({ length: LAGS }, (_, i) => i + 1);
const LEARNED_ROWS = 480;
const DRAW = 81;
/** what the shipped model learned from: plants with these instruments */
export const SHIPPED_INSTRUMENTS = 0;
const SETTLING = 100;

/** a variable so many rows back; 0 is the row that is made, of which the analysers come first */
interface Input {
  readonly variable: number;
  readonly back: number;
}

interface Part {
  readonly variables: readonly number[];
  /** a sample is taken every so many rows */
  readonly every: number;
  readonly inputs: readonly Input[];
  readonly map: LinearMap;
  /** rows x variables, in deviations */
  readonly residuals: readonly Float64Array[];
  readonly root: Float64Array;
}

export interface PlantDynamics {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
  readonly parts: readonly Part[];
  /** of each variable, how many digits after the point were recorded */
  readonly digits: readonly number[];
}

const ALL = Array.from({ length: WIDTH }, (_, v) => v);
const ANALYSERS = ALL.slice(22, 41);
const FAST = ALL.filter((v) => !ANALYSERS.includes(v));
const at = (variables: readonly number[], back: number): Input[] =>
  variables.map((variable) => ({ variable, back }));

export function plantDynamics(folder: string): PlantDynamics {
  const files = new SeriesFolder(folder);
  const runs = [files.get('d00'), head(files.get('d00_te'), LEARNED_ROWS)];
  const moments = new Moments(WIDTH);
  for (const run of runs) for (let row = 0; row < run.rows; row++) moments.add(run.values, row * WIDTH);
  const mean = moments.mean();
  const covariance = moments.covariance();
  const deviation = Float64Array.from({ length: WIDTH }, (_, v) =>
    Math.sqrt(covariance.data[v * WIDTH + v]!),
  );
  const unit = (run: Series, row: number, v: number): number =>
    (run.values[row * WIDTH + v]! - mean[v]!) / deviation[v]!;
  const parts = [
    ...SAMPLED.map(({ from, to, every }) => {
      const own = Array.from({ length: to - from }, (_, i) => from + i);
      return { variables: own, every, inputs: [...at(FAST, 1), ...at(own, 1)] };
    }),
    {
      variables: FAST,
      every: 1,
      inputs: [
        ...BACK.flatMap((back) => at(FAST, back)),
        ...[0, ...BACK].flatMap((back) => at(ANALYSERS, back)),
      ],
    },
  ].map(({ variables, every, inputs }) => {
    const rows = runs.flatMap((run) =>
      Array.from({ length: run.rows }, (_, row) => row)
        .filter((row) => row >= LAGS && row % every === 0)
        .map((row) =>
          Float64Array.from([
            ...inputs.map(({ variable, back }) => unit(run, row - back, variable)),
            ...variables.map((v) => unit(run, row, v)),
          ]),
        ),
    );
    return fitPart(variables, every, inputs, rows);
  });
  return { mean, deviation, parts, digits: VARIABLES.map((_, v) => digitsOf(runs[0]!, v)) };
}

function head(series: Series, rows: number): Series {
  return { ...series, rows, values: series.values.subarray(0, rows * WIDTH) };
}

function digitsOf(run: Series, v: number): number {
  let most = 0;
  for (let row = 0; row < run.rows; row++)
    most = Math.max(most, String(run.values[row * WIDTH + v]!).split('.')[1]?.length ?? 0);
  return most;
}

function fitPart(
  variables: readonly number[],
  every: number,
  inputs: readonly Input[],
  rows: readonly Float64Array[],
): Part {
  const moments = new Moments(inputs.length + variables.length);
  for (const row of rows) moments.add(row);
  const map = ridgeRegression(moments, inputs.length, RIDGE);
  const left = new Moments(variables.length);
  // a fit with so many coefficients leaves less over than new rows would
  const freed = Math.sqrt(rows.length / (rows.length - inputs.length));
  const residuals = rows.map((row) => {
    const out = predicted(map, row, new Float64Array(variables.length));
    for (let i = 0; i < out.length; i++) out[i] = freed * (row[inputs.length + i]! - out[i]!);
    left.add(out);
    return out;
  });
  const spread = left.covariance();
  for (let i = 0; i < variables.length; i++) spread.data[i * variables.length + i]! += 1e-6;
  return { variables, every, inputs, map, residuals, root: cholesky(spread).data };
}

function predicted(map: LinearMap, inputs: ArrayLike<number>, out: Float64Array): Float64Array {
  out.set(map.intercept);
  for (let i = 0; i < map.matrix.rows; i++) {
    const value = inputs[i]!;
    const at = i * out.length;
    for (let j = 0; j < out.length; j++) out[j]! += value * map.matrix.data[at + j]!;
  }
  return out;
}

/** One line's readings, row after row, in deviations from the mean. */
class Line {
  readonly #random: Random;
  readonly #rows = Array.from({ length: LAGS + 1 }, () => new Float64Array(WIDTH));
  readonly #scratch: readonly { inputs: Float64Array; out: Float64Array; noise: Float64Array }[];
  #row = 0;

  constructor(
    private readonly dynamics: PlantDynamics,
    seed: number,
    line: number,
  ) {
    this.#random = new Random(seed, DRAW, line);
    this.#scratch = dynamics.parts.map(({ inputs, variables }) => ({
      inputs: new Float64Array(inputs.length),
      out: new Float64Array(variables.length),
      noise: new Float64Array(variables.length),
    }));
    for (let row = 0; row < SETTLING; row++) this.next();
  }

  next(): Float64Array {
    const rows = this.#rows;
    const row = this.#row++;
    // [now, one back, two back and so on]
    rows.unshift(rows.pop()!);
    const now = rows[0]!;
    now.set(rows[1]!);
    this.dynamics.parts.forEach((part, p) => {
      if (row % part.every !== 0) return;
      const { inputs, out, noise } = this.#scratch[p]!;
      for (let i = 0; i < inputs.length; i++) {
        const { variable, back } = part.inputs[i]!;
        inputs[i] = rows[back]![variable]!;
      }
      predicted(part.map, inputs, out);
      this.#draw(part, noise);
      part.variables.forEach((v, i) => {
        now[v] = out[i]! + noise[i]!;
      });
    });
    return now;
  }

  #draw({ residuals, root, variables }: Part, out: Float64Array): void {
    const n = variables.length;
    const recorded = residuals[this.#random.below(residuals.length)]!;
    for (let i = 0; i < n; i++) out[i] = recorded[i]! * Math.SQRT1_2;
    for (let k = 0; k < n; k++) {
      const normal = this.#random.normal() * Math.SQRT1_2;
      for (let i = k; i < n; i++) out[i]! += root[i * n + k]! * normal;
    }
  }
}

export interface GeneratedPlantOptions {
  readonly folder: string;
  readonly seed: number;
  /** lines a plant, in three plants whose instruments are those of the replay */
  readonly lines: number;
  readonly days: number;
}

export function* generatedPlant(options: GeneratedPlantOptions): Generator<RecordedEvents> {
  const { folder, seed, lines, days } = options;
  const dynamics = plantDynamics(folder);
  const normal = new SeriesFolder(folder).get('d00');
  const start = Date.parse('2024-01-01T00:00:00Z');
  const units = [0, 1, 2].flatMap((plant) => {
    const instruments = instrumentsOf(normal, SHIPPED_INSTRUMENTS, plant);
    return Array.from({ length: lines }, (_, line) => ({
      instruments,
      name: `${instruments.name}/line-${line + 1}`,
      line: new Line(dynamics, seed, plant * lines + line),
    }));
  });
  const rows = (days * 86_400_000) / INTERVAL_MS;
  for (let row = 0; row < rows; row++) {
    const events = units.map(({ instruments, name, line }, index) => ({
      id: `${name}:${row}`,
      time: start + row * INTERVAL_MS + Math.floor((index * INTERVAL_MS) / units.length),
      plant: instruments.name,
      unit: name,
      ...readings(dynamics, instruments, line.next()),
    }));
    yield { keys: units.map(({ name }) => name), events };
  }
}

function readings(
  { mean, deviation, digits }: PlantDynamics,
  { gain, shift }: Instruments,
  values: Float64Array,
): Record<string, number> {
  const out: Record<string, number> = {};
  for (let v = 0; v < WIDTH; v++) {
    const recorded = Number((mean[v]! + deviation[v]! * values[v]!).toFixed(digits[v]!));
    out[VARIABLES[v]!] = recorded * gain[v]! + shift[v]!;
  }
  return out;
}
