import { GRID_SECONDS, type LabelRecord } from './records.js';

/**
 * All that was said of a pipeline's events, in the order in which it takes effect: by hour of event time, within it
 * by time and id. One log serves all partitions of a process; each reads it at its own event time through a LabelView.
 * Which record came first makes no difference, only those that come after their hour was scored are late.
 */
export class LabelLog {
  readonly #hours = new Map<number, LabelRecord[]>();
  readonly #ids = new Set<string>();
  readonly #views = new Set<LabelView>();
  #newest = Number.NEGATIVE_INFINITY;

  get size(): number {
    return this.#ids.size;
  }

  /** hour of the last record */
  get newest(): number {
    return this.#newest;
  }

  /** @returns how many views had scored its hour already; a record that is known changes nothing */
  add(record: LabelRecord): number {
    if (this.#ids.has(record.id)) return 0;
    this.#ids.add(record.id);
    const hour = hourOf(record.effectiveAt);
    const list = this.#hours.get(hour);
    if (list === undefined) this.#hours.set(hour, [record]);
    else list.push(record);
    if (hour > this.#newest) this.#newest = hour;
    let late = 0;
    for (const view of this.#views) if (view.offer(record, hour)) late++;
    return late;
  }

  /** A reader that stands before the first record. */
  open(): LabelView {
    const view = new LabelView(
      (hour) => this.#hours.get(hour)?.sort(byTimeThenId) ?? [],
      () => [...this.#hours.keys()].sort((a, b) => a - b),
    );
    this.#views.add(view);
    return view;
  }

  close(view: LabelView): void {
    this.#views.delete(view);
  }
}

/** A partition's place in the log. */
export class LabelView {
  #hour = Number.NEGATIVE_INFINITY;
  #late: LabelRecord[] = [];

  constructor(
    private readonly at: (hour: number) => readonly LabelRecord[],
    private readonly hours: () => readonly number[],
  ) {}

  /** the hour up to which records were handed out */
  get hour(): number {
    return this.#hour;
  }

  /** @returns true when the record's hour has been handed out: it comes with the next one instead */
  offer(record: LabelRecord, hour: number): boolean {
    if (hour > this.#hour) return false;
    this.#late.push(record);
    return true;
  }

  /** Hands out what takes effect up to the hour of `time` and was not handed out before. */
  advance(time: number, take: (record: LabelRecord) => void, entered: (hour: number) => void): void {
    const hour = hourOf(time);
    if (!(hour > this.#hour)) return;
    const late = this.#late.sort(byTimeThenId);
    this.#late = [];
    for (const record of late) take(record);
    if (hour - this.#hour > 1000) {
      for (const one of this.hours()) {
        if (one <= this.#hour || one > hour) continue;
        for (const record of this.at(one)) take(record);
        entered(one);
      }
    } else {
      for (let one = this.#hour + 1; one <= hour; one++) {
        for (const record of this.at(one)) take(record);
        entered(one);
      }
    }
    this.#hour = hour;
    entered(hour);
  }
}

function hourOf(time: number): number {
  return Math.floor(time / GRID_SECONDS);
}

function timeOf(record: LabelRecord): number {
  return record.type === 'label' ? record.time : record.to;
}

function byTimeThenId(a: LabelRecord, b: LabelRecord): number {
  return timeOf(a) - timeOf(b) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
