import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';

export interface LagBounds {
  /** messages of a partition that the group may not have committed yet. Default 40,000 */
  messages?: number;
  /** their bytes. Default 4,000,000 */
  bytes?: number;
  /** how long the group may stand still before the producer gives up, ms. Default 120,000 */
  stallMs?: number;
}

/** What was appended to a partition up to (not including) an offset. */
interface Mark {
  next: number;
  bytes: number;
}

interface PartitionLag {
  committed: number;
  next: number;
  /** bytes appended here since the start, and up to `committed` */
  bytes: number;
  committedBytes: number;
  readonly marks: Mark[];
}

const POLL_MS = 50;

/**
 * Holds a producer back so that nothing is dropped unread: a broker in memory keeps some MB of a partition (the local
 * one 16), whoever has read them. What a consumer group hasn't committed stays under a bound in messages and in bytes,
 * for each partition. The group's offsets are read only while somebody waits.
 */
export class LagGate {
  private readonly topics = new Map<string, PartitionLag[]>();
  private readonly messages: number;
  private readonly bytes: number;
  private readonly stallMs: number;
  private reading: Promise<void> | undefined;
  private movedAt = 0;

  constructor(
    private readonly admin: Pick<Admin, 'fetchOffsets' | 'fetchTopicOffsets'>,
    readonly groupId: string,
    bounds: LagBounds = {},
  ) {
    this.messages = bounds.messages ?? 40_000;
    this.bytes = bounds.bytes ?? 4_000_000;
    this.stallMs = bounds.stallMs ?? 120_000;
  }

  /** Takes a topic under watch; what lies in it unread counts, by messages. */
  async watch(topic: string): Promise<void> {
    const offsets = await this.admin.fetchTopicOffsets(topic);
    const lags = offsets
      .sort((a, b) => a.partition - b.partition)
      .map(({ high, low }): PartitionLag => {
        return { committed: Number(low), next: Number(high), bytes: 0, committedBytes: 0, marks: [] };
      });
    this.topics.set(topic, lags);
    await this.read();
  }

  /** Notes an acknowledged append. */
  appended(topic: string, partition: number, baseOffset: number, count: number, bytes: number): void {
    const lag = this.lagOf(topic)[partition]!;
    lag.next = Math.max(lag.next, baseOffset + count);
    lag.bytes += bytes;
    lag.marks.push({ next: lag.next, bytes: lag.bytes });
  }

  /** Messages that the group hasn't committed, the partition with the most. */
  largest(topic: string): { messages: number; bytes: number } {
    const lags = this.lagOf(topic);
    return {
      messages: Math.max(...lags.map((lag) => lag.next - lag.committed)),
      bytes: Math.max(...lags.map((lag) => lag.bytes - lag.committedBytes)),
    };
  }

  /**
   * Waits until there is room for one more group of messages of at most these bytes a partition. A group larger than the
   * bound gets through alone.
   * @throws when the group stands still for longer than the bound
   */
  async room(topic: string, messages: number, bytes: number, signal: AbortSignal): Promise<void> {
    this.movedAt = Date.now();
    for (let first = true; !this.fits(topic, messages, bytes); first = false) {
      signal.throwIfAborted();
      if (!first) {
        if (Date.now() - this.movedAt > this.stallMs) this.stalled(topic);
        await sleep(POLL_MS, undefined, { signal });
      }
      // One reading serves all streams that wait.
      this.reading ??= this.read().finally(() => {
        this.reading = undefined;
      });
      await this.reading;
    }
  }

  private fits(topic: string, messages: number, bytes: number): boolean {
    return this.lagOf(topic).every((lag) => {
      const open = lag.next - lag.committed;
      const openBytes = lag.bytes - lag.committedBytes;
      return open === 0 || (open + messages <= this.messages && openBytes + bytes <= this.bytes);
    });
  }

  private async read(): Promise<void> {
    const groups = await this.admin.fetchOffsets({ groupId: this.groupId, topics: [...this.topics.keys()] });
    for (const { topic, partitions } of groups) {
      const lags = this.topics.get(topic);
      if (!lags) continue;
      for (const { partition, offset } of partitions) {
        const committed = Number(offset);
        const lag = lags[partition];
        // −1: the group has committed nothing yet.
        if (!lag || committed <= lag.committed) continue;
        lag.committed = committed;
        this.movedAt = Date.now();
        while (lag.marks[0] && lag.marks[0].next <= committed) lag.committedBytes = lag.marks.shift()!.bytes;
      }
    }
  }

  private lagOf(topic: string): PartitionLag[] {
    const lags = this.topics.get(topic);
    if (!lags) throw new Error(`the lag of ${topic} isn't watched: call watch first`);
    return lags;
  }

  private stalled(topic: string): never {
    const { messages } = this.largest(topic);
    throw new Error(
      `the consumer group ${this.groupId} has read nothing of ${topic} for ${this.stallMs / 1000} s, with ${messages} messages of a partition unread: start a scorer that runs this pipeline, or produce without waiting for a group`,
    );
  }
}
