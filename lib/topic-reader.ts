import type { Kafka, KafkaMessage } from 'kafkajs';
import kafkajs from 'kafkajs';
import { type Fetched, PartitionFetcher, retryFetch } from './partition-fetch.js';

export interface ReadOptions {
  /** called for each record, in order; must not be async */
  onRecord?: (record: KafkaMessage) => void;
  /** called with the records of each fetch and awaited; one fetch more is under way meanwhile, so memory is bounded */
  onRecords?: (records: readonly KafkaMessage[]) => Promise<void>;
  /** offset to start at. Default: the first that is there */
  from?: 'beginning' | bigint;
  /** offset to end before. Default: the end that the partition has when the call begins */
  to?: bigint;
  /** offsets passed and offsets to pass, after each fetch */
  onProgress?: (done: number, total: number) => void;
  /** how long it may go without getting any further. Default 30 s */
  timeoutMs?: number;
  /** what one fetch asks for. Default 8 MiB */
  maxBytes?: number;
  signal?: AbortSignal;
}

export interface ReadResult {
  records: number;
  /** one past the last offset that was there when the call began, `to` at most */
  end: bigint;
}

/** What a compacted log's fetch is retried with when batches larger than asked for may hide behind empty ones. */
const LARGE_FETCH = 64 << 20;

/** Reads whole partitions, without a consumer group. Keep one open for many reads, and close it. */
export class TopicReader {
  private constructor(readonly fetcher: PartitionFetcher) {}

  static async open(kafka: Kafka): Promise<TopicReader> {
    return new TopicReader(await PartitionFetcher.open(kafka));
  }

  close(): Promise<void> {
    return this.fetcher.close();
  }

  /**
   * Reads a partition from its beginning to the end that it has when the call begins. Compaction and transactions leave
   * holes, at the end too; they are passed over. An empty partition returns at once.
   */
  async readPartition(topic: string, partition: number, options: ReadOptions): Promise<ReadResult> {
    const { onRecord, onRecords, onProgress, timeoutMs = 30_000, maxBytes = 8 << 20, signal } = options;
    const start = await this.startOf(topic, partition, options);
    const fetch = (offset: bigint, bytes = maxBytes) =>
      this.fetchOne(topic, partition, offset, { bytes, timeoutMs, signal });

    let fetched = await fetch(start);
    const end = options.to === undefined ? fetched.end : minimum(options.to, fetched.end);
    let records = 0;
    for (;;) {
      const { next } = fetched;
      const more = next < end && !fetched.hole;
      // The next fetch is under way while these records are handled; its failure is met at the await below.
      const upcoming = more ? fetch(next) : undefined;
      upcoming?.catch(() => undefined);
      const within = fetched.records.filter((record) => BigInt(record.offset) < end);
      if (onRecord) for (const record of within) onRecord(record);
      records += within.length;
      await onRecords?.(within);
      onProgress?.(Number(minimum(next, end) - start), Number(end - start));
      if (upcoming) {
        fetched = await upcoming;
        continue;
      }
      if (next >= end) break;
      // Nothing but holes, or a batch larger than was asked for behind an empty one.
      fetched = await fetch(next, LARGE_FETCH);
      if (fetched.hole) break;
    }
    onProgress?.(Number(end - start), Number(end - start));
    return { records, end };
  }

  private async startOf(
    topic: string,
    partition: number,
    { from = 'beginning', timeoutMs = 30_000, signal }: ReadOptions,
  ): Promise<bigint> {
    if (typeof from === 'bigint') return from;
    const beginnings = await retryFetch(
      this.fetcher,
      () => this.fetcher.beginnings(topic, [partition]),
      timeoutMs,
      signal,
    );
    return beginnings.get(partition) ?? 0n;
  }

  private fetchOne(
    topic: string,
    partition: number,
    offset: bigint,
    { bytes, timeoutMs, signal }: { bytes: number; timeoutMs: number; signal?: AbortSignal },
  ): Promise<Fetched> {
    let from = offset;
    const attempt = async () => {
      try {
        const [fetched] = await this.fetcher.fetch(topic, new Map([[partition, from]]), {
          maxBytes: bytes,
          maxWaitMs: 100,
        });
        // A broker that holds a client back for its quota answers without the partition.
        if (!fetched) throw new Error(`the broker held back ${topic}/${partition}`);
        return fetched;
      } catch (error) {
        if (error instanceof kafkajs.KafkaJSOffsetOutOfRange)
          from = await this.startOf(topic, partition, { timeoutMs, signal });
        throw error;
      }
    };
    return retryFetch(this.fetcher, attempt, timeoutMs, signal);
  }
}

/** Opens a reader for one read. */
export async function readPartition(
  kafka: Kafka,
  topic: string,
  partition: number,
  options: ReadOptions,
): Promise<ReadResult> {
  const reader = await TopicReader.open(kafka);
  try {
    return await reader.readPartition(topic, partition, options);
  } finally {
    await reader.close();
  }
}

function minimum(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
