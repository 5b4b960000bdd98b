import kafkajs, {
  type Admin,
  type Consumer,
  type EachBatchPayload,
  type IHeaders,
  type Kafka,
  type Message,
  type PartitionAssigner,
  type Producer,
  type RetryOptions,
  type SASLOptions,
} from 'kafkajs';
import { startConnectionsAnew } from './fresh-connections.js';
import { registerCodecs } from './kafka-codecs.js';
import { acceptLargeBatches } from './large-batches.js';
import type { Logger } from './log.js';
import { keyedPartitioner } from './partitioner.js';
import { reasonOf, retry, within } from './retry.js';

const { logLevel } = kafkajs;

export interface KafkaOptions {
  brokers: string[];
  clientId: string;
  log: Logger;
  ssl?: boolean;
  sasl?: SASLOptions;
}

/** Broker deaths and leader changes last seconds: with these waits about half a minute is ridden out before a call fails. */
const RETRY = { initialRetryTime: 50, maxRetryTime: 1_000, factor: 0.2, multiplier: 2, retries: 30 };

/** The client that everything here shares: all codecs, bounded waits, its own chatter kept low in the log. */
export function createKafka(options: KafkaOptions): Kafka {
  registerCodecs();
  acceptLargeBatches();
  startConnectionsAnew();
  return new KafkaClient(options, RETRY);
}

/** Remembers its options, so that a client that doesn't retry can be made like it. */
class KafkaClient extends kafkajs.Kafka {
  constructor(
    readonly options: KafkaOptions,
    retry: RetryOptions,
  ) {
    const { brokers, clientId, ssl, sasl, log } = options;
    const timeouts = { connectionTimeout: 3_000, requestTimeout: 30_000 };
    super({
      brokers,
      clientId,
      ssl,
      sasl,
      retry,
      ...timeouts,
      logLevel: logLevel.INFO,
      logCreator: () => bridge(log),
    });
  }
}

/**
 * kafkajs logs as errors what it then retries, and in its Connection what its callers get as an exception anyway. What
 * really ends something comes as an exception or a crash event, so its lines rank one lower here.
 */
function bridge(log: Logger) {
  return (entry: {
    namespace: string;
    level: number;
    log: { message: string; [field: string]: unknown };
  }) => {
    const { message, timestamp: _timestamp, logger: _logger, ...fields } = entry.log;
    const line = `kafka ${entry.namespace}: ${message}`;
    if (entry.namespace === 'Connection' || entry.level >= logLevel.INFO) log.debug(fields, line);
    else if (entry.level === logLevel.WARN) log.info(fields, line);
    else log.warn(fields, line);
  };
}

export interface WaitOptions {
  timeoutMs: number;
  /** for the message */
  brokers?: readonly string[];
  /** called once per failed attempt, with why */
  onWait?: (reason: string, attempt: number) => void;
  signal?: AbortSignal;
}

/** Waits until a broker answers. Fails, when the time is over, with one sentence that says what was tried and what to do. */
export async function waitForKafka(kafka: Kafka, options: WaitOptions): Promise<void> {
  const { timeoutMs, onWait, signal } = options;
  const ours = kafka instanceof KafkaClient ? kafka.options : undefined;
  const brokers = options.brokers ?? ours?.brokers;
  const asking = ours ? new KafkaClient(ours, { retries: 0 }) : kafka;
  try {
    await retry(
      () => withAdmin(asking, async (admin) => void (await admin.describeCluster()), { retries: 0 }),
      {
        timeoutMs,
        initialDelayMs: 200,
        signal,
        onRetry: (error, attempt) => onWait?.(reasonOf(error), attempt),
      },
    );
  } catch (error) {
    if (signal?.aborted) throw error;
    const cause = error instanceof Error && error.cause ? error.cause : error;
    const where = brokers ? ` at ${brokers.join(', ')}` : '';
    throw new Error(
      `no Kafka broker answered${where} within ${timeoutMs} ms (${reasonOf(cause)}): start one, or set RISKWIRE_BROKERS to where it is`,
      { cause },
    );
  }
}

/** Opens an admin client for one piece of work and closes it. */
export async function withAdmin<T>(
  kafka: Kafka,
  work: (admin: Admin) => Promise<T>,
  { retries = RETRY.retries } = {},
): Promise<T> {
  const admin = kafka.admin({ retry: { ...RETRY, retries } });
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

export interface ProducerOptions {
  /** the broker drops repeats of a retried request. Costs throughput: one request at a time */
  idempotent?: boolean;
}

/** A connected producer. Records with a key go to `partitionOf(key)`. */
export async function createProducer(
  kafka: Kafka,
  { idempotent = false }: ProducerOptions = {},
): Promise<Producer> {
  const producer = kafka.producer({
    createPartitioner: keyedPartitioner,
    idempotent,
    maxInFlightRequests: idempotent ? 1 : undefined,
    retry: idempotent ? { ...RETRY, retries: 100 } : RETRY,
  });
  await producer.connect();
  return producer;
}

export interface OutgoingRecord {
  key?: string | Buffer | null;
  /** null deletes the key from a compacted topic */
  value: Buffer | null;
  partition?: number;
  headers?: IHeaders;
  /** epoch ms; default: now */
  timestamp?: number;
}

export interface SendOptions {
  /** what one request may hold, under the brokers' usual limit of 1 MiB a batch */
  maxRequestBytes?: number;
  compression?: 'none' | 'gzip' | 'snappy';
}

/** kafkajs copies a partition's list for every record it adds, so very long lists cost more than one more request. */
const MAX_REQUEST_RECORDS = 2_000;

/**
 * Sends records in their order with few requests, each acked by all in-sync replicas before the next goes out. When it
 * returns, all are kept; when it throws, some may be: send all of them again.
 */
export async function sendBatches(
  producer: Producer,
  topic: string,
  records: Iterable<OutgoingRecord>,
  options: SendOptions = {},
): Promise<void> {
  const { maxRequestBytes = 900_000, compression = 'none' } = options;
  const codec = { none: 0, gzip: 1, snappy: 2 }[compression];
  let messages: Message[] = [];
  let bytes = 0;
  const send = async () => {
    if (messages.length === 0) return;
    await producer.send({ topic, acks: -1, compression: codec, messages });
    messages = [];
    bytes = 0;
  };
  for (const record of records) {
    const size = sizeOf(record);
    if (messages.length >= MAX_REQUEST_RECORDS || (messages.length > 0 && bytes + size > maxRequestBytes))
      await send();
    messages.push({
      key: record.key ?? null,
      value: record.value,
      partition: record.partition,
      headers: record.headers,
      timestamp: record.timestamp === undefined ? undefined : String(record.timestamp),
    });
    bytes += size;
  }
  await send();
}

function sizeOf({ key, value, headers }: OutgoingRecord): number {
  let size = 24 + (value?.length ?? 0) + (key ? Buffer.byteLength(key) : 0);
  for (const [name, header] of Object.entries(headers ?? {})) {
    for (const one of Array.isArray(header) ? header : [header])
      size += name.length + 8 + (one === undefined ? 0 : Buffer.byteLength(one));
  }
  return size;
}

/**
 * Calls `onEnd` when the consumer has stopped for good. kafkajs restarts a consumer after what it takes for passing
 * faults; after others it stays silent for ever, which must end the service instead.
 */
export function onConsumerEnd(consumer: Consumer, onEnd: (error: Error) => void): void {
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) onEnd(payload.error);
  });
}

export interface ConsumerRunOptions {
  groupId: string;
  topics: string[];
  /** where a group without offsets starts. Default: at the beginning */
  fromBeginning?: boolean;
  /** offsets are committed by the handler alone: see `commit` of the result */
  eachBatch: (payload: EachBatchPayload) => Promise<void>;
  /** after each (re)join: topic → partitions that this member has now */
  onAssigned?: (
    assignment: Readonly<Record<string, number[]>>,
    generation: { memberId: string; isLeader: boolean },
  ) => void;
  /** the consumer has ended for good */
  onEnd: (error: Error) => void;
  sessionTimeoutMs?: number;
  rebalanceTimeoutMs?: number;
  maxBytesPerPartition?: number;
  maxBytes?: number;
  maxWaitMs?: number;
  partitionsConsumedConcurrently?: number;
  /** who gets which partition. Default: kafkajs' round robin, a topic after the other */
  assigner?: PartitionAssigner;
}

export interface RunningConsumer {
  readonly consumer: Consumer;
  /** commits the next offset to read of each partition */
  commit(offsets: readonly { topic: string; partition: number; next: string }[]): Promise<void>;
  /** leaves the group after the batch in work; bounded */
  stop(timeoutMs?: number): Promise<void>;
}

/** A group consumer that commits only what its handler commits, and that never stops silently. */
export async function runConsumer(kafka: Kafka, options: ConsumerRunOptions): Promise<RunningConsumer> {
  const sessionTimeout = options.sessionTimeoutMs ?? 45_000;
  const consumer = kafka.consumer({
    groupId: options.groupId,
    sessionTimeout,
    rebalanceTimeout: options.rebalanceTimeoutMs ?? 60_000,
    heartbeatInterval: Math.min(3_000, sessionTimeout / 3),
    maxBytesPerPartition: options.maxBytesPerPartition ?? 4 << 20,
    maxBytes: options.maxBytes ?? 32 << 20,
    maxWaitTimeInMs: options.maxWaitMs ?? 500,
    ...(options.assigner ? { partitionAssigners: [options.assigner] } : {}),
    retry: RETRY,
  });
  onConsumerEnd(consumer, options.onEnd);
  const { onAssigned } = options;
  if (onAssigned) {
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      onAssigned(payload.memberAssignment, { memberId: payload.memberId, isLeader: payload.isLeader });
    });
  }
  await consumer.connect();
  await consumer.subscribe({ topics: options.topics, fromBeginning: options.fromBeginning ?? true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: options.partitionsConsumedConcurrently ?? 1,
    eachBatch: options.eachBatch,
  });
  return {
    consumer,
    commit: (offsets) =>
      consumer.commitOffsets(
        offsets.map(({ topic, partition, next }) => ({ topic, partition, offset: next })),
      ),
    stop: (timeoutMs = 8_000) =>
      within(
        consumer.disconnect(),
        timeoutMs,
        () => new Error(`the consumer of group ${options.groupId} did not stop within ${timeoutMs} ms`),
      ),
  };
}
