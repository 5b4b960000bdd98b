import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../lib/paths.js';

export type Runtime = 'python' | 'jvm';

/** Where the programs of a runtime are. */
export function peerSources(runtime: Runtime): string {
  return join(packageRoot(), 'loadtests', 'peers', runtime);
}

/**
 * A folder that `build` has filled, kept under the system's temporary one for as long as the files that it was made
 * from stay the same. One that was left half made is made anew.
 */
export async function builtOnce(
  runtime: Runtime,
  madeFrom: (name: string) => boolean,
  build: (folder: string) => Promise<void>,
): Promise<string> {
  const target = join(tmpdir(), 'riskwire-peers', `${runtime}-${digestOf(peerSources(runtime), madeFrom)}`);
  const whole = join(target, '.whole');
  if (existsSync(whole)) return target;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  await build(target);
  writeFileSync(whole, '');
  return target;
}

function digestOf(folder: string, madeFrom: (name: string) => boolean): string {
  const hash = createHash('sha256');
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && madeFrom(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const name of names) hash.update(name.slice(folder.length)).update(readFileSync(name));
  return hash.digest('hex').slice(0, 12);
}
