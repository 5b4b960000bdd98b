import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka, KafkaMessage } from 'kafkajs';
import { PartitionFetcher } from './partition-fetch.js';
import { reasonOf, within } from './retry.js';

export interface FollowOptions {
  /** called for each record of every partition, in a partition's order; must not be async. What it throws ends the following */
  onRecord: (record: KafkaMessage, partition: number) => void;
  /** a request failed and is tried again: for the log and for readiness */
  onFault?: (error: unknown) => void;
  /** requests succeed again */
  onRecovered?: () => void;
  /** what is there at the start must be read within this time. Default 60 s */
  timeoutMs?: number;
}

export interface Following {
  /** the next offset to read of each partition */
  readonly positions: ReadonlyMap<number, bigint>;
  /** rejects when onRecord threw; never resolves */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

/** Reads a whole topic and goes on with what is added. Resolves when all that was there at the start has been read. */
export async function followTopic(kafka: Kafka, topic: string, options: FollowOptions): Promise<Following> {
  const { onRecord, onFault, onRecovered, timeoutMs = 60_000 } = options;
  const fetcher = await PartitionFetcher.open(kafka);
  const stopping = new AbortController();
  const positions = new Map<number, bigint>();
  const targets = new Map<number, bigint>();
  let faulty: unknown;
  let reachedEnd: () => void;
  const caughtUp = new Promise<void>((resolve) => {
    reachedEnd = resolve;
  });

  const round = async () => {
    if (faulty !== undefined) await fetcher.recover(faulty);
    if (positions.size === 0) {
      for (const [partition, offset] of await fetcher.beginnings(topic, await fetcher.partitions(topic)))
        positions.set(partition, offset);
    }
    const catching = targets.size < positions.size;
    return fetcher.fetch(topic, positions, { maxBytes: 1 << 20, maxWaitMs: catching ? 50 : 500 });
  };

  const loop = async () => {
    while (!stopping.signal.aborted) {
      let fetched: Awaited<ReturnType<typeof round>>;
      try {
        fetched = await round();
      } catch (error) {
        faulty = error;
        onFault?.(error);
        await sleep(500, undefined, { signal: stopping.signal }).catch(() => undefined);
        continue;
      }
      if (faulty !== undefined) onRecovered?.();
      faulty = undefined;
      for (const { partition, records, next, end, hole } of fetched) {
        for (const record of records) onRecord(record, partition);
        if (!targets.has(partition)) targets.set(partition, end);
        // Holes at the end have no record that would say where they stop.
        positions.set(partition, hole ? end : next);
      }
      if (
        targets.size === positions.size &&
        [...targets].every(([partition, end]) => (positions.get(partition) ?? 0n) >= end)
      )
        reachedEnd();
    }
  };

  const running = loop();
  const failed = new Promise<never>((_resolve, reject) => {
    running.catch(reject);
  });
  failed.catch(() => undefined);
  const stop = async () => {
    stopping.abort();
    await running.catch(() => undefined);
    await fetcher.close();
  };
  try {
    const late = () =>
      new Error(
        `${topic} was not read to its end within ${timeoutMs} ms${faulty === undefined ? '' : ` (${reasonOf(faulty)})`}`,
        { cause: faulty },
      );
    await within(Promise.race([caughtUp, failed]), timeoutMs, late);
  } catch (error) {
    await stop();
    throw error;
  }
  return { positions, failed, stop };
}
