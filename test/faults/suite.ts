import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClickHouse } from '../../lib/clickhouse.js';
import { createProducer, withAdmin } from '../../lib/kafka.js';
import { packageRoot } from '../../lib/paths.js';
import { topicNames } from '../../lib/topics.js';
import { Random } from '../../pipelines/random.js';
import { behind, type Reader, settle } from '../../services/cli/demo/settle.js';
import { type Cluster, openCluster } from './cluster.js';
import { compareRisks, compareScores, compareWebhooks, readDeadLetters, readRisks } from './compare.js';
import { createDeployment, type Deployment, INPUT, PARTITIONS } from './deployment.js';
import { FAULTS, type Fault, faultPlan } from './faults.js';
import { createInput, produceInput } from './input.js';
import { explainMissing } from './missing-webhooks.js';
import { copyProgram, type Patch } from './program.js';
import { startReceiver } from './receiver.js';
import { countOutside, explainOutside, findOutside } from './risks-outside.js';

export interface SuiteOptions {
  readonly seed: number;
  readonly events: number;
  /** how long faults happen while the input is written */
  readonly forMs: number;
  /** at most so long between two faults */
  readonly mostPauseMs?: number;
  /** what is patched into the program of the disturbed run, to see that the suite finds it */
  readonly patches?: readonly Patch[];
  /** only these kinds of faults */
  readonly only?: readonly string[];
  readonly scorers?: number;
  /** where the services' own output is kept; without it, it is gone with the run */
  readonly logs?: string;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface SuiteReport {
  readonly seed: number;
  readonly events: number;
  readonly kills: number;
  readonly faults: number;
  readonly byFault: Readonly<Record<string, number>>;
  readonly risks: number;
  readonly missing: number;
  readonly extra: number;
  readonly scoreDifferences: number;
  readonly reasonDifferences: number;
  /** scores of events that are no risks, compared one by one */
  readonly sampledScores: number;
  readonly sampledUnmatched: number;
  readonly sampledDifferences: number;
  readonly largestDifference: number;
  readonly deadLetters: number;
  readonly deadLettersMissing: number;
  readonly deadLettersExtra: number;
  readonly incidents: number;
  readonly webhooksMissing: number;
  readonly webhookDuplicates: number;
  /** webhooks that did not verify, or that came with two bodies under one id */
  readonly webhookFaults: number;
  /** risks that no incident holds, and those that incidents hold more often than they are there */
  readonly risksOutside: number;
  /** services that ended without being killed; they were started again */
  readonly ownEnds: readonly string[];
  /** INSERTs that ClickHouse refused for want of space or because it was read-only */
  readonly insertsRefused: number;
  /** groups that were still behind when the time to settle was over, services that did not stop in time */
  readonly open: readonly string[];
  readonly seconds: number;
}

const SETTLE_MS = 180_000;
const SHOWN = 5;
/** between two lines on what is waited for */
const SAY_MS = 10_000;

/**
 * One input, two runs: the first is disturbed while the input is written, the second reads the same input afterwards
 * and nothing happens to it. Each has topics, groups and a database of its own on the same brokers.
 */
export async function runFaultSuite(options: SuiteOptions): Promise<SuiteReport> {
  const { say, seed } = options;
  const started = Date.now();
  const folder = await mkdtemp(join(tmpdir(), 'riskwire-faults-'));
  const logs = options.logs ?? folder;
  await mkdir(logs, { recursive: true });
  const closers: (() => Promise<unknown>)[] = [
    () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
  ];
  try {
    const program = await copyProgram(folder);
    const disturbedProgram =
      options.patches === undefined ? program : await copyProgram(join(folder, 'patched'), options.patches);
    say(`seed ${seed}: starting Kafka and ClickHouse`);
    const cluster = await openCluster(folder);
    closers.push(() => cluster.close());
    await createInput(cluster.kafka);

    const replicas = { scorer: options.scorers ?? 2, sink: 1, 'alert-api': 1 };
    const disturbed = await createDeployment({
      name: 'disturbed',
      program: disturbedProgram,
      brokers: `127.0.0.1:${cluster.kafkaProxy.port}`,
      clickhouseUrl: `http://127.0.0.1:${cluster.clickhouseProxy.port}`,
      folder: logs,
      replicas,
      spareScorers: 1,
    });
    closers.push(() => disturbed.stop());
    const receiver = await startReceiver();
    closers.push(() => receiver.close());
    await disturbed.start(options.signal);
    const endpoint = await disturbed.addEndpoint(receiver.url);
    receiver.setSecret(endpoint.secret);

    const complaints: string[] = [];
    const complain = (what: string) => complaints.push(what);
    const done = await disturb(options, { cluster, deployment: disturbed, receiver, complain });
    const open = [
      ...complaints,
      ...(await settled(cluster, disturbed, SETTLE_MS + done.events / 10, options)),
    ];
    say(open.length === 0 ? 'settled' : `NOT as it should be: ${open.join('; ')}`);
    open.push(...(await untilDelivered(cluster, disturbed, receiver.ids, options.signal)));
    open.push(...(await disturbed.stop()));

    say('the undisturbed run on the same input');
    const quiet = await createDeployment({
      name: 'quiet',
      program,
      brokers: cluster.kafka.brokers.join(),
      clickhouseUrl: cluster.clickhouseUrl,
      folder: logs,
      replicas: { scorer: 1, sink: 1, 'alert-api': 0 },
    });
    closers.push(() => quiet.stop());
    await quiet.start(options.signal);
    open.push(...(await settled(cluster, quiet, SETTLE_MS + done.events / 2, options)));
    open.push(...(await quiet.stop()));

    const ofQuiet = clickhouseOf(cluster, quiet);
    const ofDisturbed = clickhouseOf(cluster, disturbed);
    closers.push(() => Promise.all([ofQuiet.close(), ofDisturbed.close()]));
    const risks = compareRisks(await readRisks(ofQuiet), await readRisks(ofDisturbed));
    const scores = await compareScores(ofQuiet, quiet.database, disturbed.database);
    const letters = await readDeadLetters(ofQuiet);
    const lettersFound = await readDeadLetters(ofDisturbed);
    const webhooks = await compareWebhooks(ofDisturbed, receiver, endpoint.id);
    const ownEnds = disturbed.services.flatMap((one) => one.ownEnds);
    for (const [what, list] of Object.entries({
      missing: risks.missing,
      extra: risks.extra,
      'score differences': risks.scoreDifferences,
      'reason differences': risks.reasonDifferences,
      'webhooks missing': webhooks.missing,
      'webhook faults': receiver.faults,
      'ended by themselves': ownEnds,
    })) {
      if (list.length > 0)
        say(`${what}: ${list.slice(0, SHOWN).join('; ')}${list.length > SHOWN ? ' …' : ''}`);
    }
    const log = { kafka: cluster.kafka.kafka, prefix: disturbed.prefix, partitions: PARTITIONS };
    const why = await explainMissing(webhooks.missing, { ...log, endpoint: endpoint.id });
    const outside = await findOutside(ofDisturbed);
    why.push(...(await explainOutside(outside.slice(0, SHOWN), log)));
    for (const line of why) say(line);
    return {
      seed,
      events: done.events,
      kills: done.kills,
      faults: done.faults,
      byFault: done.byFault,
      risks: risks.risks,
      missing: risks.missing.length,
      extra: risks.extra.length,
      scoreDifferences: risks.scoreDifferences.length,
      reasonDifferences: risks.reasonDifferences.length,
      sampledScores: scores.compared,
      sampledUnmatched: scores.unmatched,
      sampledDifferences: scores.different,
      largestDifference: scores.largest,
      deadLetters: letters.length,
      deadLettersMissing: letters.filter((id) => !lettersFound.includes(id)).length,
      deadLettersExtra: lettersFound.filter((id) => !letters.includes(id)).length,
      incidents: webhooks.incidents,
      webhooksMissing: webhooks.missing.length,
      webhookDuplicates: webhooks.duplicates,
      webhookFaults: receiver.faults.length,
      risksOutside: countOutside(outside),
      ownEnds,
      insertsRefused: cluster.clickhouseGate.refused,
      open,
      seconds: Math.round((Date.now() - started) / 1000),
    };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

/** What a run that lost and doubled nothing must not have. Empty when all is well. */
export function faultsOf(report: SuiteReport): string[] {
  const { missing, extra, scoreDifferences, deadLettersMissing, deadLettersExtra } = report;
  const { sampledUnmatched, sampledDifferences } = report;
  const { webhooksMissing, webhookFaults, risksOutside, open, risks } = report;
  const counts = {
    ...{ missing, extra, scoreDifferences, deadLettersMissing, deadLettersExtra },
    ...{ sampledUnmatched, sampledDifferences, webhooksMissing, webhookFaults, risksOutside },
  };
  const faults = Object.entries(counts).flatMap(([name, count]) =>
    count === 0 ? [] : [`${name}: ${count}`],
  );
  if (risks === 0) faults.push('the undisturbed run found no risk at all, so nothing was compared');
  if (report.sampledScores === 0) faults.push('no score was sampled in both runs');
  if (report.faults === 0) faults.push('nothing was disturbed');
  return [...faults, ...open];
}

interface Disturbed {
  readonly events: number;
  readonly kills: number;
  readonly faults: number;
  readonly byFault: Record<string, number>;
}

/** Writes the input and makes faults meanwhile. */
async function disturb(options: SuiteOptions, target: Parameters<Fault['run']>[0]): Promise<Disturbed> {
  const { say, seed, events, forMs, only, mostPauseMs = 4_000, signal } = options;
  const unknown = only?.find((name) => FAULTS.every((fault) => fault.name !== name));
  if (unknown !== undefined)
    throw new RangeError(
      `there is no fault '${unknown}'; there are ${FAULTS.map(({ name }) => name).join(', ')}`,
    );
  const random = new Random(seed, 0xfa17);
  let written = 0;
  let input: 'going' | 'ended' = 'going';
  const producing = produceInput({
    producer: await createProducer(target.cluster.kafka.kafka, { idempotent: true }),
    program: packageRoot(),
    events,
    seed,
    forMs,
    onProgress: (done) => {
      written = done;
    },
  }).finally(() => {
    input = 'ended';
  });
  producing.catch(() => undefined); // awaited below, after the fault that is under way
  const byFault: Record<string, number> = {};
  let kills = 0;
  let faults = 0;
  for (const fault of faultPlan(random)) {
    if (only !== undefined && !only.includes(fault.name)) continue;
    await sleep(random.unit() * mostPauseMs, undefined, { signal });
    if ((input as string) === 'ended') break;
    faults += 1;
    kills += fault.kills;
    byFault[fault.name] = (byFault[fault.name] ?? 0) + 1;
    say(`${written.toLocaleString('en')} events written; fault ${faults}: ${fault.name}`);
    await fault.run(target, random);
  }
  return { events: await producing, kills, faults, byFault };
}

function readersOf({ prefix, group, services }: Deployment): Reader[] {
  const names = topicNames(prefix);
  const readers: Reader[] = [{ name: 'scorer', group: `${group}-scorer`, topics: [INPUT] }];
  if (services.some(({ service }) => service === 'alert-api'))
    readers.push({ name: 'alert-api', group: `${group}-alert-api`, topics: [names.risks, names.commands] });
  const kept = [names.risks, names.scores, names.deadLetters, names.incidents, names.deliveries];
  return [...readers, { name: 'sink', group: `${group}-sink`, topics: kept }];
}

/** Waits until no group is behind, and says now and then which is; what still is when the time is over. */
function settled(
  cluster: Cluster,
  deployment: Deployment,
  timeoutMs: number,
  { say, signal }: Pick<SuiteOptions, 'say' | 'signal'>,
): Promise<string[]> {
  const readers = readersOf(deployment);
  let said = Date.now();
  return withAdmin(cluster.kafka.kafka, (admin) =>
    settle({
      async lag() {
        const late = await behind(admin, readers);
        if (late.length > 0 && Date.now() - said >= SAY_MS) {
          said = Date.now();
          say(
            `waiting: ${late.map((one) => `${one.name} ${one.records} behind in ${one.topic}`).join(', ')}`,
          );
        }
        return late;
      },
      pendingDeliveries: async () => 0,
      timeoutMs,
      pollMs: 500,
      signal,
    }),
  );
}

const DELIVERED_MS = 60_000;

/** Webhooks are retried on their own time: waits until all that were ever pending have come, and says if they don't. */
async function untilDelivered(
  cluster: Cluster,
  deployment: Deployment,
  ids: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<string[]> {
  const clickhouse = clickhouseOf(cluster, deployment);
  const deadline = Date.now() + DELIVERED_MS;
  try {
    for (;;) {
      const result = await clickhouse.query({
        query: "SELECT DISTINCT id FROM deliveries WHERE state = 'pending'",
        format: 'JSONEachRow',
      });
      const due = await result.json<{ id: string }>();
      const left = due.filter(({ id }) => !ids.has(id)).length;
      if (left === 0) return [];
      if (Date.now() > deadline)
        return [`${left} webhooks had not come ${DELIVERED_MS / 1000} s after all else was done`];
      await sleep(500, undefined, { signal });
    }
  } finally {
    await clickhouse.close();
  }
}

function clickhouseOf(cluster: Cluster, { database }: Deployment) {
  return createClickHouse({ url: cluster.clickhouseUrl, database, user: 'default', password: '' });
}
