import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KafkaMessage, Producer } from 'kafkajs';
import { sentenceMaker } from '../../detection/judging/sentences.js';
import { ownCodec, readSchema, singleObjectEncoder } from '../../lib/avro.js';
import type { DeadLetter } from '../../lib/dead-letter.js';
import { EventDecoder } from '../../lib/event-decoder.js';
import { silentLog } from '../../lib/log.js';
import { createRegistry, scorerMetrics } from '../../lib/metrics.js';
import { packageRoot } from '../../lib/paths.js';
import { SchemaSource } from '../../lib/schema-source.js';
import type { ReadOptions, TopicReader } from '../../lib/topic-reader.js';
import { topicNames } from '../../lib/topics.js';
import { take } from '../../pipelines/source.js';
import { type Payment, transactionsSource } from '../../pipelines/transactions/generator.js';
import { usedFields } from '../../services/scorer/field-intake.js';
import { PartitionFlow, type PipelineRuntime } from '../../services/scorer/partition-flow.js';
import type { Risk } from '../../services/scorer/risks.js';
import { shippedPayments } from '../support/test-scorer.js';

const root = packageRoot();
const names = topicNames('fuzz.');

/** What the topics of one run hold, and what the group has committed. */
export class Topics {
  readonly risks = new Map<string, number>();
  readonly scores = new Map<number, number>();
  readonly letters = new Map<string, DeadLetter>();
  readonly state: { key: Buffer; value: Buffer | null }[] = [];
  committed = 0;
  /** an id that came with another score than before */
  readonly contradictions: string[] = [];
}

export interface FlowBench {
  readonly runtime: PipelineRuntime;
  /** a scorer's partition on these topics; `sends` more requests succeed, then all fail */
  open(topics: Topics): OpenFlow;
}

export interface OpenFlow {
  readonly flow: PartitionFlow;
  restore(): Promise<void>;
  /** requests that still succeed */
  sendsLeft: number;
  /** still the owner: commits count */
  owner: boolean;
  counts(): Promise<{ read: number; dropped: number; dead: number }>;
}

const codecs = {
  risk: ownCodec<Risk>('risk'),
  deadLetter: ownCodec<DeadLetter>('dead-letter'),
  scoreBlock: ownCodec('score-block'),
  visits: ownCodec<never>('visits'),
};

/** The scorer's flow of one partition between topics that are lists, so that a property can cut it anywhere. */
export async function createFlowBench(sampling = 1, maxEntities = 10_000): Promise<FlowBench> {
  const { pipeline, model } = await shippedPayments();
  const runtime: PipelineRuntime = {
    // Large, so that a short stream has risks to lose.
    pipeline: { ...pipeline, budget: 20_000 },
    model,
    decoder: new EventDecoder({
      reader: pipeline.schema,
      source: new SchemaSource({ folder: join(root, 'schemas') }),
      maxBytes: 1 << 20,
      fields: usedFields(pipeline, model.plan),
    }),
    partitions: 4,
    labels: undefined,
  };
  const sentences = sentenceMaker();
  return {
    runtime,
    open(topics) {
      const metrics = scorerMetrics(createRegistry('scorer', { processFigures: false }));
      const open: Partial<OpenFlow> & { sendsLeft: number; owner: boolean } = {
        sendsLeft: Number.POSITIVE_INFINITY,
        owner: true,
      };
      const send = async (request: Parameters<Producer['send']>[0]) => {
        await Promise.resolve();
        if (open.sendsLeft-- <= 0) throw new Error('the broker is away');
        for (const message of request.messages) keep(topics, request.topic, message);
        return [];
      };
      const flow = new PartitionFlow(
        runtime,
        0,
        {
          producer: { send } as unknown as Producer,
          names,
          metrics,
          log: silentLog(),
          now: () => 0,
          codecs,
          sentences,
          commit: async (_topic, _partition, next) => {
            if (!open.owner || open.sendsLeft <= 0) return false;
            topics.committed = Number(next);
            return true;
          },
        },
        {
          batchEvents: 256,
          maxEntities,
          spillDir: tmpdir(),
          checkpointIntervalMs: 1,
          scoreSampling: sampling,
        },
      );
      const sum = async (counter: { get(): Promise<{ values: { value: number }[] }> }) =>
        (await counter.get()).values.reduce((total, { value }) => total + value, 0);
      return Object.assign(open, {
        flow,
        restore: () => flow.restore(readerOf(topics)),
        counts: async () => ({
          read: await sum(metrics.events),
          dropped: await sum(metrics.dropped),
          dead: await sum(metrics.deadLetters),
        }),
      }) as OpenFlow;
    },
  };
}

function keep(
  topics: Topics,
  topic: string,
  { key, value }: { key?: Buffer | string | null; value: Buffer | string | null },
): void {
  const bytes = value === null ? null : Buffer.from(value);
  if (topic === names.state('transactions')) topics.state.push({ key: Buffer.from(key ?? ''), value: bytes });
  else if (topic === names.risks) {
    const { id, score } = codecs.risk.decode(bytes!);
    const before = topics.risks.get(id);
    if (before !== undefined && Math.abs(before - score) > 1e-6) topics.contradictions.push(id);
    topics.risks.set(id, score);
  } else if (topic === names.deadLetters) {
    const letter = codecs.deadLetter.decode(bytes!);
    topics.letters.set(letter.id, letter);
  } else if (topic === names.scores) {
    const block = codecs.scoreBlock.decode(bytes!) as { offsets: number[]; scores: number[] };
    block.offsets.forEach((offset, index) => {
      const before = topics.scores.get(offset);
      const score = block.scores[index]!;
      if (before !== undefined && Math.abs(before - score) > 1e-6) topics.contradictions.push(`@${offset}`);
      topics.scores.set(offset, score);
    });
  }
}

function readerOf(topics: Topics): TopicReader {
  return {
    async readPartition(
      _topic: string,
      _partition: number,
      { onRecord, onRecords, from = 0n, to }: ReadOptions,
    ) {
      const records = topics.state
        .map((record, index) => ({ ...record, offset: String(index) }) as KafkaMessage)
        .slice(Number(from), to === undefined ? undefined : Number(to));
      for (const record of records) onRecord?.(record);
      await onRecords?.(records);
      return { records: records.length, end: BigInt(topics.state.length) };
    },
  } as unknown as TopicReader;
}

export interface Sent {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

export function messagesOf(sent: readonly Sent[], timestamp: number): KafkaMessage[] {
  return sent.map(
    ({ key, value }, offset) =>
      ({
        key,
        value,
        offset: String(offset),
        timestamp: String(timestamp),
        headers: {},
        attributes: 0,
      }) as KafkaMessage,
  );
}

/** Payments as they come from Kafka, in one partition, for as long as they are asked for. */
export async function* payments(
  count: number,
  seed: number,
): AsyncGenerator<{ sent: Sent[]; newest: number }> {
  const encode = singleObjectEncoder<Payment>(readSchema(join(root, 'schemas/payment.avsc')));
  const source = take(transactionsSource({ seed, customers: 1_000, terminals: 2_000 }), count);
  for await (const batch of source.batches()) {
    for (let from = 0; from < batch.events.length; from += 500) {
      const sent = batch.events.slice(from, from + 500).map((event, index) => ({
        key: Buffer.from(batch.keys[from + index]!),
        value: encode(event as Payment),
      }));
      yield { sent, newest: Math.max(...batch.times.slice(from, from + 500)) };
    }
  }
}
