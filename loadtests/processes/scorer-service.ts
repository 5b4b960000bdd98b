import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Sample, select, sumOf } from '../../services/cli/demo/prometheus.js';
import type { Look } from '../looks.js';
import { type Service, type ServiceOptions, startService } from './service.js';

export interface ScorerServiceOptions extends Omit<ServiceOptions, 'command' | 'id'> {
  readonly pipeline: string;
  /** default: its own, so that it begins with the topic's first event */
  readonly id?: string;
}

export interface ScorerService extends Service {
  /** how far it is now; undefined while it isn't listening yet; throws when it has ended */
  look(): Promise<Look | undefined>;
}

export function freshId(): string {
  return `load-${randomUUID().slice(0, 8)}`;
}

export async function startScorerService(options: ScorerServiceOptions): Promise<ScorerService> {
  const { pipeline, id = freshId(), env } = options;
  const service = await startService({
    ...options,
    command: 'scorer',
    id,
    env: { RISKWIRE_PIPELINES: pipeline, ...env },
  });
  return {
    ...service,
    async look() {
      const samples = await service.metrics();
      if (samples === undefined) return undefined;
      const done = sumOf(samples, 'riskwire_events_total', { pipeline });
      return { done, at: Date.now(), cpu: service.cpuSeconds() };
    },
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
    const look = together(await Promise.all(services.map((service) => service.look())));
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
