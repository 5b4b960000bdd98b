// Builds TensorFlow.js's native binding for this clone out of what package registries carry, for machines that can't
// reach the host its own installer downloads from: libtensorflow and its headers come from the Python wheel, the
// binding is compiled against them. Needs python3 with pip, make and g++. Changes node_modules/ alone.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { root } from './ensure.mjs';
import { readZip } from './zip.mjs';

const WHEEL = { name: 'tensorflow-cpu', version: '2.12.1', python: '311', platform: 'manylinux2014_x86_64' };
const HEADERS = ['tensorflow/c/', 'tensorflow/core/platform/', 'tensorflow/tsl/', 'tsl/', 'xla/tsl/'];
const INCLUDE = 'tensorflow/include/';
const TRY_IT = `
  const tf = require('@tensorflow/tfjs-node');
  const [value] = tf.ones([2, 2]).matMul(tf.ones([2, 2])).dataSync();
  if (tf.getBackend() !== 'tensorflow' || value !== 2) throw new Error('it loads, but computes wrongly');
  console.log('TensorFlow ' + tf.backend().binding.TF_Version);`;

const folder = join(root, 'node_modules', '@tensorflow', 'tfjs-node');

function run(what, command, args, { cwd = root, minutes = 10 } = {}) {
  const started = Date.now();
  const result = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: minutes * 60_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.error?.code === 'ENOENT')
    throw new Error(`${what} needs ${command}, which isn't on PATH; install it and run this again`);
  if (result.status !== 0) {
    const tail = `${result.stdout}\n${result.stderr}`.trim().split('\n').slice(-30).join('\n');
    throw new Error(
      `${what} failed (${command} ${args.join(' ')}: ${result.signal ?? `exit ${result.status}`})\n${tail}`,
    );
  }
  console.error(`tfjs-native: ${what}, ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return result.stdout;
}

function tryBinding() {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };
  const result = spawnSync(process.execPath, ['-e', TRY_IT], {
    cwd: root,
    encoding: 'utf8',
    env,
    timeout: 60_000,
  });
  return result.status === 0
    ? { version: result.stdout.trim() }
    : { fault: result.stderr.trim().split('\n').slice(-5).join('\n') };
}

/** Node's own headers: beside the executable that runs this, so that nothing has to be downloaded. */
function nodeFolder() {
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const candidates = [prefix, '/usr', '/usr/local'];
  const found = candidates.find((path) => existsSync(join(path, 'include', 'node', 'node_api.h')));
  if (found === undefined)
    throw new Error(
      `Node's headers (include/node/node_api.h) are in none of ${candidates.join(', ')}; install Node's development package`,
    );
  return found;
}

function lockedVersion() {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const version = lock.packages?.['node_modules/@tensorflow/tfjs-node']?.version;
  if (!version) throw new Error('package-lock.json names no version of @tensorflow/tfjs-node');
  return version;
}

function unpackWheel(wheel) {
  const entries = readZip(wheel);
  const put = (path, data) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, data);
  };
  for (const { name, read } of entries) {
    if (name.startsWith('tensorflow/libtensorflow_'))
      put(join(folder, 'deps', 'lib', basename(name)), read());
    else if (name.endsWith('.h') && HEADERS.some((start) => name.startsWith(INCLUDE + start)))
      put(join(folder, 'deps', 'include', name.slice(INCLUDE.length)), read());
  }
  const libraries = join(folder, 'deps', 'lib');
  // the binding links against the names that libtensorflow's own archives use
  symlinkSync('libtensorflow_cc.so.2', join(libraries, 'libtensorflow.so'));
  symlinkSync('libtensorflow_framework.so.2', join(libraries, 'libtensorflow_framework.so'));
}

function build() {
  const nodedir = nodeFolder();
  if (!existsSync(folder)) {
    const wanted = `@tensorflow/tfjs-node@${lockedVersion()}`;
    run(`installing ${wanted} without its download`, 'npm', [
      'install',
      '--no-save',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      wanted,
    ]);
  }
  const scratch = mkdtempSync(join(tmpdir(), 'riskwire-tfjs-'));
  try {
    const { name, version, python, platform } = WHEEL;
    const target = ['--only-binary=:all:', '--python-version', python, '--platform', platform];
    run(`fetching ${name} ${version}`, 'python3', [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--no-deps',
      '--no-cache-dir',
      ...target,
      '--dest',
      scratch,
      `${name}==${version}`,
    ]);
    const wheel = readdirSync(scratch).find((file) => file.endsWith('.whl'));
    if (!wheel) throw new Error(`pip left no wheel of ${name} ${version}`);
    rmSync(join(folder, 'deps'), { recursive: true, force: true });
    unpackWheel(join(scratch, wheel));
    const fromHere = createRequire(join(folder, 'package.json'));
    const builder = join(
      dirname(fromHere.resolve('@mapbox/node-pre-gyp/package.json')),
      'bin',
      'node-pre-gyp',
    );
    run(
      'compiling the binding',
      process.execPath,
      [builder, 'install', '--build-from-source', `--nodedir=${nodedir}`],
      { cwd: folder },
    );
    rmSync(join(folder, 'build'), { recursive: true, force: true });
    rmSync(join(folder, 'deps', 'include'), { recursive: true, force: true });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

try {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(
      `the recipe is for linux-x64; this is ${process.platform}-${process.arch}, where npm's own download of @tensorflow/tfjs-node is the way`,
    );
  let { version } = tryBinding();
  if (version === undefined) {
    build();
    const after = tryBinding();
    if (after.version === undefined)
      throw new Error(`the binding was built but doesn't load:\n${after.fault}`);
    version = after.version;
  }
  console.error(`tfjs-native: ready, ${version}`);
} catch (error) {
  console.error(`tfjs-native: ${error.message}`);
  process.exitCode = 1;
}
