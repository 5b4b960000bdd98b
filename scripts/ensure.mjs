// Installs and builds what is missing, so that every command works in a fresh clone. Needs Node alone.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCES = ['services', 'pipelines', 'detection', 'alerting', 'lib', 'loadtests', 'test/faults'];

export function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) {
    console.error(
      `Riskwire needs Node 20 or later; this is ${process.version}. Install it from nodejs.org and run the command again.`,
    );
    process.exit(2);
  }
}

function run(what, command, args) {
  const started = Date.now();
  process.stderr.write(`riskwire: ${what} …\n`);
  // What installers print goes to stderr: stdout belongs to the command that was asked for.
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    console.error(
      `riskwire: ${what} failed (${command} ${args.join(' ')}, exit ${result.status ?? result.signal}).`,
    );
    process.exit(result.status ?? 1);
  }
  process.stderr.write(`riskwire: ${what} took ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

function newestSource(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) newest = Math.max(newest, newestSource(path));
    else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
      newest = Math.max(newest, statSync(path).mtimeMs);
  }
  return newest;
}

/** In a clone: dependencies as locked, dist/ no older than the sources. In an installed package: nothing to do. */
export function ensure({ dev = true } = {}) {
  checkNode();
  if (!existsSync(join(root, 'tsconfig.json'))) return;
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const mark = join(root, 'node_modules', '.riskwire-installed');
  if (!existsSync(mark) || readFileSync(mark, 'utf8') !== lock) {
    run('installing packages', 'npm', [
      'ci',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      ...(dev ? [] : ['--omit=dev']),
    ]);
    mkdirSync(dirname(mark), { recursive: true });
    writeFileSync(mark, lock);
  }
  const stamp = join(root, 'dist', '.built');
  const built = existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
  if (SOURCES.some((folder) => existsSync(join(root, folder)) && newestSource(join(root, folder)) > built)) {
    const now = new Date();
    run('building', process.execPath, [
      join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
      '-p',
      'tsconfig.build.json',
    ]);
    writeFileSync(stamp, now.toISOString());
  }
}
