import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Logger } from '../../lib/log.js';
import { packageRoot } from '../../lib/paths.js';
import { within } from '../../lib/retry.js';

export interface ChildOptions<T> {
  /** for messages */
  name: string;
  /** the file in dist/services/local that the child runs */
  entry: string;
  args?: string[];
  env?: NodeJS.ProcessEnv;
  /** with all its threads, see nice(1). Default: 0, as this process */
  nice?: number;
  /** reads a line of the child's stdout; the first value it returns makes the child ready */
  ready: (line: string) => T | undefined;
  readyTimeoutMs?: number;
  log: Logger;
}

export interface Child<T> {
  readonly pid: number;
  /** what `ready` returned */
  readonly value: T;
  /** rejects when the process ends without having been asked to; never resolves */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

const STOP_TIMEOUT_MS = 10_000;

/**
 * Starts a part of the local stack as a process of its own and waits until it is ready.
 *
 * The child's stdin is the line that ties it to us: it ends itself when that closes, which happens on `stop` and
 * likewise when this process is killed. So nothing stays behind, whatever ends us.
 */
export async function startChild<T>(options: ChildOptions<T>): Promise<Child<T>> {
  const { name, log, readyTimeoutMs = 30_000 } = options;
  const file = join(packageRoot(), 'dist', 'services', 'local', options.entry);
  if (!existsSync(file)) throw new Error(`${name}: ${file} is missing: run \`npm run build\``);
  const node = [process.execPath, file, ...(options.args ?? [])];
  // Set from without: a process that sets its own moves its main thread alone. `nice` becomes what it starts.
  const [command, ...args] = options.nice ? ['nice', '-n', String(options.nice), ...node] : node;
  const child = spawn(command!, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });
  child.stdin.on('error', (error) => log.debug({ error }, `${name}: stdin`)); // it ended first: `ended` tells
  const lastWords = collect(child, name, log);

  let stopping = false;
  const failed = ended.then((how) => {
    if (stopping) return new Promise<never>(() => {});
    throw new Error(`${name} ended by itself (${how})${lastWords()}`);
  });
  failed.catch(() => {}); // whoever holds it decides; unheld it must not end the process

  const stop = async () => {
    stopping = true;
    child.stdin.end();
    const late = () => new Error('late');
    await within(ended, STOP_TIMEOUT_MS, late).catch(async () => {
      log.warn({ pid: child.pid }, `${name} did not end within ${STOP_TIMEOUT_MS} ms and is killed`);
      child.kill('SIGKILL');
      await ended;
    });
  };
  const ready = new Promise<T>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const value = options.ready(line);
      if (value !== undefined) resolve(value);
    });
  });
  try {
    const late = () => new Error(`${name} was not ready within ${readyTimeoutMs} ms${lastWords()}`);
    const value = await within(Promise.race([ready, failed]), readyTimeoutMs, late);
    return { pid: child.pid!, value, failed, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Logs what the child writes to stderr and keeps the end of it for error messages. */
function collect(child: ChildProcess, name: string, log: Logger): () => string {
  const last: string[] = [];
  createInterface({ input: child.stderr! }).on('line', (line) => {
    log.debug({ line }, `${name} says`);
    last.push(line);
    if (last.length > 20) last.shift();
  });
  return () => (last.length ? `: ${last.join('\n')}` : '');
}
