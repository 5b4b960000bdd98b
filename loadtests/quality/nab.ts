import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Fatigue } from '../../detection/judging/fatigue.js';
import type { ScoringModel } from '../../detection/scoring.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { pinnedPython, seriesBaselines } from './baselines.js';
import { type NabScores, scoreResults } from './nab-scorer.js';
import { detectStream, scoreStream, untrainedModel } from './stream.js';
import type { SuiteOptions, SuiteResult } from './suite.js';

/**
 * Numenta Anomaly Benchmark: one configuration for all 58 files, each a series of its own that starts with nothing,
 * judged by NAB's own scorer. A series goes through the partition scorer's intake, features and the memory detector;
 * the rule that decides over one series is Fatigue's, by event counts, since NAB counts readings and has no days: the
 * alert budget of a pipeline ("about N a day") is measured beside it.
 */
const NAME = 'riskwire';

export interface Series {
  readonly stamps: readonly string[];
  readonly times: Float64Array;
  readonly values: Float64Array;
}

export function parseSeries(csv: string): Series {
  const lines = csv
    .split('\n')
    .slice(1)
    .filter((line) => line.trim() !== '');
  const stamps: string[] = [];
  const times = new Float64Array(lines.length);
  const values = new Float64Array(lines.length);
  lines.forEach((line, index) => {
    const [stamp, value] = line.trim().split(',');
    if (stamp === undefined || value === undefined)
      throw new Error(`line ${index + 2}: '${line}'; expected timestamp,value`);
    stamps.push(stamp);
    times[index] = Date.parse(`${stamp.replace(' ', 'T')}Z`);
    values[index] = Number(value);
  });
  return { stamps, times, values };
}

function seriesPipeline(size: 'small' | 'large'): Pipeline {
  return {
    name: 'series',
    title: { en: 'One series', zh: '单序列' },
    topic: 'series',
    schemaName: 'series',
    schema: undefined,
    entity: 'series',
    eventId: undefined,
    time: 'time',
    timeZone: { fixed: 'UTC' },
    domain: { fixed: 'all' },
    late: Number.POSITIVE_INFINITY,
    ahead: 0,
    context: [],
    features: {
      numbers: [{ field: 'value', sensor: true }],
      categories: [],
      calendar: false,
      gap: false,
      activity: [],
    },
    detectors: { memory: { size } },
    smoothing: [1],
    budget: 0.2,
    quiet: 86_400_000,
  };
}

interface Prepared {
  readonly pipeline: Pipeline;
  readonly model: ScoringModel;
}

function prepared(size: 'small' | 'large'): Prepared {
  const pipeline = seriesPipeline(size);
  return { pipeline, model: untrainedModel(pipeline, 288) };
}

function eventsOf({ times, values }: Series) {
  const events = Array.from(times, (time, row) => ({ time, value: values[row] }));
  return [{ keys: events.map(() => 'series'), events }];
}

/** The alert level of every row: 0 for none. */
export type Levels = (series: Series) => Promise<Float64Array>;

export function fatigueLevels(size: 'small' | 'large', rested = true): Levels {
  const { pipeline, model } = prepared(size);
  return async (series) => {
    const levels = new Float64Array(series.times.length);
    const fatigue = new Fatigue();
    const block = { data: new Float32Array(fatigue.stateSize), stride: fatigue.stateSize, offset: 0 };
    fatigue.initState(block, 0);
    await detectStream(pipeline, model, eventsOf(series), (columns, raw) => {
      for (let row = 0; row < columns.size; row++)
        levels[columns.offsets[row]!] = rested ? fatigue.level(raw[row]!, block, 0) : raw[row]!;
    });
    return levels;
  };
}

/** The whole way of a pipeline: calibrated surprise, alert budget, quiet period. */
function budgetLevels(): Levels {
  const { pipeline, model } = prepared('large');
  return async (series) => {
    const levels = new Float64Array(series.times.length);
    await scoreStream(pipeline, model, eventsOf(series), {}, ({ columns, scored }) => {
      for (const { row, surprise, alert } of scored.flagged)
        if (alert) levels[columns.offsets[row]!] = surprise;
    });
    return levels;
  };
}

/** Writes <out>/<name>/<category>/<name>_<file> for every file of <data>/data; gives the number of files. */
export async function writeResults(
  data: string,
  out: string,
  name: string,
  levelsOf: Levels,
): Promise<number> {
  const root = join(data, 'data');
  let files = 0;
  for (const category of (await readdir(root)).sort()) {
    const inside = (await readdir(join(root, category)).catch(notAFolder)).filter((file) =>
      file.endsWith('.csv'),
    );
    if (inside.length === 0) continue;
    const target = join(out, name, category);
    await mkdir(target, { recursive: true });
    for (const file of inside.sort()) {
      const series = parseSeries(await readFile(join(root, category, file), 'utf8'));
      const levels = await levelsOf(series);
      const lines = ['timestamp,value,anomaly_score,label'];
      series.stamps.forEach((stamp, row) => {
        const level = levels[row]!;
        lines.push(`${stamp},${series.values[row]},${level > 0 ? level / (level + 5) : 0},0`);
      });
      await writeFile(join(target, `${name}_${file}`), `${lines.join('\n')}\n`);
      files++;
    }
  }
  return files;
}

function notAFolder(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOTDIR') return [];
  throw error;
}

/** Published on NAB's scoreboard (github.com/numenta/NAB), by the same scorer: standard, low FP, low FN. */
const PUBLISHED: readonly (readonly [string, ...number[]])[] = [
  ['ARTime (published)', 74.9, 65.1, 80.4],
  ['Numenta HTM (published)', 70.1, 63.2, 74.3],
  ['CAD OSE (published)', 69.9, 67.0, 73.2],
  ['Skyline (published)', 58.2],
  ['Random Cut Forest (published)', 51.7, 38.4, 59.8],
  ['windowed Gaussian (published)', 39.6, 20.9, 47.4],
];

export async function nabSuite(options: SuiteOptions): Promise<SuiteResult> {
  const { data, progress } = options;
  if (data === undefined)
    throw new Error(
      '--data: give the folder of the Numenta Anomaly Benchmark, with data/ and labels/: git clone https://github.com/numenta/NAB',
    );
  const python = await pinnedPython(progress);
  const folder = await mkdtemp(join(tmpdir(), 'riskwire-nab-'));
  const scored = async (name: string, levels: Levels): Promise<NabScores> => {
    const files = await writeResults(resolve(data), folder, name, levels);
    progress(`${name}: ${files} files; NAB's scorer takes a minute`);
    return scoreResults({
      python,
      scorer: resolve(options.scorer ?? data),
      data: resolve(data),
      results: folder,
      name,
    });
  };
  const rows: (string | number)[][] = [];
  const add = (title: string, { standard, rewardLowFP, rewardLowFN, halves }: NabScores): void => {
    rows.push([title, ...[standard, rewardLowFP, rewardLowFN, ...halves].map((score) => score.toFixed(1))]);
  };
  try {
    const figures = await scored(NAME, fatigueLevels('large'));
    add('memory, large, with the series rule', figures);
    if (options.ablation) {
      add('memory, small', await scored('riskwiresmall', fatigueLevels('small')));
      add(
        'memory, large, without the series rule',
        await scored('riskwireraw', fatigueLevels('large', false)),
      );
      add('through calibration and alert budget', await scored('riskwirebudget', budgetLevels()));
    }
    if (options.baselines)
      for (const [name, title] of await seriesBaselines(resolve(data), folder, progress))
        add(
          title,
          await scoreResults({
            python,
            scorer: resolve(options.scorer ?? data),
            data: resolve(data),
            results: folder,
            name,
          }),
        );
    for (const [name, ...scores] of PUBLISHED) rows.push([name, ...scores.map((score) => score.toFixed(1))]);
    return {
      figures: { ...figures },
      tables: [
        {
          title: 'Numenta Anomaly Benchmark, scores of its own scorer',
          columns: ['', 'standard', 'low FP', 'low FN', 'half a', 'half b'],
          rows,
        },
      ],
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}
