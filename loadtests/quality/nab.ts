import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { DetectorBatch, StateBlock } from '../../detection/contract.js';
import { MemoryDetector } from '../../detection/detectors/memory.js';
import { Fatigue } from '../../detection/judging/fatigue.js';

/**
 * Numenta Anomaly Benchmark: the memory detector over every file, with one configuration, written as NAB's own
 * scorer reads it. usage: nab --data DIR --out DIR [--name riskwire]   DIR holds data/<category>/<file>.csv
 */
export const NAB_NAME = 'riskwire';
const BATCH = 256;

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
    times[index] = Date.parse(`${stamp.replace(' ', 'T')}Z`) / 1000;
    values[index] = Number(value);
  });
  return { stamps, times, values };
}

/** The alert level of every row: 0 for none. */
export function alertLevels(series: Series, size: 'small' | 'large' = 'large'): Float64Array {
  const memory = new MemoryDetector({ sensors: 1, size });
  const fatigue = new Fatigue();
  const stride = memory.stateSize + fatigue.stateSize;
  const data = new Float32Array(stride);
  const block: StateBlock = { data, stride, offset: 0 };
  const fatigueBlock: StateBlock = { data, stride, offset: memory.stateSize };
  memory.initState(block, 0);
  fatigue.initState(fatigueBlock, 0);
  const rows = series.values.length;
  const levels = new Float64Array(rows);
  const scores = new Float32Array(BATCH);
  for (let from = 0; from < rows; from += BATCH) {
    const size = Math.min(BATCH, rows - from);
    memory.score(batchOf(series, from, size), block, scores);
    for (let row = 0; row < size; row++) levels[from + row] = fatigue.level(scores[row]!, fatigueBlock, 0);
  }
  return levels;
}

function batchOf(series: Series, from: number, size: number): DetectorBatch {
  const times = series.times.subarray(from, from + size);
  return {
    size,
    slots: new Int32Array(size),
    domains: new Int32Array(size),
    times,
    gaps: new Float64Array(size),
    ages: Float64Array.from({ length: size }, (_, row) => from + row),
    hoursOfWeek: Float32Array.from(times, (time) => (time / 3600 + 72) % 168),
    x: new Float32Array(0),
    features: 0,
    raw: series.values.subarray(from, from + size),
    sensors: 1,
  };
}

export async function writeResults(
  data: string,
  out: string,
  name: string,
  size: 'small' | 'large',
): Promise<number> {
  const root = join(data, 'data');
  let files = 0;
  for (const category of (await readdir(root)).sort()) {
    const target = join(out, name, category);
    await mkdir(target, { recursive: true });
    for (const file of (await readdir(join(root, category))).sort()) {
      if (!file.endsWith('.csv')) continue;
      const series = parseSeries(await readFile(join(root, category, file), 'utf8'));
      const levels = alertLevels(series, size);
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

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string' },
      out: { type: 'string' },
      name: { type: 'string', default: NAB_NAME },
      size: { type: 'string', default: 'large' },
    },
  });
  if (!values.data || !values.out)
    throw new Error('usage: nab --data DIR --out DIR [--name NAME] [--size large|small]');
  if (values.size !== 'large' && values.size !== 'small')
    throw new Error(`--size ${values.size}: give large or small`);
  const started = performance.now();
  const files = await writeResults(resolve(values.data), resolve(values.out), values.name, values.size);
  console.log(
    `${files} files in ${((performance.now() - started) / 1000).toFixed(1)} s -> ${values.out}/${values.name}`,
  );
}
