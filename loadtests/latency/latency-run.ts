import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sumOf } from '../../services/cli/demo/prometheus.js';
import type { LocalClickHouse } from '../../services/local/clickhouse.js';
import { changedDefinition } from '../processes/definitions.js';
import { freshId, type ScorerService, startScorerService } from '../processes/scorer-service.js';
import { type Service, startService } from '../processes/service.js';
import type { Stage } from '../stage.js';
import { type Feed, type Schedule, startFeed } from '../streams/feed.js';
import { delaysOf } from './delays.js';
import { readRisks, receiveWebhooks, watchRows } from './watchers.js';

export interface LatencyRun {
  readonly share: number;
  /** events a second */
  readonly rate: number;
  /** events a second before, until everything is compiled, and how many events that takes */
  readonly warmRate: number;
  readonly warmEvents: number;
  readonly seconds: number;
  readonly file: string;
  readonly partitions: number;
  readonly backend: string;
}

/** Delays in ms, by what was waited for. */
export interface Latencies {
  readonly share: number;
  readonly rate: number;
  readonly published: number[];
  readonly visible: number[];
  /** of risks that open an incident */
  readonly received: number[];
  /** risks whose row had not come when the run ended */
  readonly missingRows: number;
}

const ADMIN_KEY = 'rw_load_0123456789abcdefghijklmn';
const RISK_PARTITIONS = 4;
/** what the shipped model was trained on, events a day: a budget is in alerts a day of such a stream */
const EVENTS_A_DAY = 37_663;
/** enough for quantiles, and no more than people's systems are sent */
const RISKS_A_SECOND = 20;
const SETTLE_MS = 120_000;
const LAST_MS = 20_000;
const CALM_MS = 5_000;

/** Feeds the whole chain at one rate and times what comes out. */
export async function latencyAt(
  stage: Stage,
  clickhouse: LocalClickHouse,
  run: LatencyRun,
): Promise<Latencies> {
  const id = freshId();
  const { kafka, folder, machine } = stage;
  const shared = { brokers: kafka.brokers, folder, machine, id };
  const database = id.replaceAll('-', '_');
  const toClickHouse = {
    RISKWIRE_CLICKHOUSE_URL: clickhouse.url,
    RISKWIRE_CLICKHOUSE_DATABASE: database,
  };
  const topic = `${id}-payments`;
  const risks = `${id}.risks`;
  await kafka.createTopic(topic, { partitions: run.partitions });
  await kafka.createTopic(risks, {
    partitions: RISK_PARTITIONS,
    config: { 'message.timestamp.type': 'LogAppendTime' },
  });
  const webhooks = await receiveWebhooks();
  const started: { stop(): Promise<unknown> }[] = [webhooks];
  try {
    const definitions = changedDefinition(join(folder, id), 'transactions', (definition) => {
      definition['topic'] = topic;
      const judging = definition['judging'] as Record<string, unknown>;
      judging['budget'] = Math.max(1, Math.round((EVENTS_A_DAY * RISKS_A_SECOND) / run.rate));
    });
    const services = await startServices(run, shared, definitions, toClickHouse, (service) =>
      started.unshift(service),
    );
    await subscribe(services.alertApi, webhooks.url);
    const rows = watchRows(clickhouse.url, database);
    started.unshift(rows);
    let fed = 0;
    const feed = startFeed(stage, {
      file: run.file,
      topic,
      events: Number.MAX_SAFE_INTEGER,
      rate: run.warmRate,
      onLook: ({ done }) => {
        fed = done;
      },
    });
    started.unshift(feed);
    await warmUp(feed, services, run.warmEvents, () => fed);
    const schedule = await feed.setRate(run.rate);
    await Promise.race([sleep(1000 * run.seconds), feed.finished]);
    await feed.stop();
    await sleep(CALM_MS);
    return await collect(stage, run, schedule, {
      topic: risks,
      rows: rows.visible,
      webhooks: webhooks.firstOf,
    });
  } finally {
    for (const one of started) await one.stop();
  }
}

interface Services {
  readonly scorer: ScorerService;
  readonly sink: Service;
  readonly alertApi: Service;
}

async function startServices(
  run: LatencyRun,
  shared: Pick<Parameters<typeof startService>[0], 'brokers' | 'folder' | 'machine' | 'id'>,
  definitions: string,
  env: Record<string, string>,
  keep: (service: Service) => void,
): Promise<Services> {
  const sink = await startService({ ...shared, command: 'sink', env });
  keep(sink);
  const alertApi = await startService({
    ...shared,
    command: 'alert-api',
    env: {
      ...env,
      RISKWIRE_INSECURE_LOCAL: '1',
      RISKWIRE_BOOTSTRAP_KEY: ADMIN_KEY,
      RISKWIRE_WEBHOOK_ALLOW: '127.0.0.0/8',
      RISKWIRE_WEBHOOK_RATE: '1000000',
      // Each incident for itself: what is timed is the way of one.
      RISKWIRE_RELATED_MEMBERS: '0',
    },
  });
  keep(alertApi);
  const scorer = await startScorerService({
    ...shared,
    pipeline: 'transactions',
    env: { RISKWIRE_BACKEND: run.backend, RISKWIRE_PIPELINES_DIR: definitions },
  });
  keep(scorer);
  await Promise.all([sink.ready(), alertApi.ready(), scorer.ready()]);
  return { scorer, sink, alertApi };
}

async function subscribe(alertApi: Service, url: string): Promise<void> {
  const response = await fetch(`${alertApi.url}/v1/endpoints`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'latency', url }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`the endpoint was not made: ${response.status} ${await response.text()}`);
}

/** Everything is compiled and nothing waits any more when this returns. */
async function warmUp(feed: Feed, services: Services, events: number, fed: () => number): Promise<void> {
  const deadline = Date.now() + SETTLE_MS;
  await feed.started;
  while (fed() < events) {
    await Promise.race([sleep(100), feed.finished]);
    if (Date.now() > deadline) throw new Error(`${fed()} events were fed in ${SETTLE_MS / 1000} s, too few`);
  }
  await feed.setRate(1);
  for (let calm = 0; calm < 3; ) {
    await sleep(500);
    const done = (await services.scorer.look())?.done ?? 0;
    const pending = sumOf((await services.alertApi.metrics()) ?? [], 'riskwire_deliveries_pending');
    calm = done >= fed() - 2 && pending === 0 ? calm + 1 : 0;
    if (Date.now() > deadline)
      throw new Error(
        `after ${SETTLE_MS / 1000} s ${fed() - done} events and ${pending} deliveries of the warm-up still wait`,
      );
  }
}

async function collect(
  stage: Stage,
  { share, rate }: LatencyRun,
  schedule: Schedule,
  {
    topic,
    rows,
    webhooks,
  }: { topic: string; rows: ReadonlyMap<number, number>; webhooks: ReadonlyMap<string, number> },
): Promise<Latencies> {
  const deadline = Date.now() + LAST_MS;
  for (;;) {
    const risks = (await readRisks(stage.kafka.kafka, topic, RISK_PARTITIONS)).filter(
      ({ position }) => position >= schedule.from,
    );
    const published = new Map(risks.map(({ position, at }) => [position, at]));
    const missingRows = risks.filter(({ position }) => !rows.has(position)).length;
    if (missingRows > 0 && Date.now() < deadline) {
      await sleep(500);
      continue;
    }
    const received = new Map<number, number>();
    for (const { position, incident } of risks) {
      const at = webhooks.get(incident);
      if (at !== undefined) received.set(position, at);
    }
    const visible = new Map([...rows].filter(([position]) => published.has(position)));
    return {
      share,
      rate,
      published: delaysOf(published, schedule, rate),
      visible: delaysOf(visible, schedule, rate),
      received: delaysOf(received, schedule, rate),
      missingRows,
    };
  }
}
