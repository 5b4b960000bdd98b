import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProducer } from '../../lib/kafka.js';
import { exitCodeOf, messageOf } from '../../services/cli/exit.js';
import { realKafkaMissing, startRealKafka } from '../support/real-kafka.js';
import { type AlertLoadOptions, alertLoadCommand } from './options.js';
import type { Condition } from './receivers.js';
import { deliveryRun, type RunContext, stormRun } from './runs.js';

const PARTITIONS = 4; // what the alert API makes its topics with

/** `npm run loadtest:alerts`: the healthy alone, the same with the sick among them, that with kills, and a storm. */
export async function main(argv: string[]): Promise<void> {
  try {
    await alertLoadCommand(run).parseAsync(argv);
  } catch (error) {
    process.stderr.write(`loadtest:alerts: ${messageOf(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

async function run(options: AlertLoadOptions): Promise<void> {
  const missing = realKafkaMissing();
  if (missing !== undefined)
    throw new Error(
      `a real Kafka is needed and can't be started here (${missing}): install Java 17 and Maven`,
    );
  const say = (text: string) => process.stderr.write(`loadtest:alerts: ${text}\n`);
  const folder = mkdtempSync(join(tmpdir(), 'riskwire-alerts-'));
  say('starting Kafka …');
  const kafka = await startRealKafka();
  const producer = await createProducer(kafka.kafka);
  try {
    const context: RunContext = { brokers: kafka.brokers, producer, folder, partitions: PARTITIONS, say };
    const shared = { incidents: options.incidents, perSecond: options.rate, fanOut: options.fanOut };
    const conditions = conditionsOf(options.endpoints);
    // An incident goes to as many healthy ones as in the other runs.
    const healthy = conditions.filter((one) => one === 'healthy');
    say(`${options.incidents} incidents to the ${healthy.length} healthy endpoints alone …`);
    const alone = await deliveryRun(context, {
      ...shared,
      prefix: 'alone.',
      conditions: healthy,
      fanOut: (options.fanOut * healthy.length) / conditions.length,
      kills: 0,
    });
    say(`p99 ${alone.healthyP99} ms; now with the sick among them …`);
    const mixed = await deliveryRun(context, { ...shared, prefix: 'mixed.', conditions, kills: 0 });
    say(`p99 ${mixed.healthyP99} ms, ${mixed.missing} missing; now with ${options.kills} kills …`);
    const killed = await deliveryRun(context, {
      ...shared,
      prefix: 'killed.',
      conditions,
      kills: options.kills,
    });
    say(`${killed.missing} missing, ${killed.duplicates} duplicates; now the storm …`);
    const storm = await stormRun(context, 'storm.', options.stormRisks);
    const result = {
      incidents: options.incidents,
      endpoints: options.endpoints,
      missing: alone.missing + mixed.missing + killed.missing,
      duplicates: alone.duplicates + mixed.duplicates + killed.duplicates,
      wrongIds: alone.wrongIds + mixed.wrongIds + killed.wrongIds,
      healthyP99Ratio: Number((mixed.healthyP99 / Math.max(1, alone.healthyP99)).toFixed(2)),
      kills: killed.kills,
      runs: { alone, mixed, killed },
      storm,
    };
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    else process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
    if (result.missing > 0 || result.wrongIds > 0) process.exitCode = 1;
  } finally {
    await producer.disconnect();
    await kafka.stop();
    if (process.exitCode) say(`the replicas' logs are kept in ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

/** A fifth each dead, slow and flaky; spread so that every group of endpoints has its share of each. */
export function conditionsOf(endpoints: number): Condition[] {
  const sick = Math.floor(endpoints / 5);
  return [
    ...Array.from({ length: endpoints - 3 * sick }, () => 'healthy' as const),
    ...Array.from({ length: sick }, () => 'dead' as const),
    ...Array.from({ length: sick }, () => 'slow' as const),
    ...Array.from({ length: sick }, () => 'flaky' as const),
  ];
}
