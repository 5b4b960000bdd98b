import type { Kafka, KafkaMessage, Producer } from 'kafkajs';
import { partitionOf } from './partitioner.js';
import { type Following, followTopic } from './topic-follower.js';
import type { TopicReader } from './topic-reader.js';

/** How a table's values are kept; see ownCodec. */
export interface Codec<V> {
  encode(value: V): Buffer;
  decode(bytes: Buffer): V;
}

export interface TableOptions<V> {
  topic: string;
  /** the topic's partition count */
  partitions: number;
  producer: Producer;
  codec: Codec<V>;
  /** true when `found` must not replace `current`: a stale owner may have written after its successor did. Default: the later record counts */
  isOlder?: (found: V, current: V) => boolean;
}

/** A record of the table can't be read, or a write was asked for that this member may not do. */
export class TableError extends Error {
  override readonly name = 'TableError';
}

/** `value` is undefined when the key was deleted. */
export type TableListener<V> = (key: string, value: V | undefined, partition: number) => void;

interface Write<V> {
  key: string;
  value: V | undefined;
  bytes: Buffer | null;
  partition: number;
  done: () => void;
  failed: (error: unknown) => void;
}

const MAX_REQUEST_BYTES = 900_000;
const MAX_REQUEST_RECORDS = 2_000;

/**
 * A compacted topic as a map. Either its partitions are owned (restore on assignment, forget on revocation) and written
 * by their owner, or the whole topic is followed by every replica. A write counts once all in-sync replicas have it, and
 * is seen by `get` only then. Writes that come while a request is under way go together in the next one, in their order.
 */
export class Table<V> {
  private readonly held = new Map<number, Map<string, V>>();
  private readonly listeners = new Set<TableListener<V>>();
  private waiting: Write<V>[] = [];
  private sending: Promise<void> | undefined;
  private following: Following | undefined;
  private catchingUp = false;
  /** own writes that the following hasn't come to yet: older records of these keys are not applied */
  private readonly ahead = new Map<string, bigint>();

  constructor(private readonly options: TableOptions<V>) {}

  get topic(): string {
    return this.options.topic;
  }

  /** Reads the partitions to their present end. What was held of them is replaced. */
  async restore(
    reader: TopicReader,
    partitions: readonly number[],
    options: {
      onProgress?: (done: number, total: number) => void;
      timeoutMs?: number;
      signal?: AbortSignal;
    } = {},
  ): Promise<void> {
    for (const partition of partitions) {
      const entries = new Map<string, V>();
      await reader.readPartition(this.topic, partition, {
        ...options,
        onRecord: (record) => this.apply(entries, record, partition),
      });
      options.signal?.throwIfAborted(); // what was given up must not replace what was read since
      this.held.set(partition, entries);
    }
  }

  /** Drops a partition that is no longer owned. */
  forget(partition: number): void {
    this.held.delete(partition);
  }

  /** Reads the whole topic and stays with it; listeners hear of every change from then on. Returns once all that was there is held. */
  async follow(
    kafka: Kafka,
    options: { onFault?: (error: unknown) => void; onRecovered?: () => void; timeoutMs?: number } = {},
  ): Promise<Following> {
    if (this.following || this.catchingUp) throw new TableError(`${this.topic} is followed already`);
    for (let partition = 0; partition < this.options.partitions; partition += 1)
      this.held.set(partition, new Map());
    const onRecord = (record: KafkaMessage, partition: number) => this.takeIn(record, partition);
    this.catchingUp = true;
    this.following = await followTopic(kafka, this.topic, { ...options, onRecord });
    this.catchingUp = false;
    return this.following;
  }

  /** Called with every change of a followed table, and with every own write. Returns what ends it. */
  onChange(listener: TableListener<V>): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  owns(partition: number): boolean {
    return this.held.has(partition);
  }

  get partitions(): number[] {
    return [...this.held.keys()].sort((a, b) => a - b);
  }

  /** The value of a key, looked up in one partition or in all that are held. */
  get(key: string, partition?: number): V | undefined {
    if (partition !== undefined) return this.held.get(partition)?.get(key);
    for (const entries of this.held.values()) {
      const value = entries.get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** [key, value] of one partition, or of all that are held. */
  *entries(partition?: number): IterableIterator<[string, V]> {
    if (partition !== undefined) yield* this.held.get(partition) ?? [];
    else for (const entries of this.held.values()) yield* entries;
  }

  size(partition?: number): number {
    if (partition !== undefined) return this.held.get(partition)?.size ?? 0;
    let size = 0;
    for (const entries of this.held.values()) size += entries.size;
    return size;
  }

  /** The partition that a key has when none is given. */
  partitionFor(key: string): number {
    return partitionOf(key, this.options.partitions);
  }

  /** Resolves when all in-sync replicas have it. After a failure it may or may not be kept: write again, or read the partition anew. */
  put(key: string, value: V, partition = this.partitionFor(key)): Promise<void> {
    return this.write(key, value, this.options.codec.encode(value), partition);
  }

  /** As put, with a tombstone. */
  delete(key: string, partition = this.partitionFor(key)): Promise<void> {
    return this.write(key, undefined, null, partition);
  }

  /** Many writes of one partition, in order and in few requests. */
  async putAll(entries: Iterable<readonly [key: string, value: V]>, partition?: number): Promise<void> {
    await Promise.all([...entries].map(([key, value]) => this.put(key, value, partition)));
  }

  /** Resolves when no write is under way. */
  async settled(): Promise<void> {
    while (this.sending) await this.sending;
  }

  private write(key: string, value: V | undefined, bytes: Buffer | null, partition: number): Promise<void> {
    if (this.catchingUp)
      return Promise.reject(
        new TableError(`${this.topic} is not read to its end yet, so ${key} can't be written`),
      );
    if (!this.held.has(partition)) {
      return Promise.reject(
        new TableError(
          `${this.topic}/${partition} is not held here, so ${key} can't be written: restore the partition first`,
        ),
      );
    }
    return new Promise((done, failed) => {
      this.waiting.push({ key, value, bytes, partition, done, failed });
      this.sending ??= this.sendAll();
    });
  }

  private async sendAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const writes = this.nextRequest();
      try {
        const offsets = await this.send(writes);
        writes.forEach((write, i) => {
          this.makeVisible(write, offsets[i]);
          write.done();
        });
      } catch (error) {
        for (const write of writes) write.failed(error);
      }
    }
    // In the same turn as the check above: a write that comes a moment later starts anew.
    this.sending = undefined;
  }

  private nextRequest(): Write<V>[] {
    let bytes = 0;
    let count = 0;
    for (const write of this.waiting) {
      bytes += 32 + write.key.length + (write.bytes?.length ?? 0);
      if (count > 0 && (bytes > MAX_REQUEST_BYTES || count >= MAX_REQUEST_RECORDS)) break;
      count += 1;
    }
    return this.waiting.splice(0, count);
  }

  /** The offset of each write. */
  private async send(writes: readonly Write<V>[]): Promise<bigint[]> {
    const results = await this.options.producer.send({
      topic: this.topic,
      acks: -1,
      messages: writes.map(({ key, bytes, partition }) => ({ key, value: bytes, partition })),
    });
    const next = new Map(results.map(({ partition, baseOffset }) => [partition, BigInt(baseOffset ?? '0')]));
    return writes.map(({ partition }) => {
      const offset = next.get(partition) ?? 0n;
      next.set(partition, offset + 1n);
      return offset;
    });
  }

  private makeVisible(write: Write<V>, offset = 0n): void {
    const { key, value, partition } = write;
    if (this.following) {
      // Another replica may have written since. What the following has passed, it has applied, and maybe something newer.
      if ((this.following.positions.get(partition) ?? 0n) > offset) return;
      this.ahead.set(key, offset);
    }
    this.change(key, value, partition);
  }

  /** A followed record. */
  private takeIn(record: KafkaMessage, partition: number): void {
    const entries = this.held.get(partition);
    const key = record.key?.toString();
    if (!entries || key === undefined) return;
    const ahead = this.ahead.get(key);
    if (ahead !== undefined) {
      const offset = BigInt(record.offset);
      if (offset >= ahead) this.ahead.delete(key);
      if (offset <= ahead) return;
    }
    const before = entries.get(key);
    this.apply(entries, record, partition);
    const after = entries.get(key);
    if (before !== after) this.tell(key, after, partition);
  }

  private apply(entries: Map<string, V>, record: KafkaMessage, partition: number): void {
    const key = record.key?.toString();
    if (key === undefined) return;
    if (record.value === null) {
      entries.delete(key);
      return;
    }
    const found = this.read(record.value, key, record.offset, partition);
    const current = entries.get(key);
    if (current !== undefined && this.options.isOlder?.(found, current)) return;
    entries.set(key, found);
  }

  private read(bytes: Buffer, key: string, offset: string, partition: number): V {
    try {
      return this.options.codec.decode(bytes);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new TableError(
        `the record of ${key} at ${this.topic}/${partition} offset ${offset} can't be read: ${why}`,
        { cause: error },
      );
    }
  }

  private change(key: string, value: V | undefined, partition: number): void {
    const entries = this.held.get(partition);
    if (!entries) return;
    if (value === undefined) entries.delete(key);
    else entries.set(key, value);
    this.tell(key, value, partition);
  }

  private tell(key: string, value: V | undefined, partition: number): void {
    for (const listener of this.listeners) listener(key, value, partition);
  }
}
