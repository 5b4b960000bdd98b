import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../lib/paths.js';

const run = promisify(execFile);
const FOLDER = join(packageRoot(), 'loadtests', 'quality', 'baselines');
const INSTALL_MS = 10 * 60_000;
const RUN_MS = 30 * 60_000;

/** Python with the pinned packages, in a folder of its own under the system's temporary one; made once. */
export async function pinnedPython(progress: (line: string) => void): Promise<string> {
  const requirements = join(FOLDER, 'requirements.txt');
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const folder = join(tmpdir(), `riskwire-python-${digest}`);
  const python = join(folder, 'bin', 'python');
  const mark = join(folder, 'installed');
  if (existsSync(mark)) return python;
  progress(`making a Python environment with ${requirements} in ${folder}`);
  await run('python3', ['-m', 'venv', '--clear', folder], { timeout: INSTALL_MS });
  await run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements], {
    timeout: INSTALL_MS,
  });
  await run(python, ['-c', `open(${JSON.stringify(mark)}, 'w').close()`], { timeout: INSTALL_MS });
  return python;
}

/** Runs one of baselines/*.py, which prints a JSON object: figures by name of the baseline. */
async function baseline(
  script: string,
  args: readonly string[],
  progress: (line: string) => void,
): Promise<Record<string, Record<string, number>>> {
  const python = await pinnedPython(progress);
  progress(`Python baselines: ${script}`);
  const { stdout } = await run(python, [join(FOLDER, script), ...args], { timeout: RUN_MS });
  return JSON.parse(stdout) as Record<string, Record<string, number>>;
}

const cells = (figures: Record<string, number>, keys: readonly string[]): string[] =>
  keys.map((key) => (figures[key] ?? Number.NaN).toFixed(key === 'medianDelay' ? 1 : 3));

export async function productionBaselines(folder: string, progress: (line: string) => void) {
  const found = await baseline('production.py', [folder], progress);
  return Object.entries(found).map(([name, figures]) => [
    name,
    ...cells(figures, ['fdr21', 'fdr18', 'far', 'auc18', 'medianDelay']),
  ]);
}

export async function agricultureBaselines(folder: string, progress: (line: string) => void) {
  const found = await baseline('agriculture.py', [folder], progress);
  return Object.entries(found).map(([name, figures]) => [
    name,
    ...cells(figures, ['auc', 'ap', 'eventRecall']),
  ]);
}

/** Writes NAB results of simple detectors; gives the name and title of each. */
export async function seriesBaselines(
  data: string,
  out: string,
  progress: (line: string) => void,
): Promise<[string, string][]> {
  const python = await pinnedPython(progress);
  progress('Python baselines: nab.py');
  const { stdout } = await run(python, [join(FOLDER, 'nab.py'), data, out], { timeout: RUN_MS });
  return JSON.parse(stdout) as [string, string][];
}
