import kafkajs, { type Message, type Producer } from 'kafkajs';
import { partitionOf } from '../../lib/partitioner.js';
import type { EventSource, SourceBatch } from '../../pipelines/source.js';
import type { BadKind, BadMaker } from './bad-events.js';
import type { Encoders } from './framing.js';
import type { LagGate } from './lag-gate.js';
import type { Pace } from './pace.js';
import type { TruthFiles } from './truth-files.js';

export interface PlannedBad {
  readonly make: BadMaker;
  /** planted in this order, one after each `every` events once `from` events were sent; what is left at the end */
  readonly kinds: BadKind[];
  readonly from: number;
  readonly every: number;
}

export interface StreamParts {
  readonly source: EventSource;
  readonly topic: string;
  readonly partitions: number;
  readonly position: number;
  readonly limit: number;
  readonly encoders: Encoders['encoders'];
  readonly producer: Producer;
  /** for bad events, each in a request of its own: the broker may refuse one */
  readonly badProducer: Producer;
  readonly pace: Pace;
  readonly gate?: LagGate;
  readonly truth?: TruthFiles;
  readonly bad?: PlannedBad;
}

export interface StreamCounts {
  readonly topic: string;
  events: number;
  bytes: number;
  /** events that the ground truth calls bad, or that lie in one of its episodes */
  truthEvents: number;
  /** other events, of a time that nobody reviewed: they can't be judged */
  unreviewedEvents: number;
  /** event times of the first and last event */
  from: number | null;
  until: number | null;
  /** position of the next event: where to take the stream up again */
  position: number;
  badEvents: number;
  refused: number;
  badByKind: Partial<Record<BadKind, number>>;
  refusedByKind: Partial<Record<BadKind, number>>;
}

/** What a record adds to its batch besides key and value. */
const RECORD_OVERHEAD = 12;
const KNOWN_KEYS = 200_000;
const { KafkaJSProtocolError } = kafkajs;
const REFUSALS = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD']);

interface Encoded {
  messages: Message[];
  bytes: number;
  countOf: number[];
  bytesOf: number[];
}

/** One pipeline's events on their way to its topic. */
export class Stream {
  readonly counts: StreamCounts;
  private readonly partitionOfKey = new Map<string, number>();
  /** entity → event time until which it is in an episode, or in a time that nobody reviewed */
  private readonly episodes = new Map<string, number>();
  private readonly unreviewed = new Map<string, number>();
  private groups = 0;
  private planted = 0;
  private turn = 0;

  constructor(private readonly parts: StreamParts) {
    this.counts = {
      topic: parts.topic,
      events: 0,
      bytes: 0,
      truthEvents: 0,
      unreviewedEvents: 0,
      from: null,
      until: null,
      position: parts.position,
      badEvents: 0,
      refused: 0,
      badByKind: {},
      refusedByKind: {},
    };
  }

  /** Reads the source, and for each group of events: waits until it is due and there is room, sends it, writes its truth. */
  async run(signal: AbortSignal): Promise<void> {
    const { source, pace, position, limit } = this.parts;
    let last: { key: string; event: object } | undefined;
    for await (const batch of source.batches(position)) {
      for (let from = 0; from < batch.events.length && this.counts.events < limit; ) {
        const most = Math.min(batch.events.length - from, limit - this.counts.events);
        const to = from + Math.min(most, pace.group(most));
        const encoded = this.encode(batch, from, to);
        await pace.due(to - from, signal);
        await this.parts.gate?.room(
          this.parts.topic,
          Math.max(...encoded.countOf),
          Math.max(...encoded.bytesOf),
          signal,
        );
        await this.send(encoded);
        await this.account(batch, from, to, encoded.bytes);
        last = { key: batch.keys[to - 1]!, event: batch.events[to - 1]! };
        await this.plantDue(last, signal);
        from = to;
      }
      if (this.counts.events >= limit) break;
    }
    if (last) await this.plantRest(last, signal);
  }

  private encode(batch: SourceBatch, from: number, to: number): Encoded {
    const { encoders, partitions } = this.parts;
    const encode = encoders[this.groups++ % encoders.length]!;
    const messages: Message[] = new Array(to - from);
    const countOf = new Array<number>(partitions).fill(0);
    const bytesOf = new Array<number>(partitions).fill(0);
    let bytes = 0;
    for (let i = from; i < to; i++) {
      const key = batch.keys[i]!;
      const value = encode(batch.events[i]);
      const partition = this.partitionFor(key);
      const size = key.length + value.length + RECORD_OVERHEAD;
      messages[i - from] = { key, value, partition };
      countOf[partition]!++;
      bytesOf[partition]! += size;
      bytes += value.length;
    }
    return { messages, bytes, countOf, bytesOf };
  }

  private partitionFor(key: string): number {
    const known = this.partitionOfKey.get(key);
    if (known !== undefined) return known;
    if (this.partitionOfKey.size >= KNOWN_KEYS) this.partitionOfKey.clear();
    const partition = partitionOf(key, this.parts.partitions);
    this.partitionOfKey.set(key, partition);
    return partition;
  }

  /** All of the group is kept by the brokers when this returns. */
  private async send({ messages, countOf, bytesOf }: Encoded): Promise<void> {
    const { producer, topic, gate } = this.parts;
    const results = await producer.send({ topic, acks: -1, messages });
    for (const { partition, baseOffset } of results) {
      gate?.appended(topic, partition, Number(baseOffset ?? -1), countOf[partition]!, bytesOf[partition]!);
    }
  }

  private async account(batch: SourceBatch, from: number, to: number, bytes: number): Promise<void> {
    const { counts } = this;
    const marks = batch.truth.filter((mark) => mark.index >= from && mark.index < to);
    this.countTruth(batch, from, to, marks);
    counts.events += to - from;
    counts.bytes += bytes;
    counts.from ??= batch.times[from]!;
    counts.until = batch.times[to - 1]!;
    counts.position = batch.position + to;
    await this.parts.truth?.truth(
      this.parts.source.pipeline,
      marks.map((mark) => mark.record),
    );
  }

  private countTruth(batch: SourceBatch, from: number, to: number, marks: SourceBatch['truth']): void {
    const { counts, episodes, unreviewed } = this;
    const single = marks.filter(({ record }) => record.type === 'event').length;
    counts.truthEvents += single;
    if (episodes.size === 0 && unreviewed.size === 0 && single === marks.length) return;
    for (let i = from, next = 0; i < to; i++) {
      const key = batch.keys[i]!;
      for (; marks[next]?.index === i; next++) {
        const { record } = marks[next]!;
        if (record.type === 'event') continue;
        const open = record.type === 'episode' ? episodes : unreviewed;
        open.set(key, Math.max(record.to, open.get(key) ?? record.to));
      }
      if (isOpen(episodes, key, batch.times[i]!)) counts.truthEvents++;
      else if (isOpen(unreviewed, key, batch.times[i]!)) counts.unreviewedEvents++;
    }
  }

  private async plantDue(last: { key: string; event: object }, signal: AbortSignal): Promise<void> {
    const { bad } = this.parts;
    if (!bad) return;
    const due = Math.floor((this.counts.events - bad.from) / bad.every) + 1;
    while (this.planted < Math.min(due, bad.kinds.length)) await this.plant(bad, last, signal);
  }

  private async plantRest(last: { key: string; event: object }, signal: AbortSignal): Promise<void> {
    const { bad } = this.parts;
    while (bad && this.planted < bad.kinds.length) await this.plant(bad, last, signal);
  }

  private async plant(
    bad: PlannedBad,
    { key, event }: { key: string; event: object },
    signal: AbortSignal,
  ): Promise<void> {
    const { topic, partitions, badProducer, gate, truth, source } = this.parts;
    const message = bad.make(bad.kinds[this.planted]!, key, event);
    const partition = message.key === null ? this.turn++ % partitions : this.partitionFor(message.key);
    await gate?.room(topic, 1, message.value.length, signal);
    this.planted++;
    const { counts } = this;
    const { kind } = message;
    try {
      const [sent] = await badProducer.send({
        topic,
        acks: -1,
        messages: [{ key: message.key, value: message.value, partition }],
      });
      const offset = sent?.baseOffset ?? '-1';
      gate?.appended(topic, partition, Number(offset), 1, message.value.length);
      counts.badEvents++;
      counts.badByKind[kind] = (counts.badByKind[kind] ?? 0) + 1;
      await truth?.planted({ pipeline: source.pipeline, topic, kind, partition, offset });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      counts.refused++;
      counts.refusedByKind[kind] = (counts.refusedByKind[kind] ?? 0) + 1;
      await truth?.planted({ pipeline: source.pipeline, topic, kind, refused: true });
    }
  }
}

function isOpen(spans: Map<string, number>, key: string, time: number): boolean {
  const until = spans.get(key);
  if (until === undefined) return false;
  if (time > until) spans.delete(key);
  return time <= until;
}

/** The broker says no to this very message: its limit, not a fault. */
function isRefusal(error: unknown): boolean {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (one instanceof KafkaJSProtocolError && REFUSALS.has(one.type)) return true;
  }
  return false;
}
