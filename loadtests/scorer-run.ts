import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../services/cli/demo/ports.js';
import { startPart } from '../services/cli/demo/processes.js';
import { parseMetrics, select, sumOf } from '../services/cli/demo/prometheus.js';

export interface ScorerRun {
  readonly root: string;
  readonly brokers: readonly string[];
  readonly events: number;
  readonly backend: string;
  readonly folder: string;
}

export interface ScorerResult {
  readonly rate: number;
  readonly backend: string;
  readonly risks: number;
}

const POLL_MS = 50;
const TIMEOUT_MS = 10 * 60_000;

/**
 * The whole scorer service as a process of its own, with a group and topics of its own: events a second from the
 * first look at its counter that shows events to the look that shows all of them. Starting and warming up don't count.
 */
export async function runScorer({
  root,
  brokers,
  events,
  backend,
  folder,
}: ScorerRun): Promise<ScorerResult> {
  const port = await freePort(0);
  const id = randomUUID().slice(0, 8);
  const part = startPart({
    name: `scorer-${id}`,
    args: [join(root, 'dist/services/cli/demo/child.js'), 'scorer'],
    folder,
    env: {
      ...process.env,
      RISKWIRE_BROKERS: brokers.join(','),
      RISKWIRE_PREFIX: `load-${id}.`,
      RISKWIRE_GROUP: `load-${id}`,
      RISKWIRE_PIPELINES: 'transactions',
      RISKWIRE_BACKEND: backend,
      RISKWIRE_PORT: String(port),
      RISKWIRE_LOG_LEVEL: 'warn',
    },
  });
  try {
    return await watch(`http://127.0.0.1:${port}/metrics`, events, () => {
      if (!part.running()) throw new Error(`the scorer has ended:\n${part.tail().join('\n')}`);
    });
  } finally {
    await part.stop(15_000);
  }
}

async function watch(url: string, events: number, checkRunning: () => void): Promise<ScorerResult> {
  const deadline = performance.now() + TIMEOUT_MS;
  let first: { at: number; count: number } | undefined;
  while (performance.now() < deadline) {
    checkRunning();
    const text = await pageOf(url);
    const at = performance.now();
    const samples = parseMetrics(text ?? '');
    const count = sumOf(samples, 'riskwire_events_total', { pipeline: 'transactions' });
    if (count > 0) first ??= { at, count };
    if (first && count >= events) {
      const refused =
        sumOf(samples, 'riskwire_dead_letters_total') + sumOf(samples, 'riskwire_events_dropped_total');
      if (refused > 0)
        throw new Error(`${refused} events were not scored; the figure would not be one of scoring`);
      if (first.count >= events)
        throw new Error(`${events} events are too few to measure; take more with --events`);
      const backend =
        select(samples, 'riskwire_model_backend').find(({ value }) => value === 1)?.labels['backend'] ?? '';
      return {
        rate: ((count - first.count) * 1000) / (at - first.at),
        backend,
        risks: sumOf(samples, 'riskwire_risks_total'),
      };
    }
    await sleep(POLL_MS);
  }
  throw new Error(`the scorer did not score ${events} events within ${TIMEOUT_MS / 60_000} minutes`);
}

/** undefined while the service isn't listening yet */
async function pageOf(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
    return await response.text();
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}
