/**
 * Where a stream's events come from: a generator, a replay of recorded series, a user's file.
 * A source is deterministic: made with the same options it gives the same events, so a stream can be taken up
 * again at any position and two runs can be compared event by event.
 */
export interface EventSource<E extends object = object> {
  readonly pipeline: string;
  /** name of the writer schema in the schemas folder, without .avsc */
  readonly schemaName: string;
  /** how many events there are; undefined for a stream without an end */
  readonly total?: number;
  /**
   * The events in time order, from the one at `position` (counted from 0; default the first).
   * Batches are arrays, not single events, so that a fast producer pays nothing per event for the iteration.
   */
  batches(position?: number): Iterable<SourceBatch<E>> | AsyncIterable<SourceBatch<E>>;
}

/** Parallel arrays: the i-th key, event and time (epoch ms) belong together. */
export interface SourceBatch<E extends object = object> {
  /** position of the batch's first event in the stream */
  readonly position: number;
  readonly keys: readonly string[];
  readonly events: readonly E[];
  readonly times: readonly number[];
  /** what is known of these events apart from them */
  readonly truth: readonly TruthMark[];
}

export interface TruthMark {
  /**
   * index in the batch of the event that it speaks of. Of a span of time it is the entity's first event in it that the
   * stream gives: one that began before the position where the stream was taken up is told with its next event
   */
  readonly index: number;
  readonly record: TruthRecord;
}

/**
 * The ground truth. It never is in an event: it goes to a file of its own and is used to judge results only.
 * `event`: this one event is bad. `episode`: the entity was in a bad state from `from` to `to` (event times, inclusive).
 * `unreviewed`: from `from` to `to` nobody looked at the entity's events, so what isn't called bad may be.
 */
export type TruthRecord = EventTruth | EpisodeTruth | UnreviewedTruth;

export interface EventTruth {
  readonly type: 'event';
  readonly pipeline: string;
  readonly entity: string;
  readonly eventId: string;
  readonly time: number;
  readonly kind: string;
}

export interface EpisodeTruth {
  readonly type: 'episode';
  readonly pipeline: string;
  readonly entity: string;
  readonly from: number;
  readonly to: number;
  readonly kind: string;
  /** the field that is bad, where only one is */
  readonly field?: string;
}

export interface UnreviewedTruth {
  readonly type: 'unreviewed';
  readonly pipeline: string;
  readonly entity: string;
  readonly from: number;
  readonly to: number;
}

/** The first `count` events of a source. */
export function take<E extends object>(source: EventSource<E>, count: number): EventSource<E> {
  const total = source.total === undefined ? count : Math.min(count, source.total);
  return {
    pipeline: source.pipeline,
    schemaName: source.schemaName,
    total,
    async *batches(position = 0) {
      if (position >= total) return;
      for await (const batch of source.batches(position)) {
        const room = total - batch.position;
        if (room >= batch.events.length) yield batch;
        else yield head(batch, room);
        if (room <= batch.events.length) return;
      }
    },
  };
}

/** A source without its first `count` events; positions count from the first one that is left. */
export function skip<E extends object>(source: EventSource<E>, count: number): EventSource<E> {
  return {
    pipeline: source.pipeline,
    schemaName: source.schemaName,
    ...(source.total !== undefined && { total: Math.max(0, source.total - count) }),
    async *batches(position = 0) {
      for await (const batch of source.batches(position + count))
        yield { ...batch, position: batch.position - count };
    },
  };
}

function head<E extends object>(batch: SourceBatch<E>, count: number): SourceBatch<E> {
  return {
    position: batch.position,
    keys: batch.keys.slice(0, count),
    events: batch.events.slice(0, count),
    times: batch.times.slice(0, count),
    truth: batch.truth.filter((mark) => mark.index < count),
  };
}
