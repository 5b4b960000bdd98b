import type { IHeaders, KafkaMessage } from 'kafkajs';
import { EventColumns } from '../../detection/features/columns.js';
import { hashAscii } from '../../detection/features/hash.js';
import type { FeaturePlan } from '../../detection/features/plan.js';
import type { PartitionScorer } from '../../detection/scoring.js';
import { MOST_KEY_BYTES } from '../../detection/state/encoding.js';
import { deadLetter, Undecodable } from '../../lib/dead-letter-reasons.js';
import { type EventDecoder, UNPREPARED } from '../../lib/event-decoder.js';
import { KNOWN_TEXT, NOTHING, TEXT } from '../../lib/field-reader.js';
import type { RecordColumns } from '../../lib/record-columns.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { FieldIntake } from './field-intake.js';
import { Intake } from './intake.js';

export interface Rejected {
  readonly message: KafkaMessage;
  readonly rejection: Undecodable;
}

type Event = Readonly<Record<string, unknown>>;

/** What became of a micro-batch's records besides the rows of the columns. */
export interface TakenIn {
  readonly rejected: Rejected[];
  /** records that the state had not seen yet */
  read: number;
  late: number;
  repeated: number;
}

/** records whose entities are looked up ahead at a time: what that reads stays in the processor's nearer caches */
const LOOK_AHEAD = 128;

/**
 * From records to rows of columns. An ordinary event is read from its bytes, field by field, and never becomes an
 * object; one with anything unusual about it is decoded whole and judged by Intake. Both come to the same rows.
 */
export class BatchIntake {
  readonly columns: EventColumns;
  /** newest event time of the partition, epoch ms */
  watermark = Number.NEGATIVE_INFINITY;
  /** of the last micro-batch: rows that never became an object */
  readFromBytes = 0;
  readonly #pipeline: Pipeline;
  readonly #decoder: EventDecoder;
  readonly #scorer: PartitionScorer;
  readonly #intake: Intake;
  readonly #fields: FieldIntake;
  /** by row: its record, and its event where that was decoded */
  readonly #records: Int32Array;
  /** by record of those that were looked up ahead: hash of its key, and whether that is ASCII, for which alone the hash holds */
  readonly #keyHashes: Uint32Array;
  readonly #asciiKeys: Uint8Array;
  readonly #events = new Map<number, Event>();
  #source: RecordColumns | undefined;

  constructor(
    pipeline: Pipeline,
    plan: FeaturePlan,
    decoder: EventDecoder,
    scorer: PartitionScorer,
    capacity: number,
  ) {
    this.#pipeline = pipeline;
    this.#decoder = decoder;
    this.#scorer = scorer;
    const knowsZone = (zone: string) => scorer.engine.knowsZone(zone);
    this.#intake = new Intake(pipeline, plan, knowsZone);
    this.#fields = new FieldIntake(pipeline, plan, knowsZone);
    this.columns = new EventColumns(capacity, plan.numbers.length, plan.categories.length);
    this.columns.hashed = true;
    this.#records = new Int32Array(capacity);
    this.#keyHashes = new Uint32Array(LOOK_AHEAD);
    this.#asciiKeys = new Uint8Array(LOOK_AHEAD);
  }

  /**
   * Looks up the writers of records[from, to). Throws when their schemas can't be asked for now.
   * @returns the time to take them in with
   */
  async prepare(records: RecordColumns, from: number, to: number): Promise<number> {
    for (let attempt = 0; ; attempt++) {
      const now = this.#decoder.now();
      const unprepared = this.#decoder.unprepared(records, from, to, now);
      if (unprepared.length === 0) return now;
      if (attempt === 3)
        throw new Error(
          `the writers' schemas of ${this.#pipeline.topic} could not be prepared in three attempts`,
        );
      await this.#decoder.prepare(unprepared);
    }
  }

  /**
   * Takes in records[from, to), which were prepared by `now`.
   * @param next offset of the first event that the state has not seen
   */
  take(records: RecordColumns, from: number, to: number, next: number, now: number): TakenIn {
    const { columns } = this;
    const outcome: TakenIn = { rejected: [], read: 0, late: 0, repeated: 0 };
    this.#source = records;
    this.#events.clear();
    columns.size = 0;
    columns.bytes = records.bytes;
    this.readFromBytes = 0;
    this.#scorer.beginBatch();
    for (let record = from; record < to; record++) {
      const i = (record - from) % LOOK_AHEAD;
      if (i === 0) this.#lookAhead(records, record, Math.min(to, record + LOOK_AHEAD));
      // Read again after a restart or a rebalance: the state has it already, and its risks were acked before that.
      if (records.offsets[record]! < next) continue;
      outcome.read++;
      const row = columns.size;
      const taken = this.#takeOne(records, record, i, now);
      if (taken === 'taken') {
        this.#records[row] = record;
        if (columns.times[row]! > this.watermark) this.watermark = columns.times[row]!;
      } else if (taken === 'repeated') {
        columns.size = row;
        this.#events.delete(row);
        outcome.repeated++;
      } else if (taken === 'late') outcome.late++;
      else outcome.rejected.push({ message: records.at(record), rejection: taken });
    }
    return outcome;
  }

  /** The headers of a row's record; undefined where it has none. */
  headers(row: number): IHeaders | undefined {
    return this.#source!.headers(this.#records[row]!);
  }

  /** The whole event of a row. */
  event(row: number): Event {
    const known = this.#events.get(row);
    if (known !== undefined) return known;
    const event = this.#decoder.decode(this.#source!.value(this.#records[row]!));
    if (event === UNPREPARED || event instanceof Undecodable)
      throw new Error(
        `the event at offset ${this.columns.offsets[row]} was taken in, and can't be decoded: ${event instanceof Undecodable ? event.detail : 'its writer is unknown'}`,
      );
    this.#events.set(row, event);
    return event;
  }

  #lookAhead({ bytes, keyStarts, keyEnds }: RecordColumns, from: number, to: number): void {
    for (let record = from, i = 0; record < to; record++, i++)
      this.#asciiKeys[i] = hashAscii(bytes, keyStarts[record]!, keyEnds[record]!, 0, this.#keyHashes, i)
        ? 1
        : 0;
    this.#scorer.foresee(this.#keyHashes, to - from);
  }

  /** @param i of the record among those that were looked up ahead */
  #takeOne(
    records: RecordColumns,
    record: number,
    i: number,
    now: number,
  ): 'taken' | 'late' | 'repeated' | Undecodable {
    const { columns } = this;
    const { bytes, keyStarts, keyEnds } = records;
    const keyStart = keyStarts[record]!;
    const keyEnd = keyEnds[record]!;
    if (keyEnd <= keyStart) return deadLetter.nullKey('key');
    const keyBytes = stateKeyBytes(bytes, keyStart, keyEnd);
    if (keyBytes > MOST_KEY_BYTES) return deadLetter.keyTooLong(keyBytes, MOST_KEY_BYTES);
    const { values } = this.#fields;
    const row = columns.size;
    const offset = records.offsets[record]!;
    const time = records.times[record]!;
    if (this.#decoder.readFields(bytes, records.valueStarts[record]!, records.valueEnds[record]!, values)) {
      const taken = this.#fields.take(bytes, offset, time, this.watermark, columns);
      if (taken === 'late') return taken;
      if (taken === 'taken') {
        const slot =
          this.#asciiKeys[i] === 1
            ? this.#scorer.slotOfHashedBytes(bytes, keyStart, keyEnd, this.#keyHashes[i]!)
            : this.#scorer.slotOf(bytes.toString('utf8', keyStart, keyEnd));
        this.readFromBytes++;
        columns.slots[row] = slot;
        columns.entities[row] = this.#scorer.entities.keys[slot]!;
        return this.#isRepeat(slot, bytes) ? 'repeated' : 'taken';
      }
    }
    const event = this.#decoder.decode(records.value(record), now);
    if (event === UNPREPARED) throw new Error('a record was taken in before its writer was looked up');
    if (event instanceof Undecodable) return event;
    const key = bytes.toString('utf8', keyStart, keyEnd);
    const taken = this.#intake.take(event, key, offset, time, this.watermark, columns);
    if (taken !== 'taken') return taken;
    this.#events.set(row, event);
    const slot = this.#scorer.slotOf(key);
    columns.slots[row] = slot;
    const { eventId } = this.#pipeline;
    const id = eventId === undefined ? undefined : event[eventId];
    // An event without an id has no double.
    if (id === undefined || id === null || id === '') return 'taken';
    return this.#scorer.repeats(slot, String(id)) ? 'repeated' : 'taken';
  }

  /** A producer that retries sends an event twice, under one id: it is scored once. */
  #isRepeat(slot: number, bytes: Buffer): boolean {
    const { eventId, values } = this.#fields;
    if (eventId < 0) return false;
    const kind = values.kinds[eventId];
    if (kind === NOTHING) return false;
    if (kind === TEXT) {
      const start = values.starts[eventId]!;
      const end = values.ends[eventId]!;
      return end > start && this.#scorer.repeatsBytes(slot, bytes, start, end);
    }
    const id = kind === KNOWN_TEXT ? values.texts[eventId]! : String(values.numbers[eventId]);
    return id !== '' && this.#scorer.repeats(slot, id);
  }
}

/** What a text takes as a key of the state: a byte that is no UTF-8 becomes three there. Of short ones their length will do. */
function stateKeyBytes(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  return 3 * length > MOST_KEY_BYTES ? Buffer.byteLength(bytes.toString('utf8', start, end)) : length;
}
