import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../../lib/paths.js';
import { SERVICE_ENV } from '../../lib/service-env.js';
import { freePort } from '../../services/cli/demo/ports.js';
import { parseMetrics, type Sample } from '../../services/cli/demo/prometheus.js';
import type { Machine } from '../machine.js';
import { startChild } from './child.js';
import { cpuSecondsOf, residentBytesOf } from './proc.js';

export interface ServiceOptions {
  readonly command: 'scorer' | 'sink' | 'alert-api';
  readonly brokers: readonly string[];
  readonly folder: string;
  readonly machine: Machine;
  readonly cores?: readonly number[] | undefined;
  /** prefix of its topics and name of its group */
  readonly id: string;
  /** over its environment */
  readonly env?: Readonly<Record<string, string>>;
  /** modules that are loaded before it */
  readonly preload?: readonly string[];
}

export interface Service {
  readonly url: string;
  readonly pid: number | undefined;
  /** its metrics now; undefined while it isn't listening yet */
  metrics(): Promise<Sample[] | undefined>;
  /** waits until it does its work; bounded */
  ready(): Promise<void>;
  cpuSeconds(): number | undefined;
  residentBytes(): number | undefined;
  stop(): Promise<void>;
}

const STOP_MS = 30_000;
const ANSWER_MS = 10_000;
const READY_MS = 90_000;

/** A service of Riskwire as it is run: a process of its own. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { command, id, brokers, folder, machine, cores, preload = [] } = options;
  const port = await freePort(0);
  const url = `http://127.0.0.1:${port}`;
  const child = startChild({
    name: `${command}-${id}-${port}`,
    command: process.execPath,
    args: [
      ...preload.map((module) => `--import=${module}`),
      join(packageRoot(), 'dist', 'services', 'cli', 'demo', 'child.js'),
      command,
    ],
    folder,
    machine,
    cores,
    env: {
      ...SERVICE_ENV,
      ...process.env,
      RISKWIRE_BROKERS: brokers.join(','),
      RISKWIRE_PREFIX: `${id}.`,
      RISKWIRE_GROUP: id,
      RISKWIRE_PORT: String(port),
      RISKWIRE_LOG_LEVEL: 'warn',
      ...options.env,
    },
  });
  /** undefined while nobody is listening */
  const ask = async (path: string): Promise<Response | undefined> => {
    if (child.outcome() !== undefined) throw new Error(`the ${command} ${child.outcome()}:\n${child.tail()}`);
    try {
      return await fetch(`${url}${path}`, { signal: AbortSignal.timeout(ANSWER_MS) });
    } catch (error) {
      if (error instanceof TypeError) return undefined;
      throw error;
    }
  };
  return {
    url,
    pid: child.pid,
    async metrics() {
      const response = await ask('/metrics');
      return response && parseMetrics(await response.text());
    },
    async ready() {
      const deadline = Date.now() + READY_MS;
      for (;;) {
        const response = await ask('/health/ready');
        const said = await response?.text();
        if (response?.ok) return;
        if (Date.now() > deadline)
          throw new Error(`the ${command} is not ready after ${READY_MS / 1000} s: ${said ?? 'no answer'}`);
        await sleep(100);
      }
    },
    cpuSeconds: () => cpuSecondsOf(child.pid),
    residentBytes: () => residentBytesOf(child.pid),
    stop: () => child.stop(STOP_MS),
  };
}
