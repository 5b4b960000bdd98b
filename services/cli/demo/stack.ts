import { join } from 'node:path';
import { packageRoot } from '../../../lib/paths.js';
import { within } from '../../../lib/retry.js';
import { CommandFailed } from '../exit.js';
import { type Layout, portOf } from './layout.js';
import { type Part, startPart, startWatchdog } from './processes.js';
import { waitUntilReady } from './wait.js';

const SERVICE_MS = 60_000;
const STEP_MS = 60_000;
const STOP_SERVICE_MS = 6000;
const STOP_LOCAL_MS = 3000;

export interface Stack {
  /** rejects when one of the parts dies */
  readonly fault: Promise<never>;
  /** starts one more part; unless it may end by itself, its end is the demo's fault */
  start(name: string, args: readonly string[], env?: NodeJS.ProcessEnv, options?: { mayEnd?: boolean }): Part;
  /** runs a command to its end; fails with its last lines */
  step(name: string, args: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

const FOLDER = join('dist', 'services', 'cli', 'demo');

/** The processes of a demo. Each is one riskwire command, as an operator would run it. */
export function openStack(layout: Layout): Stack {
  const parts: Part[] = [];
  let stopping = false;
  const watchdog = startWatchdog(() => stopping);
  const launch = (name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    startPart({
      name,
      args: [join(packageRoot(), FOLDER, args[0] === 'receiver' ? 'receiver-child.js' : 'child.js'), ...args],
      env: { ...layout.env, ...env },
      folder: layout.folder,
    });

  return {
    fault: watchdog.fault,
    start(name, args, env, { mayEnd = false } = {}) {
      const part = launch(name, args, env);
      parts.push(part);
      if (!mayEnd) watchdog.watch(part);
      return part;
    },
    async step(name, args) {
      const part = launch(name, args);
      parts.push(part);
      await within(
        part.ended,
        STEP_MS,
        () => new CommandFailed(`${name} did not end within ${STEP_MS / 1000} s`),
      );
      if (part.exitCode() !== 0) throw new CommandFailed(`${name} failed:\n${part.tail().join('\n')}`);
    },
    async stop() {
      stopping = true;
      const [local, ...services] = parts;
      await Promise.all(services.map((part) => part.stop(STOP_SERVICE_MS)));
      await local?.stop(STOP_LOCAL_MS);
    },
  };
}

/** Creates the tables and starts the services; returns when each says that it is ready. */
export async function startServices(stack: Stack, layout: Layout, signal: AbortSignal): Promise<void> {
  await stack.step('migrate', ['migrate']);
  const services = [
    ['scorer', layout.scorer],
    ['sink', layout.sink],
    ['alert-api', layout.api],
  ] as const;
  for (const [name, url] of services)
    stack.start(name, [name], { RISKWIRE_HOST: '127.0.0.1', RISKWIRE_PORT: portOf(url) });
  await Promise.all(services.map(([name, url]) => waitUntilReady(name, url, SERVICE_MS, signal)));
}
