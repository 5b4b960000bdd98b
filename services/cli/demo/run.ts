import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../../lib/paths.js';
import { loadPipelines, type Pipeline } from '../../../pipelines/loader.js';
import type { ProducerResult } from '../../producer/producer.js';
import { CommandFailed } from '../exit.js';
import { type Clients, openClients } from './clients.js';
import { type Figures, startCollector } from './collector.js';
import { DATABASE, type Layout, planLayout } from './layout.js';
import { startLooking } from './look.js';
import { faultsOf, type Outcome, outcomeOf } from './outcome.js';
import { judge } from './quality.js';
import { alertApi, countRisks, foundRisks } from './queries.js';
import { readersOf } from './readers.js';
import { startReceiver } from './receiver.js';
import { type Replay, startReplay } from './replay.js';
import { behind, settle } from './settle.js';
import type { Language } from './snapshot.js';
import { openStack, type Stack, startServices } from './stack.js';
import type { View } from './view.js';

export interface DemoOptions {
  /** how long to replay; undefined: until Ctrl-C */
  readonly forMs: number | undefined;
  /** how long at a visible pace before going as fast as it goes; undefined: all the time */
  readonly visibleMs: number | undefined;
  readonly language: Language;
  readonly view: View;
}

const LOCAL_MS = 120_000;
const SETTLE_MS = 60_000;
const NEWEST = 6;

/**
 * Runs the demo to its end and returns what came of it. Fails when a part dies, when the counts don't settle or
 * don't add up. Whatever happens, no process is left behind.
 */
export async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'riskwire-demo-'));
  const layout = await planLayout(folder, process.env);
  const stack = openStack(layout);
  const ending = new AbortController();
  const either = AbortSignal.any([signal, ending.signal]);
  const closers: (() => Promise<void>)[] = [];
  // of a run that failed: its error names them
  let keepLogs = true;
  try {
    const flow = runFlow(options, layout, stack, either, closers);
    // a dead part ends the demo; what the flow then fails with is a consequence
    flow.catch(() => undefined);
    const outcome = await Promise.race([flow, stack.fault]);
    keepLogs = false;
    return outcome;
  } finally {
    if (signal.aborted) keepLogs = false;
    ending.abort();
    options.view.end();
    for (const close of closers.reverse()) await close();
    await stack.stop();
    if (!keepLogs) await rm(folder, { recursive: true, force: true });
  }
}

async function runFlow(
  options: DemoOptions,
  layout: Layout,
  stack: Stack,
  signal: AbortSignal,
  closers: (() => Promise<void>)[],
): Promise<Outcome> {
  const { view, language } = options;
  const pipelines = await loadPipelines(join(packageRoot(), 'pipelines'), join(packageRoot(), 'schemas'));
  view.say('starting the local stack: a Kafka-protocol broker, ClickHouse, a schema registry');
  stack.start('local', ['local']);
  const clients = await openClients(layout, LOCAL_MS, signal);
  closers.push(clients.close);
  view.say('creating the tables, starting scorer, sink and alert-api');
  await startServices(stack, layout, signal);
  const api = alertApi(layout.api, layout.apiKey);
  const endpoint = await api.addEndpoint('receiver', layout.receiver);
  const receiver = await startReceiver(stack, layout, endpoint.secret, signal);
  view.ready({ ...layout, database: DATABASE });

  const collector = startCollector({
    pipelines: pipelines.map(({ name, topic, title }) => ({ name, topic, title: title[language] })),
    scorerUrl: layout.scorer,
    sinkUrl: layout.sink,
    alertUrl: layout.api,
    endpointNames: { [endpoint.id]: 'receiver' },
    clickhouseRisks: () => countRisks(clients.clickhouse),
    newestIncidents: () => api.newestIncidents(language, NEWEST),
    verified: receiver.verified,
  });
  const replay = startReplay(stack, layout, options);
  const looking = startLooking(collector, replay, view, signal);
  closers.push(looking.stop);
  const produced = await replay.result(signal);
  return conclude({ layout, clients, pipelines, produced, replay, collector, signal });
}

interface Ended {
  readonly layout: Layout;
  readonly clients: Clients;
  readonly pipelines: readonly Pipeline[];
  readonly produced: ProducerResult;
  readonly replay: Replay;
  readonly collector: { collect(): Promise<Figures> };
  readonly signal: AbortSignal;
}

/** Waits until everything that was sent has arrived everywhere, then counts and compares. */
async function conclude({
  layout,
  clients,
  pipelines,
  produced,
  replay,
  collector,
  signal,
}: Ended): Promise<Outcome> {
  const readers = readersOf(pipelines);
  const scorerDone = await settle({
    lag: () => behind(clients.admin, readers.scorer),
    pendingDeliveries: async () => 0,
    timeoutMs: SETTLE_MS,
    signal,
  });
  const seconds = replay.seconds();
  const open =
    scorerDone.length > 0
      ? scorerDone
      : await settle({
          lag: () => behind(clients.admin, readers.all),
          pendingDeliveries: async () => (await collector.collect()).deliveries.pending,
          timeoutMs: SETTLE_MS,
          signal,
        });
  if (open.length > 0)
    throw new CommandFailed(`the counts did not settle within ${SETTLE_MS / 1000} s: ${open.join('; ')}`);
  const figures = await collector.collect();
  const quality = await judge(layout.truth, produced, await foundRisks(clients.clickhouse));
  const outcome = outcomeOf({
    figures,
    seconds,
    planted: produced.badEvents,
    sent: produced.events,
    quality,
  });
  const faults = faultsOf(outcome);
  if (faults.length > 0) throw new DemoMismatch(outcome, faults, layout.folder);
  return outcome;
}

/** Everything ran and the numbers don't add up. */
export class DemoMismatch extends CommandFailed {
  constructor(
    readonly outcome: Outcome,
    faults: readonly string[],
    folder: string,
  ) {
    super(`the counts don't add up: ${faults.join('; ')} (logs in ${folder})`);
  }
}
