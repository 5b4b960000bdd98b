import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SERVICE_ENV } from '../../../lib/service-env.js';
import { CommandFailed } from '../exit.js';

const KEPT_LINES = 20;

export interface PartOptions {
  readonly name: string;
  /** what runs after `node` */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** where its output is kept, as <name>.log */
  readonly folder: string;
  readonly onLine?: (line: string) => void;
}

export interface Part {
  readonly name: string;
  readonly logFile: string;
  /** resolves when the process has ended; never rejects */
  readonly ended: Promise<void>;
  running(): boolean;
  /** undefined while it runs, and when a signal ended it */
  exitCode(): number | undefined;
  /** its last lines of output */
  tail(): string[];
  /** asks it to end, and ends it after the time given */
  stop(timeoutMs: number): Promise<void>;
}

/** Starts one part of the demo as a child process with an IPC channel, by which it notices that the demo is gone. */
export function startPart({ name, args, env, folder, onLine }: PartOptions): Part {
  const logFile = join(folder, `${name}.log`);
  const log = createWriteStream(logFile);
  const lines: string[] = [];
  const child = spawn(process.execPath, [...args], {
    env: { ...SERVICE_ENV, ...env },
    // a process group of its own: Ctrl-C reaches the demo alone, which stops its parts in order
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const keep = (line: string) => {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
    onLine?.(line);
  };
  follow(child, log, keep);
  let running = true;
  let exitCode: number | undefined;
  const ended = new Promise<void>((resolve) => {
    const end = (how: string) => {
      if (!running) return;
      running = false;
      keep(`(${how})`);
      log.end(resolve);
    };
    child.on('error', (error) => end(`could not be started: ${error.message}`));
    child.on('close', (code, signal) => {
      exitCode = code ?? undefined;
      end(signal ? `ended by ${signal}` : `ended with exit code ${code}`);
    });
  });

  return {
    name,
    logFile,
    ended,
    running: () => running,
    exitCode: () => exitCode,
    tail: () => [...lines],
    async stop(timeoutMs) {
      if (!running) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

function follow(child: ChildProcess, log: WriteStream, keep: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    stream.pipe(log, { end: false });
    createInterface({ input: stream }).on('line', keep);
  }
}

export interface Watchdog {
  watch(part: Part): void;
  /** rejects as soon as a watched part ends by itself, with its last lines */
  readonly fault: Promise<never>;
}

/** A part that dies is said and ends the demo: nothing is restarted silently. */
export function startWatchdog(stopping: () => boolean): Watchdog {
  let reject: (reason: Error) => void = () => {};
  const fault = new Promise<never>((_resolve, fail) => {
    reject = fail;
  });
  // it may be settled before anybody races against it
  fault.catch(() => {});
  return {
    fault,
    watch(part) {
      void part.ended.then(() => {
        if (stopping()) return;
        const tail = part.tail().map((line) => `    ${line.slice(0, 400)}`);
        reject(
          new CommandFailed(
            `${part.name} has died; its last lines (all of them in ${part.logFile}):\n${tail.join('\n')}`,
          ),
        );
      });
    },
  };
}
