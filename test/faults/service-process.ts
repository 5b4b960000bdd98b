import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ServiceProcess {
  readonly name: string;
  readonly running: boolean;
  readonly pid: number | undefined;
  /** ends that nobody asked for, with the exit code or signal and the last output */
  readonly ownEnds: readonly string[];
  /** kill -9; it is started again after `downMs` */
  kill(downMs: number): Promise<void>;
  /** SIGTERM, waits for its end, and leaves it ended. Kills it when that takes longer than 15 s */
  stop(): Promise<{ clean: boolean; ms: number }>;
  /** SIGTERM and, after a while, another one, after which it must end at once. Leaves it ended */
  stopTwice(gapMs: number): Promise<{ clean: boolean; ms: number }>;
  start(): void;
  /** SIGSTOP now, SIGCONT after */
  freeze(ms: number): Promise<void>;
}

const RESTART_MS = 500;
/** what is told of the output of a service that ended by itself, in characters */
const KEPT = 2_000;
/** a service gives itself 8 s; the rest is for a machine that is busy with many times what it can do */
const STOP_MS = 15_000;
const AT_ONCE_MS = 2_000;

/** One service of a deployment as a process that is started again when it ends, as an orchestrator would. */
export function serviceProcess(options: {
  name: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  folder: string;
}): ServiceProcess {
  const { name } = options;
  const log = createWriteStream(join(options.folder, `${name}.log`), { flags: 'a' });
  const ownEnds: string[] = [];
  let child: ChildProcess | undefined;
  let ended: Promise<void> = Promise.resolve();
  let wanted = false;

  function start(): void {
    wanted = true;
    if (child !== undefined) return;
    const one = spawn(process.execPath, [...options.args], {
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    child = one;
    one.stdout?.pipe(log, { end: false });
    one.stderr?.pipe(log, { end: false });
    let last = '';
    for (const stream of [one.stdout, one.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        last = (last + chunk.toString()).slice(-KEPT);
      });
    }
    const endWithUs = () => one.kill('SIGKILL');
    process.once('exit', endWithUs);
    ended = new Promise((resolve) => {
      one.once('error', (error) => log.write(`${error.message}\n`));
      one.once('close', (code, signal) => {
        process.removeListener('exit', endWithUs);
        if (child === one) child = undefined;
        log.write(`(ended by ${signal ?? `exit code ${code}`})\n`);
        if (wanted) {
          ownEnds.push(`${name}: ${signal ?? `exit code ${code}`}: ${last.trim()}`);
          setTimeout(() => wanted && start(), RESTART_MS).unref();
        }
        resolve();
      });
    });
  }

  /** SIGTERM; kill -9 when it has not ended after so long. */
  async function signalled(mostMs: number): Promise<{ clean: boolean; ms: number }> {
    wanted = false;
    const asked = Date.now();
    const one = child;
    one?.kill('SIGTERM');
    let clean = true;
    const timer = setTimeout(() => {
      clean = false;
      one?.kill('SIGKILL');
    }, mostMs);
    await ended;
    clearTimeout(timer);
    return { clean, ms: Date.now() - asked };
  }

  return {
    name,
    ownEnds,
    get running() {
      return child !== undefined;
    },
    get pid() {
      return child?.pid;
    },
    start,
    async kill(downMs) {
      wanted = false;
      child?.kill('SIGKILL');
      await ended;
      await sleep(downMs);
      start();
    },
    stop: () => signalled(STOP_MS),
    async stopTwice(gapMs) {
      const first = signalled(STOP_MS + gapMs);
      if ((await Promise.race([first, sleep(gapMs, undefined)])) !== undefined) return first;
      return signalled(AT_ONCE_MS);
    },
    async freeze(ms) {
      const one = child;
      one?.kill('SIGSTOP');
      await sleep(ms);
      one?.kill('SIGCONT');
    },
  };
}
