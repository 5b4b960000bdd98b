import { join } from 'node:path';
import { withAdmin } from '../../lib/kafka.js';
import { formatCount } from '../../services/cli/format.js';
import { type Steady, steady } from '../looks.js';
import { BROKER_CORE, CONTENDER_CORE } from '../machine.js';
import type { LoadtestOptions } from '../options.js';
import { changedDefinition } from '../processes/definitions.js';
import { checkAllScored, followScorers, freshId, startScorerService } from '../processes/scorer-service.js';
import { onStage, type Stage } from '../stage.js';
import { median, medianRatio, spread } from '../statistics.js';
import { fillTopic } from '../streams/feed.js';
import { formatTable } from '../table.js';
import { GROUPS, type ScalingCase, type ScalingGroup } from './cases.js';
import { readingsPipeline } from './readings-pipeline.js';

const MOST_EVENTS = 1_500_000;
/** so that scorers that start together share the partitions from their first event on */
const JOIN_TOGETHER = { 'group.initial.rebalance.delay.ms': '5000' };

/** How the scorer's cost grows with processes, entities, partitions, features and the size of events. */
export async function runScaling(options: LoadtestOptions): Promise<void> {
  await onStage({ apart: true, properties: JOIN_TOGETHER }, async (stage) => {
    const models = new Map<number, string>();
    const figures: Record<string, Record<string, number>> = {};
    for (const group of GROUPS.filter(({ name }) => options.groups.includes(name))) {
      const results = await runGroup(stage, group, options, models);
      process.stdout.write(`${groupTable(group, results, options.markdown)}\n`);
      figures[group.name] = Object.fromEntries(
        group.cases.map((one) => [one.label, Math.round(median(ratesOf(results, one)))]),
      );
    }
    if (options.json) process.stdout.write(`${JSON.stringify({ scaling: figures })}\n`);
  });
}

type Results = ReadonlyMap<ScalingCase, Steady[]>;

async function runGroup(
  stage: Stage,
  group: ScalingGroup,
  options: LoadtestOptions,
  models: Map<number, string>,
): Promise<Results> {
  const eventsOf = ({ eventShare }: ScalingCase) =>
    Math.round(eventShare * Math.min(options.events, MOST_EVENTS));
  const envs = new Map<ScalingCase, Record<string, string>>();
  const topics = new Set<string>();
  for (const one of group.cases) {
    envs.set(one, await environmentOf(stage, one, models));
    if (topics.has(one.topic)) continue;
    topics.add(one.topic);
    await fillTopic(stage, { ...one, events: eventsOf(one) });
  }
  const results = new Map<ScalingCase, Steady[]>(group.cases.map((one) => [one, []]));
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const one of group.cases) {
      const env = { ...envs.get(one), RISKWIRE_BACKEND: options.backend };
      const result = await once(stage, one, eventsOf(one), env);
      results.get(one)?.push(result);
      stage.say(
        `round ${round} of ${options.rounds}, ${group.title} ${one.label}: ${formatCount(result.eventsPerSecond)} events/s`,
      );
    }
  }
  // The next group's topics need the room.
  await withAdmin(stage.kafka.kafka, (admin) => admin.deleteTopics({ topics: [...topics] }));
  return results;
}

async function environmentOf(
  stage: Stage,
  { stream, topic }: ScalingCase,
  models: Map<number, string>,
): Promise<Record<string, string>> {
  if (stream.kind === 'readings') return readingsPipeline(stage, stream.shape, topic, models);
  const definitions = changedDefinition(join(stage.folder, topic), 'transactions', (definition) => {
    definition['topic'] = topic;
  });
  return { RISKWIRE_PIPELINES_DIR: definitions };
}

async function once(
  stage: Stage,
  { stream, processes }: ScalingCase,
  events: number,
  env: Record<string, string>,
): Promise<Steady> {
  const id = freshId();
  const { kafka, folder, machine } = stage;
  const services = await Promise.all(
    Array.from({ length: processes }, (_, i) =>
      startScorerService({
        brokers: kafka.brokers,
        folder,
        machine,
        // One of them shares its core with the broker, where there are two.
        cores: [i === 0 ? CONTENDER_CORE : i + 1 < machine.cores ? i + 1 : BROKER_CORE],
        id,
        pipeline: stream.kind === 'payments' ? 'transactions' : 'readings',
        env,
      }),
    ),
  );
  try {
    const looks = await followScorers(services, events);
    for (const service of services) checkAllScored((await service.metrics()) ?? []);
    return steady(looks, events);
  } finally {
    await Promise.all(services.map((service) => service.stop()));
  }
}

const ratesOf = (results: Results, one: ScalingCase) =>
  (results.get(one) ?? []).map(({ eventsPerSecond }) => eventsPerSecond);

function groupTable({ title, cases }: ScalingGroup, results: Results, markdown: boolean): string {
  const first = cases[0];
  return formatTable(
    [title, 'events/s', 'smallest – largest', 'CPU µs an event', 'times the first'],
    cases.map((one) => [
      one.label,
      formatCount(median(ratesOf(results, one))),
      spread(ratesOf(results, one), formatCount),
      median((results.get(one) ?? []).map(({ microsPerEvent }) => microsPerEvent ?? Number.NaN)).toFixed(2),
      first ? medianRatio(ratesOf(results, one), ratesOf(results, first)).toFixed(2) : '',
    ]),
    markdown,
  );
}
