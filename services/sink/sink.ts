import type { EachBatchPayload, Kafka, Producer } from 'kafkajs';
import { ownCodec } from '../../lib/avro.js';
import type { ClickHouseClient } from '../../lib/clickhouse.js';
import type { DeadLetter } from '../../lib/dead-letter.js';
import { paceFetches } from '../../lib/fetch-pace.js';
import { type RunningConsumer, runConsumer, sendBatches } from '../../lib/kafka.js';
import type { Logger } from '../../lib/log.js';
import type { SinkMetrics } from '../../lib/metrics.js';
import { reasonOf, retry } from '../../lib/retry.js';
import { topicNames } from '../../lib/topics.js';
import type { Batch, Origin } from './batch.js';
import { letterOf } from './dead-letters.js';
import { Lane } from './lane.js';
import { createReader } from './reader.js';
import { TABLES, type Table } from './tables.js';
import { createWriter, type Refused } from './writer.js';

export interface SinkOptions {
  prefix: string;
  group: string;
  /** a replica that is silent for so long loses its partitions to the others */
  sessionTimeoutMs?: number;
  /** a batch is inserted when it has so many rows … */
  batchRows: number;
  /** … or bytes; how long its first row may wait is each table's maxAgeMs */
  batchBytes: number;
  /** a table's topic is read no further while so many bytes wait or are being inserted */
  bufferBytes: number;
  /** how long `stop` may spend on putting in what waits, in ms. Default 4 s */
  settleTimeoutMs?: number;
}

export interface SinkDeps {
  kafka: Kafka;
  producer: Producer;
  clickhouse: ClickHouseClient;
  metrics: SinkMetrics;
  log: Logger;
}

export interface Sink {
  /** a sentence for each thing that keeps rows from getting in; empty when all is well */
  faults(): string[];
  /** rejects when the sink can't go on; never resolves */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

interface Route {
  topic: string;
  table: Table;
  lane: Lane;
  /** what to call when the lane has room again */
  paused: (() => void)[];
}

/** How long a commit is tried: longer than a coordinator takes to move. */
const COMMIT_TIMEOUT_MS = 15_000;

/** Kafka topics into ClickHouse tables: read → decode → rows → batch → insert → dead letters → commit. */
export async function startSink(options: SinkOptions, deps: SinkDeps): Promise<Sink> {
  const { kafka, producer, clickhouse, metrics, log } = deps;
  const names = topicNames(options.prefix);
  const letters = ownCodec<DeadLetter>('dead-letter');
  const givingUp = new AbortController();
  const writer = createWriter({ clickhouse, metrics, log, signal: givingUp.signal });
  const readers = new Map(TABLES.map((table) => [table, createReader(table)]));
  const routes = new Map<string, Route>();
  /** what this member owns, and how often that has changed */
  let assigned: Readonly<Record<string, number[]>> | undefined;
  let generation = 0;
  let stopping = false;
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined); // whoever holds the sink looks at it; it must not end the process by itself

  const read = async ({ batch, resolveOffset, heartbeat, pause, isRunning, isStale }: EachBatchPayload) => {
    const { topic, partition } = batch;
    const { table, lane, paused } = routeOf(topic);
    let next = BigInt(batch.firstOffset() ?? 0);
    for (const message of batch.messages) {
      if (!isRunning() || isStale()) break;
      if (stopping || lane.isFull) {
        // What isn't resolved is fetched again after the resume, so a full lane holds no more than its bound.
        paused.push(pause());
        break;
      }
      const origin: Origin = { topic, partition, message };
      const outcome = readers.get(table)?.read(origin);
      if (outcome?.kind === 'rows') lane.add(generation, origin, outcome.rows);
      else if (outcome?.kind === 'unread') lane.addUnread(generation, origin, outcome.error);
      else lane.skip(generation, origin);
      resolveOffset(message.offset);
      next = BigInt(message.offset) + 1n;
    }
    metrics.lag.set({ topic, partition }, Number(BigInt(batch.highWatermark) - next));
    await heartbeat();
  };

  /**
   * The order that loses nothing: rows inserted → dead letters acked → offsets committed. After a crash before the
   * commit the records are read and inserted again, and the tables' keys make the same rows of them.
   */
  const settle = async (route: Route, batch: Batch) => {
    const refused = await writer.write(route.table, batch.rows);
    await sendLetters(route, batch, refused);
    await commit(route.topic, batch);
  };

  const sendLetters = async ({ topic, table }: Route, batch: Batch, refused: readonly Refused[]) => {
    const faults = [...batch.unread, ...refused.map(({ row, error }) => ({ origin: row.origin, error }))];
    const outgoing = faults.flatMap(({ origin, error }) => {
      const letter = letterOf(origin, error, readers.get(table)?.decode(origin), names.deadLetters);
      const place = { topic, partition: origin.partition, offset: origin.message.offset };
      log.error(
        { ...place, reason: reasonOf(error), kept: letter !== undefined },
        'a record can not become a row',
      );
      return letter ? [{ key: letter.id, value: letters.encode(letter) }] : [];
    });
    await sendBatches(producer, names.deadLetters, outgoing);
  };

  const commit = async (topic: string, batch: Batch) => {
    // After a rebalance kafkajs reads from the committed offsets again, whatever it had read before. A commit of what
    // was read before would at best say nothing new, and could set the partition's new owner back.
    const offsets = () =>
      batch.generation !== generation
        ? []
        : [...batch.next]
            .filter(([partition]) => assigned?.[topic]?.includes(partition) ?? true)
            .map(([partition, next]) => ({ topic, partition, next }));
    try {
      await retry(
        async () => {
          if (offsets().length > 0) await (await consumer).commit(offsets());
        },
        { timeoutMs: COMMIT_TIMEOUT_MS, signal: givingUp.signal },
      );
    } catch (error) {
      // The rows are in; an offset that isn't committed costs reading them once more.
      log.warn(
        { topic, reason: reasonOf(error) },
        'offsets not committed; the next batch commits them with its own',
      );
    }
  };

  for (const table of TABLES) {
    const topic = table.topic(names);
    const lane: Lane = new Lane({
      ...options,
      maxAgeMs: table.maxAgeMs,
      settle: (batch) => settle(routeOf(topic), batch),
      onRoom: () => {
        for (const resume of routeOf(topic).paused.splice(0)) resume();
      },
    });
    lane.done.catch((error: unknown) => fail(error));
    routes.set(topic, { topic, table, lane, paused: [] });
  }

  // Rows wait for their insert anyway.
  paceFetches([...routes.keys()], { leastApart: 25, longestPause: 25, backlogBytes: 1 << 18 });
  const consumer: Promise<RunningConsumer> = runConsumer(kafka, {
    groupId: `${options.group}-sink`,
    topics: [...routes.keys()],
    sessionTimeoutMs: options.sessionTimeoutMs,
    eachBatch: read,
    onAssigned: (assignment) => {
      assigned = assignment;
      generation += 1;
      metrics.lag.reset();
    },
    onEnd: (error) => fail(error),
    maxBytesPerPartition: 1 << 20,
    maxBytes: 8 << 20,
  });

  function routeOf(topic: string): Route {
    const route = routes.get(topic);
    if (!route) throw new Error(`read ${topic}, which is not among the topics asked for`);
    return route;
  }

  const stop = async () => {
    stopping = true;
    const lanes = [...routes.values()].map(({ lane }) => lane);
    for (const lane of lanes) lane.close();
    const timer = setTimeout(
      () => givingUp.abort(new Error('stopping; what is not in yet is read again')),
      options.settleTimeoutMs ?? 4_000,
    );
    await Promise.allSettled(lanes.map(({ done }) => done));
    clearTimeout(timer);
    await (await consumer).stop();
  };

  try {
    await consumer;
  } catch (error) {
    for (const { lane } of routes.values()) lane.close();
    throw error;
  }
  return { faults: writer.faults, failed, stop };
}
