import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { missingOr } from './missing-program.js';
import { builtOnce, peerSources } from './peer-cache.js';

const run = promisify(execFile);
const INSTALL_MS = 10 * 60_000;
const OLDEST = [3, 11];

/** A virtual environment with the pinned packages; returns its folder. */
export async function preparePython(say: (text: string) => void): Promise<string> {
  const python = process.env['PYTHON'] || 'python3';
  const missing = 'install Python 3.11 or later (or name it in PYTHON)';
  const { stdout } = await missingOr(run(python, ['--version']), python, missing);
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(stdout)?.slice(1) ?? []).map(Number);
  if (major < OLDEST[0]! || (major === OLDEST[0] && minor < OLDEST[1]!))
    throw new Error(`${python} is ${stdout.trim()}: ${missing}`);
  return builtOnce(
    'python',
    (name) => name === 'requirements.txt',
    async (folder) => {
      say('installing the Python peers’ packages …');
      await run(python, ['-m', 'venv', join(folder, 'venv')]);
      const requirements = join(peerSources('python'), 'requirements.txt');
      const pip = ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', '-r', requirements];
      await run(pythonIn(folder), pip, { timeout: INSTALL_MS, maxBuffer: 16 << 20 });
    },
  );
}

export function pythonIn(folder: string): string {
  return join(folder, 'venv', 'bin', 'python');
}
