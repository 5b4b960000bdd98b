import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { SensorChecks } from '../../detection/detectors/sensor-checks.js';
import { averagePrecision, eventRecall, rocAuc } from '../../detection/judging/measures.js';
import { packageRoot } from '../../lib/paths.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { agricultureBaselines } from './baselines.js';
import type { PlantedTally } from './planted.js';
import { plantedWater } from './planted-streams.js';
import { kindRows, plantedTally, WATER_LEARNED } from './reasons.js';
import { stationsTable } from './stations.js';
import { disposeOf, scoreStream, shippedModel, shippedPipeline, untrainedModel } from './stream.js';
import { mean, type SuiteOptions, type SuiteResult, type Table } from './suite.js';

/**
 * Logan River water sensors: each station's stream goes through the agriculture pipeline without its trained models,
 * online from the first row; the protocol judges single sensors, so what is compared with the technicians' labels is
 * the sensor checks' score of each sensor (the one its reasons come from). The first 14 days are not judged.
 */
const SITES = ['MainStreet', 'Mendon', 'TonyGrove', 'WaterLab'] as const;
const VARIABLES = { temp: 'temperature', cond: 'conductivity', ph: 'ph', do: 'dissolvedOxygen' } as const;
type Variable = keyof typeof VARIABLES;
const OTHERS = { turbidity: null, stage: null };
const NOT_JUDGED = 14 * 86_400;
const FEWEST_LABELS = 5;
const EVENTS_PER_DAY = 96;

export interface SensorSeries {
  /** seconds since the epoch */
  readonly times: Float64Array;
  /** NaN where missing */
  readonly values: Float64Array;
  /** 1 where technicians labelled the reading */
  readonly labels: Uint8Array;
}

export function parseSite(csv: string): Map<Variable, SensorSeries> {
  const lines = csv.split('\n').filter((line) => line.trim() !== '');
  const header = lines[0]!.trim().split(',');
  const rows = lines.length - 1;
  const times = new Float64Array(rows);
  const series = new Map<Variable, SensorSeries>();
  const columns = (Object.keys(VARIABLES) as Variable[]).map((name) => {
    const one = { times, values: new Float64Array(rows), labels: new Uint8Array(rows) };
    series.set(name, one);
    return { ...one, value: header.indexOf(name), label: header.indexOf(`${name}_qual`) };
  });
  for (const { value, label } of columns) {
    if (value < 0 || label < 0)
      throw new Error(`header '${lines[0]}': expected ${Object.keys(VARIABLES).join(', ')} and *_qual`);
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

/** The sensor checks' score of every reading of a station, by variable. */
export async function sensorScores(
  pipeline: Pipeline,
  site: ReadonlyMap<Variable, SensorSeries>,
): Promise<Map<Variable, Float32Array>> {
  const untrained = { ...pipeline, detectors: { checks: pipeline.detectors.checks } };
  const model = untrainedModel(untrained, EVENTS_PER_DAY);
  const checks = model.detectors.find((detector) => detector instanceof SensorChecks)!;
  const sensorOf = (variable: Variable): number =>
    model.plan.sensors.findIndex((number) => model.plan.numbers[number]!.field === VARIABLES[variable]);
  const [first] = site.values();
  const scores = new Map([...site].map(([name]) => [name, new Float32Array(first!.times.length)] as const));
  const events = Array.from(first!.times, (seconds, row) => {
    const event: Record<string, unknown> = {
      time: seconds * 1000,
      site: 'site',
      watershed: 'river',
      ...OTHERS,
    };
    for (const [name, { values }] of site)
      event[VARIABLES[name]] = Number.isNaN(values[row]) ? null : values[row];
    return event;
  });
  const batch = { keys: events.map(() => 'site'), events };
  await scoreStream(untrained, model, [batch], {}, ({ columns }) => {
    for (const [name, of] of scores) {
      const sensor = sensorOf(name);
      for (let row = 0; row < columns.size; row++)
        of[columns.offsets[row]!] = checks.sensorScore(row, sensor);
    }
  });
  return scores;
}

export interface SeriesFigures {
  readonly site: string;
  readonly variable: string;
  readonly auc: number;
  readonly ap: number;
  readonly eventRecall: number;
  /** stretches of normal rows above the threshold that 1% of them pass, a week */
  readonly falseAlerts: number;
}

export async function agricultureFigures(data: string, pipeline: Pipeline): Promise<SeriesFigures[]> {
  const figures: SeriesFigures[] = [];
  for (const site of SITES) {
    const csv = gunzipSync(await readFile(join(data, `${site}_2019_2020.csv.gz`))).toString('utf8');
    const series = parseSite(csv);
    const all = await sensorScores(pipeline, series);
    for (const [variable, { times, labels: labelled }] of series) {
      const from = times.findIndex((time) => time >= times[0]! + NOT_JUDGED);
      const labels = labelled.subarray(from);
      if (labels.reduce((sum, label) => sum + label, 0) < FEWEST_LABELS) continue;
      const scores = all.get(variable)!.subarray(from);
      figures.push({
        site,
        variable,
        auc: rocAuc(scores, labels),
        ap: averagePrecision(scores, labels),
        eventRecall: eventRecall(scores, labels, 0.01),
        falseAlerts: falseAlertsAWeek(scores, labels, times.subarray(from)),
      });
    }
  }
  return figures;
}

const QUIET = 6 * 3600;

/** Alerts on normal rows at 1% point-wise false positives, repeats within six hours being one. */
function falseAlertsAWeek(scores: Float32Array, labels: Uint8Array, times: Float64Array): number {
  const normal = scores.filter((_, row) => !labels[row]).sort();
  const threshold = normal[Math.ceil(0.99 * normal.length) - 1]!;
  let alerts = 0;
  let last = Number.NEGATIVE_INFINITY;
  scores.forEach((score, row) => {
    if (labels[row] || !(score > threshold)) return;
    if (times[row]! - last > QUIET) alerts++;
    last = times[row]!;
  });
  return alerts / ((times.at(-1)! - times[0]!) / (7 * 86_400));
}

const KEYS = ['auc', 'ap', 'eventRecall', 'falseAlerts'] as const;
const meansOf = (of: readonly SeriesFigures[]) =>
  Object.fromEntries(KEYS.map((key) => [key, mean(of.map((one) => one[key]))])) as Record<
    (typeof KEYS)[number],
    number
  >;

export async function agricultureSuite({
  data,
  seeds,
  ablation,
  baselines,
  progress,
}: SuiteOptions): Promise<SuiteResult> {
  const folder = data ?? join(packageRoot(), 'examples', 'agriculture-water');
  const shipped = await shippedPipeline('agriculture');
  const figures = await agricultureFigures(folder, shipped.pipeline);
  progress(`${figures.length} series judged`);
  const row = (name: string, of: readonly SeriesFigures[]) => [
    name,
    ...KEYS.map((key) => meansOf(of)[key].toFixed(key === 'falseAlerts' ? 1 : 3)),
  ];
  const ofSite = (site: string) => figures.filter((one) => one.site === site);
  const table: Table = {
    title: 'Logan River, single sensors against the technicians’ labels',
    columns: ['', 'AUC', 'AP', 'event recall', 'false alerts a week'],
    rows: [
      ...figures.map((one) => row(`${one.site} ${one.variable}`, [one])),
      ...SITES.map((site) => row(`mean of ${site}`, ofSite(site))),
      row(`mean of all ${figures.length}`, figures),
      ...(baselines ? await agricultureBaselines(folder, progress) : []),
    ],
  };
  const model = await shippedModel(shipped);
  const tallies: PlantedTally[] = [];
  for (const seed of seeds) {
    const { tally } = await plantedTally(
      shipped.pipeline,
      model,
      await plantedWater(folder, seed, WATER_LEARNED),
    );
    tallies.push(tally);
    progress(`seed ${seed}: ${tally.planted.length} faults planted`);
  }
  disposeOf(model);
  const planted: Table = {
    title: `Planted faults in the second half of the series, shipped pipeline and model, ${seeds.length} seed(s)`,
    columns: ['kind', 'planted', 'recall', 'median delay (readings)', 'first reason right'],
    rows: kindRows(tallies),
  };
  const stations = ablation ? [await stationsTable(folder, shipped, { seeds, progress })] : [];
  const { auc, ap, eventRecall: recall } = meansOf(figures);
  const bySite = Object.fromEntries(SITES.map((site) => [site, meansOf(ofSite(site))]));
  return { figures: { auc, ap, eventRecall: recall, bySite }, tables: [table, planted, ...stations] };
}
