import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { averagePrecision, rocAuc } from '../../detection/judging/measures.js';
import { type Base, startModel } from '../../detection/model/start-model.js';
import type { ScoringModel } from '../../detection/scoring.js';
import { packageRoot } from '../../lib/paths.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { FAULT_ROW, FAULTS, SeriesFolder, testSeriesOf } from '../../pipelines/production/series.js';
import { readModelPackage } from '../../services/scorer/model-files.js';
import { parseSite } from './agriculture.js';
import { unitEvents } from './production-data.js';
import { type Batches, disposeOf, scoreStream, shippedPipeline, untrainedModel } from './stream.js';
import { mean, type SuiteOptions, type SuiteResult, type Table } from './suite.js';

/**
 * A start without a trained model, on series that nothing has learned from: the shared model with the detectors that
 * need no training, against these alone. The plant: a unit runs 660 normal rows and then one of 18 faults; the first
 * 100 rows of the fault against normal ones, and whether 5 of them pass what 1% of normal ones do. Water: day 14 to 60
 * of four stations, rows with any label against rows without one.
 */
const HARD = new Set([3, 9, 15]);
const LEARNED_ROWS = 500;
const JUDGED_ROWS = 100;
const FOUND_ROWS = 5;
const DAY = 86_400;
const WATER_DAYS = [14, 60] as const;
const SITES = ['MainStreet', 'Mendon', 'TonyGrove', 'WaterLab'] as const;

interface Figures {
  readonly auc: number;
  readonly ap: number;
}

async function surprises(pipeline: Pipeline, model: ScoringModel, batches: Batches): Promise<Float32Array> {
  const out: number[] = [];
  await scoreStream({ ...pipeline }, model, batches, {}, ({ columns, scored }) => {
    for (let row = 0; row < columns.size; row++) out[columns.offsets[row]!] = scored.surprise[row]!;
  });
  return Float32Array.from(out);
}

async function plant(pipeline: Pipeline, model: ScoringModel): Promise<Figures & { found: number }> {
  const series = new SeriesFolder(join(packageRoot(), 'examples', 'production-tep'));
  const start = unitEvents(series.get('d00'), 'unit');
  const after = async (name: string) => {
    const later = unitEvents(series.get(name), 'unit', Date.UTC(2024, 0, 1) + LEARNED_ROWS * 180_000);
    return (await surprises(pipeline, model, [start, later])).subarray(start.keys.length);
  };
  const normal = await after('d00_te');
  const threshold = normal.slice().sort()[Math.floor(0.99 * normal.length)]!;
  const figures: (Figures & { found: number })[] = [];
  for (let fault = 1; fault <= FAULTS; fault++) {
    if (HARD.has(fault)) continue;
    const faulty = (await after(testSeriesOf(fault))).subarray(FAULT_ROW, FAULT_ROW + JUDGED_ROWS);
    const scores = [...normal, ...faulty];
    const labels = scores.map((_, i) => (i < normal.length ? 0 : 1));
    figures.push({
      auc: rocAuc(scores, labels),
      ap: averagePrecision(scores, labels),
      found: faulty.filter((score) => score > threshold).length >= FOUND_ROWS ? 1 : 0,
    });
  }
  const meanOf = (key: 'auc' | 'ap' | 'found') => mean(figures.map((one) => one[key]));
  return { auc: meanOf('auc'), ap: meanOf('ap'), found: meanOf('found') };
}

async function water(pipeline: Pipeline, model: ScoringModel): Promise<Figures> {
  const figures: Figures[] = [];
  for (const site of SITES) {
    const path = join(packageRoot(), 'examples', 'agriculture-water', `${site}_2019_2020.csv.gz`);
    const series = parseSite(gunzipSync(await readFile(path)).toString('utf8'));
    const { times } = [...series.values()][0]!;
    const rows = times.findIndex((time) => time > times[0]! + WATER_DAYS[1] * DAY);
    const events = Array.from({ length: rows }, (_, row) => {
      const reading = (name: 'temp' | 'cond' | 'ph' | 'do') => {
        const value = series.get(name)!.values[row]!;
        return Number.isNaN(value) ? null : value;
      };
      return {
        time: times[row]! * 1000,
        site,
        watershed: 'river',
        temperature: reading('temp'),
        conductivity: reading('cond'),
        ph: reading('ph'),
        dissolvedOxygen: reading('do'),
        turbidity: null,
        stage: null,
      };
    });
    const scores = await surprises(pipeline, model, [{ keys: events.map(() => site), events }]);
    const from = times.findIndex((time) => time > times[0]! + WATER_DAYS[0] * DAY);
    const labels = Array.from({ length: rows - from }, (_, i) =>
      [...series.values()].some((one) => one.labels[from + i]) ? 1 : 0,
    );
    if (labels.filter((label) => label === 1).length < 5) continue;
    figures.push({
      auc: rocAuc(scores.subarray(from), labels),
      ap: averagePrecision(scores.subarray(from), labels),
    });
  }
  return { auc: mean(figures.map(({ auc }) => auc)), ap: mean(figures.map(({ ap }) => ap)) };
}

function modelsOf(pipeline: Pipeline, base: Base): [string, ScoringModel][] {
  const { features, detectors: settings, smoothing: lambdas } = pipeline;
  const whole = startModel({ features, settings, lambdas }, base);
  const alone = startModel({ features, settings, lambdas, shared: false }, base);
  const only = { ...pipeline, detectors: { memory: settings.memory, checks: settings.checks } };
  return [
    ['start with the shared model', whole],
    ['without it', alone],
    ['without it, priors that nobody measured', untrainedModel(only as Pipeline, 0)],
  ];
}

export async function startSuite({ progress }: SuiteOptions): Promise<SuiteResult> {
  const { manifest, weights } = await readModelPackage(join(packageRoot(), 'models', 'base'));
  const base = { id: manifest.id, weights };
  const rows: (string | number)[][] = [];
  const figures: Record<string, unknown> = {};
  for (const [name, measure] of [
    ['production', plant],
    ['agriculture', water],
  ] as const) {
    const { pipeline } = await shippedPipeline(name);
    for (const [label, model] of modelsOf(pipeline, base)) {
      const found: Figures & { found?: number } = await measure(pipeline, model);
      disposeOf(model);
      rows.push([`${name}: ${label}`, found.auc, found.ap, found.found ?? '']);
      figures[`${name}, ${label}`] = found;
      progress(`${name}, ${label}: AUC ${found.auc.toFixed(4)}, AP ${found.ap.toFixed(4)}`);
    }
  }
  const table: Table = {
    title: 'First days without a trained model',
    columns: ['', 'AUC', 'AP', 'faults found'],
    rows,
  };
  return { figures, tables: [table] };
}
