import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Machine, onCores } from '../machine.js';

const KEPT_LINES = 20;

export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** where its output is kept, as <name>.log */
  readonly folder: string;
  readonly machine: Machine;
  /** the cores it is bound to; undefined: those of this process */
  readonly cores?: readonly number[] | undefined;
  /** whether `write` is wanted */
  readonly input?: boolean;
  /** each line of its stdout */
  readonly onLine?: (line: string) => void;
}

export interface Child {
  readonly pid: number | undefined;
  /** resolves when it has ended; never rejects */
  readonly ended: Promise<void>;
  /** how it ended; undefined while it runs */
  outcome(): string | undefined;
  /** its last lines of output */
  tail(): string;
  /** to its stdin */
  write(text: string): void;
  /** asks it to end, and ends it after the time given */
  stop(timeoutMs: number): Promise<void>;
}

const living = new Set<ChildProcess>();
let watchingExit = false;

/** Starts a process that ends with this one at the latest. */
export function startChild(options: ChildOptions): Child {
  if (!watchingExit) {
    watchingExit = true;
    process.on('exit', () => {
      for (const child of living) child.kill('SIGKILL');
    });
  }
  const { command, args } = onCores(options.machine, options.cores, options.command, options.args);
  const child: ChildProcess = spawn(command, args, {
    env: options.env ?? process.env,
    cwd: options.cwd,
    stdio: [options.input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  living.add(child);
  const log = createWriteStream(join(options.folder, `${options.name}.log`));
  const lines: string[] = [];
  const keep = (line: string) => {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
  };
  // One that has ended says so itself.
  child.stdin?.on('error', () => undefined);
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    stream.pipe(log, { end: false });
    createInterface({ input: stream }).on('line', (line) => {
      if (stream === child.stdout) options.onLine?.(line);
      keep(line);
    });
  }
  let outcome: string | undefined;
  const ended = new Promise<void>((resolve) => {
    const end = (how: string) => {
      if (outcome !== undefined) return;
      outcome = how;
      living.delete(child);
      log.end(resolve);
    };
    child.on('error', (error) => end(`could not be started: ${error.message}`));
    child.on('close', (code, signal) =>
      end(signal ? `was ended by ${signal}` : `ended with exit code ${code}`),
    );
  });
  return {
    pid: child.pid,
    ended,
    outcome: () => outcome,
    tail: () => lines.join('\n'),
    write: (text) => void child.stdin?.write(text),
    async stop(timeoutMs) {
      if (outcome !== undefined) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      await ended;
      clearTimeout(timer);
    },
  };
}
