import { setTimeout as sleep } from 'node:timers/promises';
import type { Producer } from 'kafkajs';
import { deliveryId, incidentId } from '../../lib/ids.js';
import { type LoadReceiver, type Receipt, type Receivers, startReceivers } from './receivers.js';
import { type Replicas, startReplicas } from './replicas.js';
import { type LoadRisk, loadRisk, sendRisks } from './risks.js';

export interface RunContext {
  brokers: readonly string[];
  producer: Producer;
  folder: string;
  partitions: number;
  say(text: string): void;
}

export interface DeliveryRun {
  prefix: string;
  incidents: number;
  perSecond: number;
  conditions: readonly LoadReceiver['condition'][];
  /** endpoints that an incident goes to: those whose number leaves the same remainder */
  fanOut: number;
  kills: number;
}

export interface DeliveryResult {
  expected: number;
  missing: number;
  /** accepted more than once */
  duplicates: number;
  /** accepted under an id that nobody should have been sent */
  wrongIds: number;
  /** ms, of incidents after the warm-up */
  healthyP50: number;
  healthyP99: number;
  /** ms, the replicas' first seconds among them: code not compiled yet, no connection open */
  healthyP99WithStart: number;
  kills: number;
  recoverySeconds: number;
}

const KILL_EVERY_MS = 6_000;
const DELIVERED_MS = 15 * 60_000;
const CHUNK_MS = 100;
/** What changes in the first seconds of a run is delivered and counted, but not timed. */
const WARM_UP_MS = 10_000;

/** One run: incidents at a steady pace to receivers in these conditions; then the sick get well and the rest must come. */
export async function deliveryRun(context: RunContext, run: DeliveryRun): Promise<DeliveryResult> {
  const receivers = await startReceivers(run.conditions);
  const replicas = await startReplicas({
    ...context,
    prefix: run.prefix,
    count: 2,
    env: {
      RISKWIRE_RELATED_MEMBERS: '0',
      RISKWIRE_WEBHOOK_RATE: '1000000',
      RISKWIRE_BREAKER_RESET: '1s',
      // Tries enough for the whole run: what is seen here is that nothing gets lost, not when to give up.
      RISKWIRE_WEBHOOK_RETRY_WAITS: ['1s', '2s', ...Array.from({ length: 500 }, () => '5s')].join(),
    },
  });
  try {
    const groups = Math.max(1, Math.round(run.conditions.length / run.fanOut));
    const expected = await subscribe(replicas, receivers, groups);
    const killing = killInTurns(replicas, run.kills, context.say);
    const started = Date.now();
    for (let sent = 0; sent < run.incidents; ) {
      const due = Math.min(run.incidents, Math.ceil(((Date.now() - started) / 1000) * run.perSecond));
      const risks = Array.from({ length: due - sent }, (_, i) => {
        const n = sent + i;
        return loadRisk('load', `plant-${n % groups}`, `pump-${n}`, n, started);
      });
      if (risks.length > 0)
        await sendRisks(context.producer, `${run.prefix}risks`, context.partitions, risks);
      for (const [i, risk] of risks.entries()) expected.add((sent + i) % groups, risk);
      sent = due;
      await sleep(CHUNK_MS);
    }
    const kills = await killing;
    await caughtUp(receivers, expected, 'healthy');
    const healthy = receivers.all.filter((one) => one.condition === 'healthy').flatMap((one) => one.accepted);
    const warm = started + Math.min(WARM_UP_MS, (Date.now() - started) / 5);
    const delays = sortedDelays(healthy.filter((receipt) => receipt.changedAt >= warm));
    const recovering = Date.now();
    await receivers.recover();
    await caughtUp(receivers, expected, 'all');
    await sleep(2_000); // what comes more than once must have the time to come
    return {
      ...expected.judge(receivers.all),
      healthyP50: quantile(delays, 0.5),
      healthyP99: quantile(delays, 0.99),
      healthyP99WithStart: quantile(sortedDelays(healthy), 0.99),
      kills,
      recoverySeconds: (Date.now() - recovering) / 1000,
    };
  } finally {
    await replicas.stop();
    await receivers.stop();
  }
}

/** What each receiver is to get, by the ids that follow from the risks. */
class Expected {
  readonly #ids: Set<string>[];

  constructor(
    private readonly endpointIds: readonly string[],
    private readonly groups: number,
  ) {
    this.#ids = endpointIds.map(() => new Set());
  }

  add(group: number, risk: LoadRisk): void {
    for (const [i, endpoint] of this.endpointIds.entries())
      if (i % this.groups === group) this.#ids[i]!.add(deliveryId(incidentId(risk.id), 1, endpoint));
  }

  missingOf(index: number, receiver: LoadReceiver): number {
    const got = new Set(receiver.accepted.map((one) => one.id));
    let missing = 0;
    for (const id of this.#ids[index] ?? []) if (!got.has(id)) missing += 1;
    return missing;
  }

  judge(receivers: readonly LoadReceiver[]) {
    let [expected, missing, duplicates, wrongIds] = [0, 0, 0, 0];
    for (const [i, receiver] of receivers.entries()) {
      expected += this.#ids[i]?.size ?? 0;
      missing += this.missingOf(i, receiver);
      duplicates += receiver.accepted.length - new Set(receiver.accepted.map((one) => one.id)).size;
      wrongIds += receiver.accepted.filter((one) => !this.#ids[i]?.has(one.id)).length;
    }
    return { expected, missing, duplicates, wrongIds };
  }
}

async function subscribe(replicas: Replicas, receivers: Receivers, groups: number): Promise<Expected> {
  const ids: string[] = [];
  for (const [i, { name, url }] of receivers.all.entries()) {
    const body = { name, url, domains: [`plant-${i % groups}`] };
    ids.push(((await replicas.call('POST', '/v1/endpoints', body)) as { id: string }).id);
  }
  await sleep(1_000); // the other replica reads of them
  return new Expected(ids, groups);
}

async function killInTurns(replicas: Replicas, kills: number, say: (text: string) => void): Promise<number> {
  for (let n = 0; n < kills; n += 1) {
    await sleep(KILL_EVERY_MS);
    await replicas.kill(n % 2);
    say(`kill -9 of replica ${n % 2} (${n + 1} of ${kills})`);
  }
  return kills;
}

async function caughtUp(receivers: Receivers, expected: Expected, which: 'healthy' | 'all'): Promise<void> {
  const deadline = Date.now() + DELIVERED_MS;
  const missing = () =>
    receivers.all.reduce(
      (sum, one, i) =>
        which === 'all' || one.condition === 'healthy' ? sum + expected.missingOf(i, one) : sum,
      0,
    );
  while (missing() > 0 && Date.now() < deadline) await sleep(500);
}

export interface StormResult {
  risks: number;
  entities: number;
  parents: number;
  members: number;
  webhooks: number;
  seconds: number;
}

/** Risks of every machine of one plant at once, to one endpoint with the service's own settings. */
export async function stormRun(context: RunContext, prefix: string, risks: number): Promise<StormResult> {
  const entities = Math.min(500, risks);
  const receivers = await startReceivers(['healthy']);
  const replicas = await startReplicas({ ...context, prefix, count: 2 });
  try {
    const [receiver] = receivers.all;
    await replicas.call('POST', '/v1/endpoints', { name: 'storm', url: receiver!.url });
    await sleep(1_000);
    const started = Date.now();
    for (let sent = 0; sent < risks; sent += 5_000) {
      const part = Array.from({ length: Math.min(5_000, risks - sent) }, (_, i) =>
        loadRisk('production', 'plant-1', `pump-${(sent + i) % entities}`, sent + i, started + sent + i),
      );
      await sendRisks(context.producer, `${prefix}risks`, context.partitions, part);
    }
    const deadline = Date.now() + DELIVERED_MS;
    let parents: { members: number }[] = [];
    for (let quietFor = 0, before = -1; quietFor < 10 && Date.now() < deadline; ) {
      await sleep(1_000);
      const [lag, pending] = [
        await replicas.metric('riskwire_consumer_lag'),
        await replicas.metric('riskwire_deliveries_pending'),
      ];
      parents = ((await replicas.call('GET', '/v1/incidents?kind=parent')) as { items: typeof parents })
        .items;
      const members = parents.reduce((sum, one) => sum + one.members, 0);
      quietFor = lag === 0 && pending === 0 && members === before ? quietFor + 1 : 0;
      before = members;
    }
    return {
      risks,
      entities,
      parents: parents.length,
      members: parents.reduce((sum, one) => sum + one.members, 0),
      webhooks: receiver!.requests,
      seconds: (Date.now() - started) / 1000,
    };
  } finally {
    await replicas.stop();
    await receivers.stop();
  }
}

function sortedDelays(receipts: readonly Receipt[]): number[] {
  return receipts.map((receipt) => receipt.delayMs).sort((a, b) => a - b);
}

export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
