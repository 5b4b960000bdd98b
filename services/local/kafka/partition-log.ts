import { type Batch, headerOf, keysOf, placed, splitBatches } from './batch.js';
import { KafkaRefusal } from './errors.js';

export interface LogLimits {
  /** the oldest batches go when a log is larger */
  retentionBytes: number;
  /** the largest batch that is taken */
  maxBatchBytes: number;
  /** keep the newest record of each key, however old, instead of what is newest */
  compact: boolean;
}

interface ProducerState {
  epoch: number;
  /** its newest batches, oldest first, to know repeats by */
  recent: { first: number; last: number; offset: number }[];
}

/** As many requests as an idempotent producer may have under way. */
const REMEMBERED_BATCHES = 5;

/** One partition: its batches in order, in memory. */
export class PartitionLog {
  private batches: Batch[] = [];
  private bytes = 0;
  private next = 0;
  private first = 0;
  private readonly producers = new Map<bigint, ProducerState>();
  private readonly watchers = new Set<() => void>();
  /** in a compacted log: which batch has the newest record of a key, and how many keys a batch is newest for */
  private readonly newest = new Map<string, Batch>();
  private readonly live = new Map<Batch, number>();
  /** batches that are newest for no key, oldest first: kept for readers on their way until there is no more room */
  private readonly superseded: Batch[] = [];

  constructor(private readonly limits: LogLimits) {}

  get startOffset(): number {
    return this.first;
  }

  get endOffset(): number {
    return this.next;
  }

  get sizeBytes(): number {
    return this.bytes;
  }

  /** Appends what a producer sent; all of it or, with a KafkaRefusal, nothing. Returns the first record's offset. */
  append(records: Buffer): number {
    const batches = splitBatches(records);
    for (const batch of batches) {
      if (batch.length > this.limits.maxBatchBytes)
        throw new KafkaRefusal(
          'MESSAGE_TOO_LARGE',
          `a batch has ${batch.length} bytes and ${this.limits.maxBatchBytes} are allowed`,
        );
    }
    const keys = this.limits.compact ? batches.map(keysOf) : [];
    const repeated = this.repeatOf(batches[0]!);
    if (repeated !== undefined) return repeated;
    const baseOffset = this.next;
    for (const [place, bytes] of batches.entries()) {
      const batch = placed(bytes, this.next);
      this.remember(batch);
      this.batches.push(batch);
      this.bytes += batch.bytes.length;
      this.next = batch.lastOffset + 1;
      if (this.limits.compact) this.compact(batch, keys[place]);
    }
    if (this.limits.compact) this.clean();
    else this.expire();
    for (const watcher of [...this.watchers]) watcher();
    return baseOffset;
  }

  /** Whole batches from the one that holds `offset`, at least one and then as many as fit. */
  read(offset: number, maxBytes: number): Buffer[] {
    if (offset < this.first || offset > this.next)
      throw new KafkaRefusal(
        'OFFSET_OUT_OF_RANGE',
        `offset ${offset} is outside of ${this.first}…${this.next}`,
      );
    const found: Buffer[] = [];
    let size = 0;
    for (let at = this.placeOf(offset); at < this.batches.length; at += 1) {
      const { bytes } = this.batches[at]!;
      if (found.length > 0 && size + bytes.length > maxBytes) break;
      found.push(bytes);
      size += bytes.length;
    }
    return found;
  }

  /** The first batch with a record of this time or later: its first offset. undefined when there is none. */
  offsetAt(timestamp: number): { offset: number; timestamp: number } | undefined {
    const batch = this.batches.find(({ maxTimestamp }) => maxTimestamp >= timestamp);
    return batch && { offset: batch.firstOffset, timestamp: batch.maxTimestamp };
  }

  /** Drops the batches that end before `offset`. Returns where the log starts then. */
  deleteBefore(offset: number): number {
    const before = offset === -1 ? this.next : offset;
    if (before > this.next || before < 0) throw new KafkaRefusal('OFFSET_OUT_OF_RANGE');
    while (this.batches.length > 0 && this.batches[0]!.lastOffset < before) this.drop(0);
    this.first = Math.max(this.first, before);
    return this.first;
  }

  /** Calls `watcher` after each append, until the function returned is called. */
  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** The place of the first batch that ends at or after the offset. */
  private placeOf(offset: number): number {
    let low = 0;
    let high = this.batches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.batches[middle]!.lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private expire(): void {
    while (this.bytes > this.limits.retentionBytes && this.batches.length > 1) {
      this.drop(0);
      this.first = this.batches[0]!.firstOffset;
    }
  }

  /** As a broker's cleaner does it, late: who follows a table sees its changes, not only where they led. */
  private clean(): void {
    while (this.bytes > this.limits.retentionBytes && this.superseded.length > 0)
      this.drop(this.placeOf(this.superseded.shift()!.firstOffset));
  }

  /** A batch may go when all its keys have newer records. Where keys can't be read, the batch stays. */
  private compact(batch: Batch, keys: Set<string> | undefined): void {
    this.live.set(batch, keys?.size ?? Number.POSITIVE_INFINITY);
    for (const key of keys ?? []) {
      const before = this.newest.get(key);
      this.newest.set(key, batch);
      if (before === undefined || before === batch) continue;
      const left = this.live.get(before)! - 1;
      this.live.set(before, left);
      if (left === 0) this.superseded.push(before);
    }
  }

  private drop(place: number): void {
    const [batch] = this.batches.splice(place, 1);
    this.bytes -= batch!.bytes.length;
    this.live.delete(batch!);
  }

  /** An idempotent producer's repeat gets the offset that it got the first time. */
  private repeatOf(bytes: Buffer): number | undefined {
    const { producerId, producerEpoch, baseSequence, lastOffsetDelta } = headerOf(bytes);
    if (producerId < 0n) return undefined;
    const known = this.producers.get(producerId);
    if (known?.epoch !== producerEpoch) return undefined;
    const repeat = known.recent.find(
      ({ first, last }) => first === baseSequence && last === sequence(baseSequence + lastOffsetDelta),
    );
    if (repeat) return repeat.offset;
    const expected = sequence(known.recent.at(-1)!.last + 1);
    if (baseSequence !== expected)
      throw new KafkaRefusal(
        'OUT_OF_ORDER_SEQUENCE_NUMBER',
        `sequence ${baseSequence} came where ${expected} was due`,
      );
    return undefined;
  }

  private remember({ bytes, firstOffset }: Batch): void {
    const { producerId, producerEpoch, baseSequence, lastOffsetDelta } = headerOf(bytes);
    if (producerId < 0n) return;
    const known = this.producers.get(producerId);
    const recent = known?.epoch === producerEpoch ? known.recent : [];
    recent.push({ first: baseSequence, last: sequence(baseSequence + lastOffsetDelta), offset: firstOffset });
    if (recent.length > REMEMBERED_BATCHES) recent.shift();
    this.producers.set(producerId, { epoch: producerEpoch, recent });
  }
}

/** Sequence numbers go round after 2^31 - 1. */
function sequence(number: number): number {
  return number % 2 ** 31;
}
