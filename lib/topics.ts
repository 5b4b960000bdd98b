import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import { withAdmin } from './kafka.js';
import type { Logger } from './log.js';
import { keyedPartitioner } from './partitioner.js';
import { retry } from './retry.js';

/** The names of our own topics under one prefix. */
export interface TopicNames {
  readonly risks: string;
  readonly scores: string;
  readonly deadLetters: string;
  readonly incidents: string;
  readonly deliveries: string;
  readonly control: string;
  readonly feedback: string;
  readonly commands: string;
  state(pipeline: string): string;
  shared(pipeline: string): string;
}

export function topicNames(prefix: string): TopicNames {
  return {
    risks: `${prefix}risks`,
    scores: `${prefix}scores`,
    deadLetters: `${prefix}dead-letters`,
    incidents: `${prefix}incidents`,
    deliveries: `${prefix}deliveries`,
    control: `${prefix}control`,
    feedback: `${prefix}feedback`,
    commands: `${prefix}commands`,
    state: (pipeline) => `${prefix}state.${pipeline}`,
    shared: (pipeline) => `${prefix}shared.${pipeline}`,
  };
}

export interface TopicSpec {
  name: string;
  /** a log keeps records for a time; a table keeps each key's newest record for ever */
  kind: 'log' | 'table';
  /** default: what ensureTopics is given */
  partitions?: number;
  /** for a log. Default: 7 days; -1 keeps all */
  retentionMs?: number;
  /** for a table: how long also what is superseded is kept, for readers that want every change. Default: not at all */
  keepAllMs?: number;
  /** the largest batch of records. Default: 1 MiB */
  maxMessageBytes?: number;
}

const DAY = 86_400_000;

/**
 * Our own topics. risks, commands, incidents and deliveries have one partition count, so that the owner of a partition of the
 * risks owns what follows from them; a pipeline's state is co-partitioned with its input topic.
 */
export function ownTopics(
  names: TopicNames,
  pipelines: readonly { name: string; inputPartitions?: number; labels?: boolean }[],
): TopicSpec[] {
  return [
    { name: names.risks, kind: 'log', retentionMs: 30 * DAY },
    { name: names.scores, kind: 'log', retentionMs: 3 * DAY, maxMessageBytes: 4 << 20 },
    { name: names.deadLetters, kind: 'log', retentionMs: 30 * DAY, maxMessageBytes: 10 << 20 },
    // Every change goes to ClickHouse as well, so the sink has a day to read it before only the newest is left.
    { name: names.incidents, kind: 'table', keepAllMs: DAY },
    { name: names.deliveries, kind: 'table', keepAllMs: DAY },
    { name: names.control, kind: 'table', partitions: 1 },
    { name: names.feedback, kind: 'log', retentionMs: -1 },
    { name: names.commands, kind: 'log', retentionMs: -1 },
    ...pipelines.map(
      ({ name, inputPartitions }): TopicSpec => ({
        name: names.state(name),
        kind: 'table',
        partitions: inputPartitions,
        maxMessageBytes: 4 << 20,
      }),
    ),
    ...pipelines
      .filter(({ labels }) => labels === true)
      .map(({ name }): TopicSpec => ({ name: names.shared(name), kind: 'table', partitions: 1 })),
  ];
}

/** A topic is not as it has to be. */
export class TopicError extends Error {
  override readonly name = 'TopicError';
}

export interface EnsureOptions {
  partitions: number;
  replication: number;
  log?: Logger;
  /** until all topics have leaders. Default 30 s */
  timeoutMs?: number;
}

/**
 * Creates the topics that are missing and returns each one's partition count, which is the broker's where the topic was
 * there before. A broker without CreateTopics (librdkafka's mock cluster) makes topics when their metadata is asked for.
 */
export async function ensureTopics(
  kafka: Kafka,
  specs: readonly TopicSpec[],
  options: EnsureOptions,
): Promise<Map<string, number>> {
  const { timeoutMs = 30_000, log } = options;
  return withAdmin(kafka, async (admin) => {
    const present = new Set(await admin.listTopics());
    const missing = specs.filter((spec) => !present.has(spec.name));
    if (missing.length > 0) await create(kafka, admin, missing, options);
    const counts = await countsOf(
      admin,
      specs.map((spec) => spec.name),
      timeoutMs,
    );
    if (log)
      await warnOfUncompacted(
        admin,
        specs.filter((spec) => spec.kind === 'table' && present.has(spec.name)),
        log,
      );
    return counts;
  });
}

async function create(
  kafka: Kafka,
  admin: Admin,
  specs: readonly TopicSpec[],
  { partitions, replication, log }: EnsureOptions,
): Promise<void> {
  try {
    await admin.createTopics({
      waitForLeaders: false,
      topics: specs.map((spec) => ({
        topic: spec.name,
        numPartitions: spec.partitions ?? partitions,
        replicationFactor: replication,
        configEntries: configEntries(spec, replication),
      })),
    });
    log?.info({ topics: specs.map((spec) => spec.name) }, 'topics created');
  } catch (error) {
    if (isUnsupported(error)) {
      log?.debug({}, 'the broker has no CreateTopics: topics appear when they are asked for');
      await askFor(
        kafka,
        specs.map((spec) => spec.name),
      );
    } else if (!isAlreadyThere(error)) throw error;
  }
}

/** An admin client's metadata requests forbid that topics appear; a producer's allow it, also when it sends nothing. */
async function askFor(kafka: Kafka, topics: readonly string[]): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: true, createPartitioner: keyedPartitioner });
  await producer.connect();
  try {
    await producer.sendBatch({ topicMessages: topics.map((topic) => ({ topic, messages: [] })) });
  } finally {
    await producer.disconnect();
  }
}

export function configEntries(spec: TopicSpec, replication: number): { name: string; value: string }[] {
  const entries: Record<string, string> = {
    'min.insync.replicas': String(replication >= 3 ? 2 : 1),
    'max.message.bytes': String(spec.maxMessageBytes ?? 1 << 20),
  };
  if (spec.kind === 'table') {
    // Small, short segments: only closed ones are compacted, and a restore reads what isn't compacted yet.
    Object.assign(entries, {
      'cleanup.policy': 'compact',
      'segment.bytes': String(64 << 20),
      'segment.ms': String(3_600_000),
      'min.cleanable.dirty.ratio': '0.2',
      'min.compaction.lag.ms': String(spec.keepAllMs ?? 0),
      'max.compaction.lag.ms': String((spec.keepAllMs ?? 0) + 6 * 3_600_000),
      'delete.retention.ms': String(DAY),
    });
  } else {
    Object.assign(entries, {
      'cleanup.policy': 'delete',
      'retention.ms': String(spec.retentionMs ?? 7 * DAY),
    });
  }
  return Object.entries(entries).map(([name, value]) => ({ name, value }));
}

/** The broker doesn't list the request among those it answers. */
function isUnsupported(error: unknown): boolean {
  return causes(error).some((one) => one instanceof kafkajs.KafkaJSServerDoesNotSupportApiKey);
}

function isUnknownTopic(error: unknown): boolean {
  return causes(error).some(
    (one) => one instanceof kafkajs.KafkaJSProtocolError && one.type === 'UNKNOWN_TOPIC_OR_PARTITION',
  );
}

/** Another process was faster. */
function isAlreadyThere(error: unknown): boolean {
  const inner = error instanceof kafkajs.KafkaJSAggregateError ? error.errors : [error];
  return inner.every((one) => (one as { type?: string }).type === 'TOPIC_ALREADY_EXISTS');
}

function causes(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let one = error; one instanceof Error && chain.length < 8; one = one.cause) chain.push(one);
  return chain;
}

/** Waits until every topic is there with a leader for each partition. */
async function countsOf(
  admin: Admin,
  topics: readonly string[],
  timeoutMs: number,
): Promise<Map<string, number>> {
  return retry(
    async () => {
      const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] });
      const counts = new Map<string, number>();
      for (const { name, partitions } of found) {
        const leaderless = partitions.filter((one) => one.leader < 0).length;
        if (partitions.length === 0 || leaderless > 0)
          throw new TopicError(`${name} has ${partitions.length} partitions, ${leaderless} without a leader`);
        counts.set(name, partitions.length);
      }
      return counts;
    },
    { timeoutMs, initialDelayMs: 50, maxDelayMs: 500 },
  );
}

async function warnOfUncompacted(admin: Admin, tables: readonly TopicSpec[], log: Logger): Promise<void> {
  if (tables.length === 0) return;
  try {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: tables.map((spec) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name: spec.name,
        configNames: ['cleanup.policy'],
      })),
    });
    for (const { resourceName, configEntries: found } of resources) {
      const policy = found.find((entry) => entry.configName === 'cleanup.policy')?.configValue ?? '';
      if (!policy.includes('compact')) {
        log.warn(
          { topic: resourceName, policy },
          `${resourceName} is a table but isn't compacted, so it loses state with time: set its cleanup.policy to compact`,
        );
      }
    }
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
}

/** The topics must have one partition count, because what follows from a partition is kept in the same one. */
export function checkCoPartitioned(counts: ReadonlyMap<string, number>, topics: readonly string[]): number {
  const [first, ...rest] = topics;
  const count = first === undefined ? undefined : counts.get(first);
  if (first === undefined || count === undefined) throw new TopicError(`there is no topic ${first ?? ''}`);
  for (const topic of rest) {
    if (counts.get(topic) !== count) {
      throw new TopicError(
        `${topic} has ${counts.get(topic) ?? 0} partitions and ${first} has ${count}, but they must be equal: add partitions to the smaller one, or take another RISKWIRE_PREFIX`,
      );
    }
  }
  return count;
}

/** How many partitions a topic has, 0 when there is no such topic. */
export async function partitionCount(kafka: Kafka, topic: string): Promise<number> {
  const ask = async (admin: Admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions.length ?? 0;
  };
  try {
    return await withAdmin(kafka, ask, { retries: 3 });
  } catch (error) {
    if (isUnknownTopic(error)) return 0;
    throw error;
  }
}
