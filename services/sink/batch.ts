import type { KafkaMessage } from 'kafkajs';

/** The Kafka record that a row came from, kept until the row is in: a refused row becomes a dead letter with it. */
export interface Origin {
  topic: string;
  partition: number;
  message: KafkaMessage;
}

export interface Row {
  json: string;
  origin: Origin;
}

/** A record that could not be read. */
export interface Unread {
  origin: Origin;
  error: unknown;
}

/** Whole records of one topic that are settled together: rows in, dead letters out, offsets committed. */
export class Batch {
  readonly rows: Row[] = [];
  readonly unread: Unread[] = [];
  /** next offset to read of each partition, once all of this is settled */
  readonly next = new Map<number, string>();
  /** characters of the rows and bytes of their records: what holding them costs */
  bytes = 0;

  constructor(
    /** the consumer group's generation in which these were read */
    readonly generation: number,
    readonly openedAt: number,
  ) {}

  add(origin: Origin, jsonRows: readonly string[]): void {
    for (const json of jsonRows) {
      this.rows.push({ json, origin });
      this.bytes += json.length;
    }
    this.#take(origin);
  }

  addUnread(origin: Origin, error: unknown): void {
    this.unread.push({ origin, error });
    this.#take(origin);
  }

  /** The record needs nothing but its offset committed: a tombstone. */
  skip(origin: Origin): void {
    this.#take(origin);
  }

  #take({ partition, message }: Origin): void {
    this.bytes += (message.value?.length ?? 0) + RECORD_OVERHEAD;
    this.next.set(partition, String(BigInt(message.offset) + 1n));
  }
}

/** a message object with its key, headers and timestamp, roughly */
const RECORD_OVERHEAD = 256;
