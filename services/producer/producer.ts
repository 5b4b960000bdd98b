import type { Kafka, Producer } from 'kafkajs';
import { createProducer } from '../../lib/kafka.js';
import type { Logger } from '../../lib/log.js';
import type { RegistryClient } from '../../lib/registry.js';
import { ensureTopics } from '../../lib/topics.js';
import type { EventSource } from '../../pipelines/source.js';
import { BAD_KINDS, type BadKind, badEventMaker } from './bad-events.js';
import { encodersFor, type FramingChoice } from './framing.js';
import { type LagBounds, LagGate } from './lag-gate.js';
import { Pace, type Rate } from './pace.js';
import { type PlannedBad, Stream, type StreamCounts } from './stream.js';
import { TruthFiles } from './truth-files.js';

export interface BadPlan {
  /** how many of each kind */
  each: number;
  /** the first is planted after so many events. Default 1,000 */
  from?: number;
  /** one after each so many events. Default 500 */
  every?: number;
  /** default: all */
  kinds?: readonly BadKind[];
  /** fields of the schema that are spoilt */
  fields: { time: string; number: string; text: string };
}

export interface StreamPlan {
  source: EventSource;
  topic: string;
  rate: Rate;
  framing?: FramingChoice;
  /** stop after so many events. Default: never, or when the source ends */
  limit?: number;
  /** take the source up at this event */
  position?: number;
  bad?: BadPlan;
}

export interface ProducerOptions {
  streams: readonly StreamPlan[];
  /** consumer group that must not fall behind; without one nothing holds the producer back */
  group?: string;
  lag?: LagBounds;
  /** folder for the ground truth and the list of planted bad events */
  truthDir?: string;
  /** of topics that aren't there yet. Default 4 */
  partitions?: number;
  replication?: number;
}

export interface ProducerDeps {
  kafka: Kafka;
  registry?: RegistryClient;
  schemasDir: string;
  log: Logger;
}

export interface ProducerResult {
  events: number;
  /** of the values, without keys and headers */
  bytes: number;
  seconds: number;
  eventsPerSecond: number;
  /** planted and kept by the broker: as many dead letters are to be expected */
  badEvents: number;
  /** planted and refused by the broker */
  refused: number;
  perPipeline: Record<string, StreamCounts>;
}

export interface RunningProducer {
  /** resolves when every stream has ended or stop was called; rejects when one of them failed */
  readonly done: Promise<ProducerResult>;
  /** so far */
  progress(): ProducerResult;
  /** of one pipeline, or of all */
  setRate(rate: Rate, pipeline?: string): void;
  stop(): Promise<ProducerResult>;
}

/**
 * Produces streams side by side. Each has a producer of its own that the broker knows by an id and a sequence, so a
 * repeated request adds nothing twice: an event is in the topic exactly once.
 */
export async function startProducer(options: ProducerOptions, deps: ProducerDeps): Promise<RunningProducer> {
  const { kafka, log } = deps;
  const closers: (() => Promise<void>)[] = [];
  const closeAll = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const plans = options.streams;
    const counts = await ensureTopics(
      kafka,
      // Larger than what the scorer takes: an event that is too large is to become a dead letter, not to be refused here.
      plans.map(({ topic }) => ({ name: topic, kind: 'log' as const, maxMessageBytes: 4 << 20 })),
      { partitions: options.partitions ?? 4, replication: options.replication ?? 1, log },
    );
    const gate =
      options.group === undefined ? undefined : await openGate(options.group, options, kafka, closers);
    for (const { topic } of plans) await gate?.watch(topic);
    const truth =
      options.truthDir === undefined
        ? undefined
        : await TruthFiles.create(
            options.truthDir,
            plans.map(({ source }) => source.pipeline),
          );
    if (truth) closers.push(() => truth.close());

    const connect = async (idempotent: boolean): Promise<Producer> => {
      const producer = await createProducer(kafka, { idempotent });
      closers.push(() => producer.disconnect());
      return producer;
    };
    const badProducer = await connect(false);
    const streams = new Map<string, { stream: Stream; pace: Pace }>();
    for (const plan of plans) {
      const { schema, encoders } = await encodersFor(plan.source.schemaName, plan.topic, {
        ...deps,
        framing: plan.framing,
      });
      const pace = new Pace(plan.rate);
      const stream = new Stream({
        source: plan.source,
        topic: plan.topic,
        partitions: counts.get(plan.topic)!,
        position: plan.position ?? 0,
        limit: plan.limit ?? Number.POSITIVE_INFINITY,
        encoders,
        producer: await connect(true),
        badProducer,
        pace,
        gate,
        truth,
        bad: plan.bad && (await plannedBad(plan.bad, schema, plan.topic, deps)),
      });
      streams.set(plan.source.pipeline, { stream, pace });
    }
    return run(streams, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function openGate(
  group: string,
  options: ProducerOptions,
  kafka: Kafka,
  closers: (() => Promise<void>)[],
): Promise<LagGate> {
  const admin = kafka.admin();
  await admin.connect();
  closers.push(() => admin.disconnect());
  return new LagGate(admin, group, options.lag);
}

async function plannedBad(
  plan: BadPlan,
  schema: Parameters<typeof badEventMaker>[0]['schema'],
  topic: string,
  deps: ProducerDeps,
): Promise<PlannedBad> {
  const kinds = plan.kinds ?? (Object.keys(BAD_KINDS) as BadKind[]);
  return {
    make: await badEventMaker({
      schemasDir: deps.schemasDir,
      registry: deps.registry,
      topic,
      schema,
      fields: plan.fields,
    }),
    kinds: Array.from({ length: plan.each }, () => kinds).flat(),
    from: plan.from ?? 1_000,
    every: plan.every ?? 500,
  };
}

function run(
  streams: ReadonlyMap<string, { stream: Stream; pace: Pace }>,
  close: () => Promise<void>,
): RunningProducer {
  const stopping = new AbortController();
  const started = performance.now();
  let ended: number | undefined;
  const progress = () => resultOf(streams, ((ended ?? performance.now()) - started) / 1000);

  const finish = async (): Promise<ProducerResult> => {
    const failures: unknown[] = [];
    await Promise.all(
      [...streams.values()].map(({ stream }) =>
        stream.run(stopping.signal).catch((error: unknown) => {
          if (stopping.signal.aborted && isAbort(error)) return;
          failures.push(error);
          // The others would go on alone, and the result would be taken for whole.
          stopping.abort();
        }),
      ),
    );
    ended = performance.now();
    await close();
    if (failures.length > 0) throw failures[0];
    return progress();
  };
  const done = finish();
  // Whoever started it awaits `done` when it suits them; until then a failure must not end the process.
  done.catch(() => undefined);

  return {
    done,
    progress,
    setRate(rate, pipeline) {
      if (pipeline !== undefined && !streams.has(pipeline)) {
        throw new RangeError(
          `no stream of '${pipeline}' is produced; there are ${[...streams.keys()].join(', ')}`,
        );
      }
      for (const [name, { pace }] of streams) if (pipeline === undefined || name === pipeline) pace.set(rate);
    },
    stop() {
      stopping.abort();
      return done;
    },
  };
}

/** What waiting on an aborted signal throws: the signal's reason (a DOMException), or an error of Node's own. */
function isAbort(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError';
}

function resultOf(streams: ReadonlyMap<string, { stream: Stream }>, seconds: number): ProducerResult {
  const perPipeline: Record<string, StreamCounts> = {};
  for (const [name, { stream }] of streams) perPipeline[name] = structuredClone(stream.counts);
  const sum = (of: (counts: StreamCounts) => number) =>
    Object.values(perPipeline).reduce((total, one) => total + of(one), 0);
  const events = sum((one) => one.events);
  return {
    events,
    bytes: sum((one) => one.bytes),
    seconds,
    eventsPerSecond: seconds > 0 ? events / seconds : 0,
    badEvents: sum((one) => one.badEvents),
    refused: sum((one) => one.refused),
    perPipeline,
  };
}
