import type { LabelRecord } from './records.js';
import { DAY_SECONDS, LABEL_FEATURES, SecondaryBook } from './secondary-book.js';
import { type SpellOptions, SpellRates } from './spell-rates.js';

/** a risk at least so surprising (-log10 p) is explained by the event itself and says little of its secondary entity */
const EXPLAINED = 2;

export interface LabelBookOptions {
  /** names of the secondary fields */
  readonly secondary: readonly string[];
  /** seconds that labels take */
  readonly delay: number;
  readonly spells?: SpellOptions;
}

/** What the labels say of all secondary entities, as a partition knows it at its own event time. */
export class LabelBook {
  readonly fields: readonly SecondaryBook[];
  /** floats that features() writes */
  readonly width: number;
  readonly names: readonly string[];

  constructor({ secondary, delay, spells }: LabelBookOptions) {
    const days = Math.ceil(delay / DAY_SECONDS);
    this.fields = secondary.map(() => new SecondaryBook(new SpellRates(spells), days));
    this.width = secondary.length * LABEL_FEATURES.length;
    this.names = secondary.flatMap((field) => LABEL_FEATURES.map((name) => `${field}.${name}`));
  }

  /** secondary entities that labels speak of */
  get followed(): number {
    let sum = 0;
    for (const book of this.fields) sum += book.followed;
    return sum;
  }

  take(record: LabelRecord): void {
    if (record.type === 'visits') {
      const book = this.fields[record.field];
      const day = Math.floor(record.from / DAY_SECONDS);
      record.keys.forEach((key, i) => {
        book?.visits(key, day, record.counts[i]!);
      });
      return;
    }
    const day = Math.floor(record.time / DAY_SECONDS);
    record.secondary.forEach((key, field) => {
      if (key !== '') this.fields[field]?.label(key, day, record.risk, record.surprise >= EXPLAINED);
    });
  }

  /** The stream has come to this hour (of the epoch). */
  enter(hour: number): void {
    for (const book of this.fields) book.enter(Math.floor(hour / 24));
  }

  features(secondary: readonly string[], seconds: number, out: Float32Array, at: number): void {
    this.fields.forEach((book, field) => {
      book.features(secondary[field] ?? '', seconds, out, at + field * LABEL_FEATURES.length);
    });
  }
}
