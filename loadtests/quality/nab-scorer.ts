import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LONGEST_MS = 15 * 60_000;

export interface NabScores {
  readonly standard: number;
  readonly rewardLowFP: number;
  readonly rewardLowFN: number;
  /** the standard score of the files whose name hashes even, and of the others, at the one threshold of all files */
  readonly halves: readonly [number, number];
}

export interface NabRun {
  readonly python: string;
  /** folder of NAB's scorer: run.py, nab/, config/, labels/ */
  readonly scorer: string;
  /** folder that holds data/ */
  readonly data: string;
  /** folder that holds <name>/<category>/<name>_<file> */
  readonly results: string;
  readonly name: string;
}

/** Lets NAB's own scorer judge a detector's results: its optimiser, its profiles, its normalisation. */
export async function scoreResults({ python, scorer, data, results, name }: NabRun): Promise<NabScores> {
  if (!existsSync(join(scorer, 'run.py')))
    throw new Error(`--scorer ${scorer}: no run.py there; give a checkout of github.com/numenta/NAB`);
  const folder = await mkdtemp(join(tmpdir(), 'riskwire-nab-score-'));
  try {
    const inside = join(folder, 'results');
    await mkdir(inside);
    await cp(join(results, name), join(inside, name), { recursive: true });
    // The scorer normalises by its detector that never speaks; its score files are all that is needed of it.
    const silent = [join(scorer, 'results', 'null'), join(scorer, 'null')].find((path) => existsSync(path));
    if (silent === undefined)
      throw new Error(
        `--scorer ${scorer}: neither results/null nor null there; give a whole checkout of NAB`,
      );
    await cp(silent, join(inside, 'null'), { recursive: true });
    const thresholds = join(folder, 'thresholds.json');
    await copyFile(join(scorer, 'config', 'thresholds.json'), thresholds);
    const args = ['run.py', '-d', name, '--optimize', '--score', '--normalize', '--skipConfirmation'];
    args.push('--dataDir', join(data, 'data'), '--resultsDir', inside, '-t', thresholds);
    await run(python, args, {
      cwd: scorer,
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
      timeout: LONGEST_MS,
      maxBuffer: 1 << 26,
    });
    const final = JSON.parse(await readFile(join(inside, 'final_results.json'), 'utf8')) as Record<
      string,
      Record<string, number>
    >;
    const scores = final[name]!;
    const files = await readFile(join(inside, name, `${name}_standard_scores.csv`), 'utf8');
    const windows = JSON.parse(
      await readFile(join(scorer, 'labels', 'combined_windows.json'), 'utf8'),
    ) as Record<string, unknown[]>;
    return {
      standard: scores['standard']!,
      rewardLowFP: scores['reward_low_FP_rate']!,
      rewardLowFN: scores['reward_low_FN_rate']!,
      halves: halvesOf(files, windows),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * NAB's normalised standard score of each half: 100 · (score + windows) / (2 · windows), since a window found at once
 * gives 1 and a missed one takes 1.
 */
export function halvesOf(csv: string, windows: Readonly<Record<string, unknown[]>>): [number, number] {
  const [header, ...lines] = csv.trim().split(/\r?\n/);
  const columns = header!.split(',');
  const file = columns.indexOf('File');
  const score = columns.indexOf('Score');
  const sums = [0, 0];
  const counts = [0, 0];
  for (const line of lines) {
    const cells = line.split(',');
    const found = windows[cells[file]!];
    if (found === undefined) continue; // the line of totals
    const half = halfOf(cells[file]!);
    sums[half]! += Number(cells[score]);
    counts[half]! += found.length;
  }
  const normalised = (half: number): number => (100 * (sums[half]! + counts[half]!)) / (2 * counts[half]!);
  return [normalised(0), normalised(1)];
}

/** 0 for a file whose name hashes even */
export function halfOf(file: string): 0 | 1 {
  const digest = createHash('sha256').update(file).digest();
  return (digest[digest.length - 1]! & 1) === 0 ? 0 : 1;
}
