import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';

export type Tf = typeof import('@tensorflow/tfjs-core');
export type BackendName = 'wasm' | 'native' | 'cpu';

export interface Backend {
  readonly name: BackendName;
  readonly tf: Tf;
  /** of TensorFlow.js */
  readonly version: string;
  /** what choosing measured: milliseconds a batch by backend; empty if nothing was to choose */
  readonly measured: Partial<Record<BackendName, number>>;
}

export interface BackendOptions {
  /** builds the model that will run, for `auto`: `run` scores one batch and is timed on each backend */
  readonly trial?: (tf: Tf) => { run(): void; dispose(): void };
  readonly log?: (message: string) => void;
}

/** the names TensorFlow.js has for them */
const REGISTERED: Record<BackendName, string> = { wasm: 'wasm', native: 'tensorflow', cpu: 'cpu' };

/**
 * Opens TensorFlow.js on one backend. `wasm` is always there and fastest for small models; `native` needs the
 * optional @tensorflow/tfjs-node; `auto` measures the trial batch on both and takes the faster one. When wasm
 * can't start, plain JavaScript takes over with a line in the log; a backend asked for by name never is replaced.
 */
export async function openBackend(
  wanted: 'auto' | BackendName,
  options: BackendOptions = {},
): Promise<Backend> {
  const log = options.log ?? (() => {});
  if (wanted !== 'auto') return { ...(await open(wanted)), measured: {} };
  const found: BackendName[] = [];
  for (const name of ['native', 'wasm'] as const) {
    try {
      await open(name);
      found.push(name);
    } catch (error) {
      const remedy = name === 'native' ? 'it is optional' : 'reinstall @tensorflow/tfjs-backend-wasm';
      if (name !== 'native' || !isMissing(error))
        log(`tensor backend ${name} did not start (${remedy}): ${String(error)}`);
    }
  }
  if (found.length === 0) {
    log('tensor backend: plain JavaScript, several times slower than wasm');
    found.push('cpu');
  }
  const measured: Partial<Record<BackendName, number>> = {};
  const { trial } = options;
  if (trial && found.length > 1)
    for (const name of found) measured[name] = fastest(trial, (await open(name)).tf);
  // without a trial wasm is the safer guess: shipped models are small
  const best = trial
    ? found.reduce((a, b) => ((measured[b] ?? 0) < (measured[a] ?? 0) ? b : a))
    : found[found.length - 1]!;
  return { ...(await open(best)), measured };
}

async function open(name: BackendName): Promise<Omit<Backend, 'measured'>> {
  const tf = name === 'native' ? await loadNative() : await import('@tensorflow/tfjs-core');
  // no advice on the console, no checks that only a developer of TensorFlow.js needs
  tf.enableProdMode();
  if (name === 'cpu') await import('@tensorflow/tfjs-backend-cpu');
  if (name === 'wasm') await loadWasm(tf);
  if (!(await tf.setBackend(REGISTERED[name])))
    throw new Error(
      `the tensor backend "${name}" could not be started; RISKWIRE_BACKEND takes auto, wasm, native or cpu`,
    );
  await tf.ready();
  return { name, tf, version: tf.version_core };
}

async function loadWasm(tf: Tf): Promise<void> {
  const require = createRequire(import.meta.url);
  const folder = join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist');
  if (tf.findBackend('wasm')) return;
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  // threads would start workers for products that take microseconds
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  wasm.setWasmPaths(`${folder}/`);
}

async function loadNative(): Promise<Tf> {
  // read by libtensorflow when it is loaded: oneDNN makes small products four times slower
  process.env['TF_ENABLE_ONEDNN_OPTS'] ??= '0';
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  // the binding's JavaScript calls a function that Node 23 took away
  const old = util as unknown as Record<string, unknown>;
  old['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  const name = '@tensorflow/tfjs-node';
  await import(name);
  return import('@tensorflow/tfjs-core');
}

function isMissing(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND';
}

/** best of several runs in milliseconds, after a warm-up */
function fastest(trial: NonNullable<BackendOptions['trial']>, tf: Tf): number {
  const model = trial(tf);
  for (let i = 0; i < 5; i++) model.run();
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    model.run();
    best = Math.min(best, performance.now() - start);
  }
  model.dispose();
  return best;
}
