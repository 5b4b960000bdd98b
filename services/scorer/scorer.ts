import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch, Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { sentenceMaker } from '../../detection/judging/sentences.js';
import type { ScoringModel } from '../../detection/scoring.js';
import { ownCodec } from '../../lib/avro.js';
import { fetchInColumns } from '../../lib/column-fetch.js';
import type { DeadLetter } from '../../lib/dead-letter.js';
import { EventDecoder } from '../../lib/event-decoder.js';
import { paceFetches } from '../../lib/fetch-pace.js';
import { createProducer, type RunningConsumer, runConsumer, withAdmin } from '../../lib/kafka.js';
import { writeLargeRequestsOnce } from '../../lib/large-requests.js';
import type { Logger } from '../../lib/log.js';
import type { ScorerMetrics } from '../../lib/metrics.js';
import { reasonOf } from '../../lib/retry.js';
import type { SchemaSource } from '../../lib/schema-source.js';
import { TopicReader } from '../../lib/topic-reader.js';
import { ensureTopics, ownTopics, type TopicNames } from '../../lib/topics.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { usedFields } from './field-intake.js';
import { type FeedbackRecord, followLabels } from './labels.js';
import { isMoved } from './moved.js';
import {
  type FlowDependencies,
  type FlowLimits,
  PartitionFlow,
  type PipelineRuntime,
} from './partition-flow.js';
import type { Risk } from './risks.js';
import type { VisitsRecord } from './visits-record.js';

export interface ScorerOptions {
  readonly group: string;
  readonly partitions: number;
  readonly replication: number;
  /** a replica that is silent for so long loses its partitions to the others */
  readonly sessionTimeoutMs?: number;
  readonly maxEventBytes: number;
  readonly limits: FlowLimits;
}

export interface ScorerDependencies {
  readonly kafka: Kafka;
  readonly names: TopicNames;
  readonly source: SchemaSource;
  readonly pipelines: readonly { readonly pipeline: Pipeline; readonly model: ScoringModel }[];
  readonly metrics: ScorerMetrics;
  readonly log: Logger;
  readonly now: () => number;
}

export interface Scorer {
  /** why it doesn't do its work right now; empty when it does */
  notReady(): string[];
  /** rejects when it can't go on */
  readonly failed: Promise<never>;
  /** finishes the micro-batch, checkpoints, commits, leaves the group */
  stop(): Promise<void>;
}

interface Owned {
  readonly flow: PartitionFlow;
  readonly restored: Promise<void>;
  ready: boolean;
}

/** between attempts to take up a partition again */
const RENEW_WAIT_MS = 1000;

/**
 * The scorer's whole flow: for every partition that the group gives it, restore the state, then score what comes
 * (PartitionFlow.process) and checkpoint it. A partition that it keeps over a rebalance goes on with the state in
 * memory; one that is new is restored first, while the others are scored.
 */
export async function startScorer(options: ScorerOptions, dependencies: ScorerDependencies): Promise<Scorer> {
  const { kafka, names, log, metrics, now, source } = dependencies;
  const fail = deferred();
  const inputs = dependencies.pipelines.map(({ pipeline }) => ({
    name: pipeline.topic,
    kind: 'log' as const,
    // What is larger than maxEventBytes is to become a dead letter here, not to be refused by the broker.
    maxMessageBytes: 4 << 20,
  }));
  const ensure = { partitions: options.partitions, replication: options.replication, log };
  const counts = await ensureTopics(kafka, inputs, ensure);
  const states = dependencies.pipelines.map(({ pipeline }) => ({
    name: pipeline.name,
    inputPartitions: counts.get(pipeline.topic),
    labels: pipeline.labels !== undefined,
  }));
  await ensureTopics(kafka, ownTopics(names, states), ensure);

  const labels = await followLabels(
    dependencies.pipelines.map(({ pipeline }) => pipeline),
    {
      kafka,
      names,
      log,
      codecs: { feedback: ownCodec<FeedbackRecord>('feedback'), visits: ownCodec<VisitsRecord>('visits') },
      counted: (pipeline, kind, late) => metrics.labels.inc({ pipeline, kind, late: String(late) }),
    },
  );
  labels.failed.catch(fail.reject);
  const runtimes = new Map<string, PipelineRuntime>(
    dependencies.pipelines.map(({ pipeline, model }) => [
      pipeline.topic,
      {
        pipeline,
        model,
        decoder: new EventDecoder({
          reader: pipeline.schema,
          source,
          maxBytes: options.maxEventBytes,
          fields: usedFields(pipeline, model.plan),
        }),
        partitions: counts.get(pipeline.topic) ?? options.partitions,
        labels: labels.of(pipeline.name),
      },
    ]),
  );
  const producer = await createProducer(kafka);
  const reader = await TopicReader.open(kafka);
  const owned = new Map<string, Owned>();
  /** partitions that wait to be taken up again, and why */
  const renewing = new Map<string, unknown>();
  let consumer: RunningConsumer | undefined;
  let joined = false;
  let memberId: string | undefined;
  /** partitions of which nothing was read since the group was joined the last time */
  let unchecked = new Set<string>();
  let stopping = false;

  const flowDependencies: FlowDependencies = {
    producer,
    names,
    metrics,
    log,
    now,
    codecs: {
      risk: ownCodec<Risk>('risk'),
      deadLetter: ownCodec<DeadLetter>('dead-letter'),
      scoreBlock: ownCodec('score-block'),
      visits: ownCodec<VisitsRecord>('visits'),
    },
    sentences: sentenceMaker(),
    commit: async (topic, partition, next) => {
      if (consumer === undefined) return false;
      try {
        await consumer.commit([{ topic, partition, next }]);
        return true;
      } catch (error) {
        if (!isMoved(error)) throw error;
        log.debug({ topic, partition, error }, 'offsets not committed: the group is rebalancing');
        return false;
      }
    },
  };

  const take = (topic: string, partition: number): Owned | undefined => {
    const runtime = runtimes.get(topic);
    if (runtime === undefined) return undefined;
    const flow: PartitionFlow = new PartitionFlow(
      runtime,
      partition,
      {
        ...flowDependencies,
        // Lost and got back meanwhile: then another flow commits here, from a checkpoint of its own.
        commit: async (...offset) =>
          owned.get(`${topic}/${partition}`)?.flow === flow && (await flowDependencies.commit(...offset)),
      },
      options.limits,
    );
    const one: Owned = {
      flow,
      ready: false,
      restored: flow.restore(reader).then(() => {
        one.ready = true;
      }),
    };
    one.restored.catch((error: unknown) => {
      if (owned.get(`${topic}/${partition}`) === one) renew(topic, partition, error);
    });
    owned.set(`${topic}/${partition}`, one);
    return one;
  };

  /**
   * Steers the consumer. False when it can't be done because the client is between two memberships after a crash of
   * its own: the next one brings a new member id, and with it every partition anew.
   */
  const asMember = (steer: (member: Consumer) => void): boolean => {
    if (consumer === undefined) return false;
    try {
      steer(consumer.consumer);
      return true;
    } catch (error) {
      if (!isMoved(error)) throw error;
      return false;
    }
  };

  /**
   * A partition's sends, its checkpoint or its restore have failed for longer than the client retries: the broker is
   * away. What was not checkpointed is given up, the last checkpoint is restored as often as it takes, and reading
   * goes on from there; nothing was committed meanwhile.
   */
  const renew = (topic: string, partition: number, error: unknown): void => {
    log.error({ topic, partition, error }, 'a partition is taken up again from its last checkpoint');
    const paused = [{ topic, partitions: [partition] }];
    const member = asMember((one) => one.pause(paused));
    owned.get(`${topic}/${partition}`)?.flow.leave();
    owned.delete(`${topic}/${partition}`);
    if (!member) return;
    renewing.set(`${topic}/${partition}`, error);
    const again = async (): Promise<void> => {
      await sleep(RENEW_WAIT_MS);
      if (stopping || owned.has(`${topic}/${partition}`)) return;
      const one = take(topic, partition);
      await one?.restored;
      const next =
        one?.flow.next ?? (await committedOffset(kafka, `${options.group}-scorer`, topic, partition));
      asMember((one) => {
        one.seek({ topic, partition, offset: String(next) });
        one.resume(paused);
      });
      renewing.delete(`${topic}/${partition}`);
    };
    // A restore that fails comes back here by itself.
    again().catch((later: unknown) => log.warn({ topic, partition, error: later }, 'not taken up yet'));
  };

  /**
   * A partition that stays goes on with the state in memory. Not so after a new member id: the group went on without
   * this member (it was frozen, cut off), and whoever had the partition may have deleted the checkpoints that ours
   * build on.
   */
  const onAssigned = (
    assignment: Readonly<Record<string, number[]>>,
    generation: { memberId: string },
  ): void => {
    joined = true;
    const stranger = generation.memberId !== memberId;
    memberId = generation.memberId;
    const mine = new Set(
      Object.entries(assignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => `${topic}/${partition}`),
      ),
    );
    unchecked = new Set(mine);
    for (const [key, { flow }] of owned) {
      if (mine.has(key) && !stranger) continue;
      flow.leave();
      owned.delete(key);
    }
    for (const key of renewing.keys()) if (!mine.has(key) || stranger) renewing.delete(key);
    for (const [topic, partitions] of Object.entries(assignment)) {
      for (const partition of partitions) {
        if (owned.has(`${topic}/${partition}`)) continue;
        take(topic, partition);
        // It may have been paused when it was lost, and pauses outlast memberships.
        renewing.delete(`${topic}/${partition}`);
        asMember((member) => member.resume([{ topic, partitions: [partition] }]));
      }
    }
    log.info({ assignment }, 'partitions assigned');
  };

  const eachBatch = async ({
    batch,
    heartbeat,
    isRunning,
    isStale,
    resolveOffset,
    pause,
  }: EachBatchPayload): Promise<void> => {
    const one = owned.get(`${batch.topic}/${batch.partition}`);
    if (one === undefined || stopping) return;
    if (!one.ready) {
      // Its state is on the way; the other partitions go on meanwhile.
      const resume = pause();
      void one.restored.then(resume, () => undefined);
      return;
    }
    if (unchecked.delete(`${batch.topic}/${batch.partition}`) && isAhead(batch, one.flow.next)) {
      // A generation that this member missed: another one scored on from here, and its state is the one to go on with.
      renew(batch.topic, batch.partition, new Error('the group has committed events that this state lacks'));
      return;
    }
    try {
      await one.flow.process(batch.messages, async (lastOffset) => {
        resolveOffset(lastOffset);
        await heartbeat();
        return isRunning() && !isStale() && !stopping;
      });
    } catch (error) {
      if (!one.flow.broken) throw error;
      if (owned.get(`${batch.topic}/${batch.partition}`) === one) renew(batch.topic, batch.partition, error);
      return;
    }
    const behind = BigInt(batch.highWatermark) - BigInt(batch.lastOffset()) - 1n;
    metrics.lag.set({ topic: batch.topic, partition: String(batch.partition) }, Number(behind));
  };

  for (const topic of runtimes.keys()) fetchInColumns(topic);
  paceFetches([...runtimes.keys()], { leastApart: 5, longestPause: 25, backlogBytes: 1 << 20 });
  writeLargeRequestsOnce();
  consumer = await runConsumer(kafka, {
    groupId: `${options.group}-scorer`,
    topics: [...runtimes.keys()],
    sessionTimeoutMs: options.sessionTimeoutMs,
    eachBatch,
    onAssigned,
    onEnd: fail.reject,
  });
  // A stream that rests is checkpointed too.
  const timer = setInterval(() => {
    for (const [key, { flow, ready }] of owned) {
      const at = key.lastIndexOf('/');
      if (flow.broken) renew(key.slice(0, at), Number(key.slice(at + 1)), new Error('its checkpoint failed'));
      else if (ready && flow.checkpointDue()) flow.startCheckpoint();
      else if (ready) flow.publishScores();
    }
  }, 500);

  return {
    failed: fail.promise,
    notReady() {
      const reasons: string[] = [];
      if (!joined) reasons.push('not in the consumer group yet');
      for (const [key, error] of renewing)
        reasons.push(`${key}: taken up again from its last checkpoint, after ${reasonOf(error)}`);
      for (const [key, { ready, flow }] of owned) {
        if (!ready) reasons.push(`${key}: restoring its state`);
        if (flow.failing.length > 0)
          reasons.push(
            `${key}: detectors that failed in the last micro-batch: ${flow.failing.join(', ')}; the others score`,
          );
      }
      return reasons;
    },
    async stop() {
      stopping = true;
      clearInterval(timer);
      for (const { flow, ready } of owned.values()) if (ready && !flow.broken) await flow.close();
      await consumer?.stop();
      for (const { flow } of owned.values()) flow.leave();
      await Promise.all([producer.disconnect(), reader.close(), labels.stop()]);
    },
  };
}

/** whether the group starts to read behind the first event that the state has not seen */
function isAhead(batch: Batch, next: bigint | undefined): boolean {
  // kafkajs has it, its types don't: the offset that was asked for, whatever holes the log has there
  const { fetchedOffset } = batch as Batch & { fetchedOffset: string };
  return next !== undefined && BigInt(fetchedOffset) > next;
}

/** The offset that the group reads next in a partition; the beginning when it has none. */
async function committedOffset(
  kafka: Kafka,
  groupId: string,
  topic: string,
  partition: number,
): Promise<bigint> {
  return withAdmin(kafka, async (admin) => {
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const offset = BigInt(found?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
    if (offset >= 0n) return offset;
    const ends = await admin.fetchTopicOffsets(topic);
    return BigInt(ends.find((one) => one.partition === partition)?.low ?? 0);
  });
}

function deferred(): { promise: Promise<never>; reject: (error: unknown) => void } {
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<never>((_resolve, refuse) => {
    reject = refuse;
  });
  // Whoever runs the service waits for it; a test that doesn't must not die of it.
  promise.catch(() => undefined);
  return { promise, reject };
}
