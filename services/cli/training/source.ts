import type { RecordedEvents } from '../../scorer/train.js';
import type { BadRowEvent } from '../rows/row-events.js';

/** Where events to learn from come from, read once from the beginning on. */
export interface TrainingSource {
  /** for people */
  readonly name: string;
  /** how many events will come, 0 while nobody knows */
  readonly total: () => number;
  readonly batches: AsyncIterable<RecordedEvents> | Iterable<RecordedEvents>;
  readonly faults: Faults;
  close(): Promise<void> | void;
}

/** bad rows that are told one by one */
const TOLD = 10;

/** What could not be read as an event, counted by reason; the first with where, field, value and remedy. */
export class Faults {
  readonly counts: Record<string, number> = {};
  readonly examples: string[] = [];

  /** @param where `line 17 of a.csv` */
  note(reason: string, where: string, what: string): void {
    this.counts[reason] = (this.counts[reason] ?? 0) + 1;
    if (this.examples.length < TOLD) this.examples.push(`${where}: ${what}`);
  }

  /** A row whose cells give no event. */
  refuse({ reason, field, value, remedy }: BadRowEvent, where: string): void {
    this.note(reason, where, `${field} is '${value}'; ${remedy}`);
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }
}

export const EVENTS_A_BATCH = 1000;
