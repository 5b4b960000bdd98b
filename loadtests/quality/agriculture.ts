import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import type { DetectorBatch, StateBlock } from '../../detection/contract.js';
import { SensorChecks } from '../../detection/detectors/sensor-checks.js';
import { averagePrecision, eventRecall, rocAuc } from '../../detection/judging/measures.js';

/**
 * Logan River water sensors: the sensor checks over each series by itself, online from the first row, against
 * the technicians' labels; the first 14 days are not judged. usage: agriculture --data DIR [--json]
 */
const SITES = ['MainStreet', 'Mendon', 'TonyGrove', 'WaterLab'] as const;
const VARIABLES = ['temp', 'cond', 'ph', 'do'] as const;
const INTERVAL = 900;
const NOT_JUDGED = 14 * 86_400;
const FEWEST_LABELS = 5;
const BATCH = 512;

export interface SensorSeries {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly labels: Uint8Array;
}

export function parseSite(csv: string): Map<string, SensorSeries> {
  const lines = csv.split('\n').filter((line) => line.trim() !== '');
  const header = lines[0]!.trim().split(',');
  const rows = lines.length - 1;
  const times = new Float64Array(rows);
  const series = new Map<string, SensorSeries>();
  const columns = VARIABLES.map((name) => {
    const one = { times, values: new Float64Array(rows), labels: new Uint8Array(rows) };
    series.set(name, one);
    return { ...one, value: header.indexOf(name), label: header.indexOf(`${name}_qual`) };
  });
  for (const { value, label } of columns) {
    if (value < 0 || label < 0)
      throw new Error(`header '${lines[0]}': expected ${VARIABLES.join(', ')} and *_qual`);
  }
  for (let row = 0; row < rows; row++) {
    const cells = lines[row + 1]!.trim().split(',');
    times[row] = Date.parse(`${cells[0]!.replace(' ', 'T')}Z`) / 1000;
    for (const { values, labels, value, label } of columns) {
      values[row] = cells[value] === '' || cells[value] === undefined ? Number.NaN : Number(cells[value]);
      labels[row] = (cells[label] ?? '') === '' ? 0 : 1;
    }
  }
  return series;
}

/** The sensor score of every row. */
export function sensorScores({ times, values }: SensorSeries): Float32Array {
  const checks = new SensorChecks({ sensors: 1, intervalSeconds: INTERVAL });
  const state: StateBlock = { data: new Float32Array(checks.stateSize), stride: checks.stateSize, offset: 0 };
  checks.initState(state, 0);
  const scores = new Float32Array(values.length);
  for (let from = 0; from < values.length; from += BATCH) {
    const size = Math.min(BATCH, values.length - from);
    const batch: DetectorBatch = {
      size,
      slots: new Int32Array(size),
      domains: new Int32Array(size),
      times: times.subarray(from, from + size),
      gaps: Float64Array.from(
        { length: size },
        (_, i) => times[from + i]! - (times[from + i - 1] ?? Number.NaN),
      ),
      ages: Float64Array.from({ length: size }, (_, i) => from + i),
      hoursOfWeek: new Float32Array(size),
      x: new Float32Array(0),
      features: 0,
      raw: values.subarray(from, from + size),
      sensors: 1,
    };
    checks.score(batch, state, scores.subarray(from, from + size));
  }
  return scores;
}

export interface SeriesFigures {
  readonly site: string;
  readonly variable: string;
  readonly auc: number;
  readonly ap: number;
  readonly eventRecall: number;
}

export async function agricultureFigures(data: string): Promise<SeriesFigures[]> {
  const figures: SeriesFigures[] = [];
  for (const site of SITES) {
    const csv = gunzipSync(await readFile(join(data, `${site}_2019_2020.csv.gz`))).toString('utf8');
    for (const [variable, series] of parseSite(csv)) {
      const from = series.times.findIndex((time) => time >= series.times[0]! + NOT_JUDGED);
      const labels = series.labels.subarray(from);
      if (labels.reduce((sum, label) => sum + label, 0) < FEWEST_LABELS) continue;
      const scores = sensorScores(series).subarray(from);
      figures.push({
        site,
        variable,
        auc: rocAuc(scores, labels),
        ap: averagePrecision(scores, labels),
        eventRecall: eventRecall(scores, labels, 0.01),
      });
    }
  }
  return figures;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { data: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  if (!values.data) throw new Error('usage: agriculture --data DIR [--json]');
  const figures = await agricultureFigures(resolve(values.data));
  const row = (name: string, of: readonly SeriesFigures[]): string =>
    `${name.padEnd(18)} ${(['auc', 'ap', 'eventRecall'] as const).map((key) => mean(of.map((one) => one[key])).toFixed(3)).join('  ')}`;
  if (!values.json) {
    console.log(`${'series'.padEnd(18)} AUC    AP     event recall at 1% false positives`);
    for (const one of figures) console.log(row(`${one.site} ${one.variable}`, [one]));
    for (const site of SITES)
      console.log(
        row(
          site,
          figures.filter((one) => one.site === site),
        ),
      );
    console.log(row(`all ${figures.length}`, figures));
  }
  console.log(
    JSON.stringify({
      auc: mean(figures.map((one) => one.auc)),
      ap: mean(figures.map((one) => one.ap)),
      eventRecall: mean(figures.map((one) => one.eventRecall)),
    }),
  );
}
