import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../../lib/paths.js';
import { freePort } from '../../services/cli/demo/ports.js';
import { parseMetrics, type Sample, select, sumOf } from '../../services/cli/demo/prometheus.js';
import type { Look } from '../looks.js';
import type { Machine } from '../machine.js';
import { startChild } from './child.js';
import { cpuSecondsOf, residentBytesOf } from './proc.js';

export interface ScorerServiceOptions {
  readonly brokers: readonly string[];
  readonly folder: string;
  readonly machine: Machine;
  readonly cores?: readonly number[] | undefined;
  readonly pipeline: string;
  /** prefix of its topics and name of its group; default: its own, so that it begins with the topic's first event */
  readonly id?: string;
  /** over its environment */
  readonly env?: Readonly<Record<string, string>>;
  /** modules that are loaded before it */
  readonly preload?: readonly string[];
}

export interface ScorerService {
  readonly id: string;
  readonly pid: number | undefined;
  /** its metrics now; undefined while it isn't listening yet */
  metrics(): Promise<Sample[] | undefined>;
  /** how far it is now; throws when it has ended */
  look(): Promise<Look | undefined>;
  residentBytes(): number | undefined;
  stop(): Promise<void>;
}

const STOP_MS = 30_000;
const ANSWER_MS = 10_000;

/** The scorer as it is run, a process of its own, with a group and topics of its own. */
export async function startScorerService(options: ScorerServiceOptions): Promise<ScorerService> {
  const { pipeline, id = `load-${randomUUID().slice(0, 8)}`, preload = [] } = options;
  const port = await freePort(0);
  const child = startChild({
    name: `scorer-${id}-${port}`,
    command: process.execPath,
    args: [
      ...preload.map((module) => `--import=${module}`),
      join(packageRoot(), 'dist', 'services', 'cli', 'demo', 'child.js'),
      'scorer',
    ],
    folder: options.folder,
    machine: options.machine,
    cores: options.cores,
    env: {
      ...process.env,
      RISKWIRE_BROKERS: options.brokers.join(','),
      RISKWIRE_PREFIX: `${id}.`,
      RISKWIRE_GROUP: id,
      RISKWIRE_PIPELINES: pipeline,
      RISKWIRE_PORT: String(port),
      RISKWIRE_LOG_LEVEL: 'warn',
      ...options.env,
    },
  });
  const metrics = async (): Promise<Sample[] | undefined> => {
    if (child.outcome() !== undefined) throw new Error(`the scorer ${child.outcome()}:\n${child.tail()}`);
    try {
      const signal = AbortSignal.timeout(ANSWER_MS);
      const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal });
      return parseMetrics(await response.text());
    } catch (error) {
      // What fetch throws while nobody is listening.
      if (error instanceof TypeError) return undefined;
      throw error;
    }
  };
  return {
    id,
    pid: child.pid,
    metrics,
    async look() {
      const samples = await metrics();
      if (samples === undefined) return undefined;
      const done = sumOf(samples, 'riskwire_events_total', { pipeline });
      return { done, at: Date.now(), cpu: cpuSecondsOf(child.pid) };
    },
    residentBytes: () => residentBytesOf(child.pid),
    stop: () => child.stop(STOP_MS),
  };
}

/** which TensorFlow.js backend the scorer has chosen */
export function backendIn(samples: readonly Sample[]): string {
  return select(samples, 'riskwire_model_backend').find(({ value }) => value === 1)?.labels['backend'] ?? '';
}

/** Refuses a figure that is not one of scoring, since events were refused. */
export function checkAllScored(samples: readonly Sample[]): void {
  const refused =
    sumOf(samples, 'riskwire_dead_letters_total') + sumOf(samples, 'riskwire_events_dropped_total');
  if (refused > 0)
    throw new Error(`${refused} events were not scored; the figure would not be one of scoring`);
}

/** Looks at scorers that share the events between them until all are done. */
export async function followScorers(
  services: readonly ScorerService[],
  events: number,
  { everyMs = 200, timeoutMs = 15 * 60_000, onLook = (_look: Look): void => undefined } = {},
): Promise<Look[]> {
  const looks: Look[] = [];
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const each = await Promise.all(services.map((service) => service.look()));
    const look = together(each);
    if (look.done > 0) {
      looks.push(look);
      onLook(look);
    }
    if (look.done >= events) return looks;
    await sleep(everyMs);
  }
  throw new Error(`${events} events were not scored within ${timeoutMs / 60_000} minutes`);
}

function together(looks: readonly (Look | undefined)[]): Look {
  let done = 0;
  let at = 0;
  let cpu: number | undefined = 0;
  for (const look of looks) {
    done += look?.done ?? 0;
    at = Math.max(at, look?.at ?? 0);
    cpu = cpu === undefined || look?.cpu === undefined ? undefined : cpu + look.cpu;
  }
  return { done, at, cpu };
}
