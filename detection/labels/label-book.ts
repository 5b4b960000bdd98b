import type { LabelRecord } from './records.js';
import { DAY_SECONDS, LABEL_FEATURES, SecondaryBook } from './secondary-book.js';
import { MOST_DAYS, RATES_SIZE, type SpellOptions, SpellRates } from './spell-rates.js';

/** a risk at least so surprising (-log10 p) is explained by the event itself and says little of its secondary entity */
const EXPLAINED = 2;

export interface LabelBookOptions {
  /** names of the secondary fields */
  readonly secondary: readonly string[];
  /** seconds that labels take */
  readonly delay: number;
  readonly spells?: SpellOptions;
}

/** days of event time between two times that a book is made anew from the log */
const EPOCH_DAYS = 32;

/** Seconds of labels that a book is made from: the longest spell, after the delay, and the windows at both ends. */
export function reachOf(delay: number, window: number): number {
  return MOST_DAYS * DAY_SECONDS + delay + 2 * Math.max(window, DAY_SECONDS);
}

/** What a log has to keep behind the last event of a partition, with an epoch to spare for partitions that lag. */
export function keptSeconds(delay: number, window: number): number {
  return reachOf(delay, window) + 2 * EPOCH_DAYS * DAY_SECONDS;
}

/** The event time at which the book that serves a time was made anew. */
export function epochOf(seconds: number): number {
  const length = EPOCH_DAYS * DAY_SECONDS;
  return Math.floor(seconds / length) * length;
}

/** What the labels say of all secondary entities, as a partition knows it at its own event time. */
export class LabelBook {
  fields: readonly SecondaryBook[];
  readonly #rates: readonly SpellRates[];
  readonly #days: number;
  /** floats that features() writes */
  readonly width: number;
  readonly names: readonly string[];

  constructor({ secondary, delay, spells }: LabelBookOptions) {
    this.#days = Math.ceil(delay / DAY_SECONDS);
    this.#rates = secondary.map(() => new SpellRates(spells));
    this.fields = this.#emptied();
    this.width = secondary.length * LABEL_FEATURES.length;
    this.names = secondary.flatMap((field) => LABEL_FEATURES.map((name) => `${field}.${name}`));
  }

  /** secondary entities that labels speak of */
  get followed(): number {
    let sum = 0;
    for (const book of this.fields) sum += book.followed;
    return sum;
  }

  #emptied(): SecondaryBook[] {
    return this.#rates.map((rates) => new SecondaryBook(rates, this.#days));
  }

  /**
   * Forgets all entities and knows what `replay` hands it instead, by the rates of spells as they are. So what it says
   * rests on those and a bounded stretch of the log, whether it was made anew in the stream or by a restore.
   */
  remake(replay: () => void): void {
    this.fields = this.#emptied();
    for (const rates of this.#rates) rates.learns = false;
    replay();
    for (const rates of this.#rates) rates.learns = true;
  }

  /** numbers that saveRates() gives */
  get ratesSize(): number {
    return this.#rates.length * RATES_SIZE;
  }

  saveRates(): Float64Array {
    return Float64Array.from(this.#rates.flatMap((rates) => [...rates.save()]));
  }

  loadRates(state: Float64Array): void {
    this.#rates.forEach((rates, field) => {
      rates.load(state.subarray(field * RATES_SIZE, (field + 1) * RATES_SIZE));
    });
  }

  take(record: LabelRecord): void {
    if (record.type === 'visits') {
      this.fields[record.field]?.visits(record, Math.floor(record.from / DAY_SECONDS));
      return;
    }
    const day = Math.floor(record.time / DAY_SECONDS);
    record.secondary.forEach((key, field) => {
      if (key === '') return;
      const explained = record.surprise >= EXPLAINED;
      this.fields[field]?.label(key, day, record.risk, explained, record.corrects);
    });
  }

  /** The stream has come to this hour (of the epoch). */
  enter(hour: number): void {
    for (const book of this.fields) book.enter(Math.floor(hour / 24));
  }

  /** Whether labels may speak of the entity with this hashString; false where they don't, as most often. */
  mayFollow(field: number, hash: number): boolean {
    return this.fields[field]?.mayFollow(hash) === true;
  }

  /** @param secondary by field; '' will do for an entity of which labels don't speak */
  features(secondary: readonly string[], seconds: number, out: Float32Array, at: number): void {
    this.fields.forEach((book, field) => {
      book.features(secondary[field] ?? '', seconds, out, at + field * LABEL_FEATURES.length);
    });
  }
}
