import type { Kafka } from 'kafkajs';
import { type Incident, takenIn } from '../../alerting/incidents.js';
import type { Logger } from '../../lib/log.js';
import { type Following, followTopic } from '../../lib/topic-follower.js';
import type { Delivery } from './delivery.js';
import type { Codec } from './records.js';

/** Where a record stands in its topic: the same for every replica. */
export interface Place {
  partition: number;
  offset: string;
}

export type ViewListener<V> = (value: V, before: V | undefined, place: Place) => void;

/** What the API lists: every partition's records, whoever owns it, the newest `most` of them. */
export interface View<V> {
  get(id: string): V | undefined;
  /** in no particular order */
  values(): Iterable<V>;
  /** Called with every record from now on and the one before it. Returns what ends it. */
  onChange(listener: ViewListener<V>): () => void;
  /** Resolves with the value once `holds` is true of it, undefined when that takes longer than `timeoutMs`. */
  when(id: string, holds: (value: V) => boolean, timeoutMs: number): Promise<V | undefined>;
  /** why it may be behind, undefined when it isn't */
  readonly fault: string | undefined;
  stop(): Promise<void>;
}

export interface ViewOptions<V> {
  kafka: Kafka;
  topic: string;
  codec: Codec<V>;
  /** how many records are kept; beyond, those that were changed longest ago are left to ClickHouse */
  most: number;
  /** true when `found` must not replace `current` */
  isOlder(found: V, current: V): boolean;
  /** what is kept of a record */
  keep?(value: V): V;
  log: Logger;
  timeoutMs: number;
  onEnd(error: Error): void;
}

/** Follows a whole topic, read-only, so that any replica answers for all partitions. */
export async function followView<V>(options: ViewOptions<V>): Promise<View<V>> {
  const { topic, codec, most, isOlder, keep = (value: V) => value, log } = options;
  // A Map keeps the order of insertion; a changed record moves to the end, so the first is the one to give up.
  const records = new Map<string, V>();
  const listeners = new Set<ViewListener<V>>();
  let fault: string | undefined;

  function take(id: string, bytes: Buffer | null, where: Place & { topic: string }): void {
    if (bytes === null) {
      records.delete(id);
      return;
    }
    let value: V;
    try {
      value = keep(codec.decode(bytes));
    } catch (error) {
      log.error({ ...where, error }, 'a record could not be read; the list goes without it');
      return;
    }
    const current = records.get(id);
    if (current !== undefined && isOlder(value, current)) return;
    records.delete(id);
    records.set(id, value);
    if (records.size > most) records.delete(records.keys().next().value as string);
    for (const listener of listeners) listener(value, current, where);
  }

  const following: Following = await followTopic(options.kafka, topic, {
    timeoutMs: options.timeoutMs,
    onRecord: (record, partition) =>
      take(record.key?.toString() ?? '', record.value, { topic, partition, offset: record.offset }),
    onFault: (error) => {
      if (fault === undefined)
        log.warn({ topic, error }, 'a topic can not be followed at the moment; lists may be behind');
      fault = `${topic} can not be read at the moment`;
    },
    onRecovered: () => {
      fault = undefined;
    },
  });
  following.failed.catch((error: unknown) =>
    options.onEnd(error instanceof Error ? error : new Error(String(error))),
  );

  const view: View<V> = {
    get: (id) => records.get(id),
    values: () => records.values(),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    when(id, holds, timeoutMs) {
      const present = records.get(id);
      if (present !== undefined && holds(present)) return Promise.resolve(present);
      return new Promise((resolve) => {
        const end = (value: V | undefined) => {
          clearTimeout(timer);
          listeners.delete(check);
          resolve(value);
        };
        const check = () => {
          const value = records.get(id);
          if (value !== undefined && holds(value)) end(value);
        };
        const timer = setTimeout(() => end(undefined), timeoutMs);
        listeners.add(check);
      });
    },
    get fault() {
      return fault;
    },
    stop: () => following.stop(),
  };
  return view;
}

/** A record written by a replica that didn't know yet that it had lost its partition. */
export function isOlderIncident(found: Incident, current: Incident): boolean {
  return takenIn(found) < takenIn(current);
}

export function isOlderDelivery(found: Delivery, current: Delivery): boolean {
  if (found.round !== current.round) return found.round < current.round;
  return found.state === 'pending' && (current.state !== 'pending' || found.attempts < current.attempts);
}
