import { GRID_SECONDS, type Label, type LabelRecord } from './records.js';
import { VisitsStore } from './visits-store.js';

/** hours of event time between two times that old records are dropped */
const PRUNE_EVERY = 24;

/**
 * All that was said of a pipeline's events, in the order in which it takes effect: by hour of event time, within it
 * by time and id. One log serves all partitions of a process; each reads it at its own event time through a LabelView.
 * Which record came first makes no difference, but for two that contradict each other: the later one corrects the
 * other. Those that come after their hour was scored are late. What lies further than `keep` behind the slowest
 * partition that has read from it can't matter any more and is dropped.
 */
export class LabelLog {
  readonly #hours = new Map<number, LabelRecord[]>();
  readonly #ids = new Set<string>();
  /** what was said last of an event, and the hour of that */
  readonly #verdicts = new Map<string, { risk: boolean; hour: number }>();
  readonly #views = new Set<LabelView>();
  readonly #visits = new VisitsStore();
  readonly #keepHours: number;
  #newest = Number.NEGATIVE_INFINITY;
  #since = Number.NEGATIVE_INFINITY;

  /** @param keep seconds of event time, see keptSeconds */
  constructor(keep = Number.POSITIVE_INFINITY) {
    this.#keepHours = Math.ceil(keep / GRID_SECONDS);
  }

  get size(): number {
    return this.#ids.size;
  }

  /** hour of the last record */
  get newest(): number {
    return this.#newest;
  }

  /** hour from which records are kept */
  get since(): number {
    return this.#since;
  }

  /** @returns how many views had scored its hour already; a record that is known changes nothing */
  add(record: LabelRecord): number {
    if (this.#ids.has(record.id)) return 0;
    const hour = hourOf(record.effectiveAt);
    if (hour < this.#since) return this.#views.size;
    const said = record.type === 'label' ? this.#said(record, hour) : this.#visits.keep(record);
    if (said === undefined) return 0;
    this.#ids.add(record.id);
    const list = this.#hours.get(hour);
    if (list === undefined) this.#hours.set(hour, [said]);
    else list.push(said);
    if (hour > this.#newest) this.#newest = hour;
    let late = 0;
    for (const view of this.#views) if (view.offer(said, hour)) late++;
    return late;
  }

  /** A person may say the same of an event twice, which is nothing new, or the opposite, which takes the first back. */
  #said(label: Label, hour: number): Label | undefined {
    const event = eventOf(label);
    const before = this.#verdicts.get(event);
    if (before?.risk === label.risk) return undefined;
    this.#verdicts.set(event, { risk: label.risk, hour });
    return before === undefined ? label : { ...label, corrects: true };
  }

  /** A reader that stands before the first record. */
  open(): LabelView {
    const view = new LabelView(
      (hour) => this.#hours.get(hour)?.sort(byTimeThenId) ?? [],
      () => [...this.#hours.keys()].sort((a, b) => a - b),
      () => this.#prune(),
    );
    this.#views.add(view);
    return view;
  }

  close(view: LabelView): void {
    this.#views.delete(view);
  }

  #prune(): void {
    let slowest = Number.POSITIVE_INFINITY;
    for (const { hour } of this.#views) if (Number.isFinite(hour) && hour < slowest) slowest = hour;
    const since = slowest - this.#keepHours;
    if (!Number.isFinite(since) || since < this.#since + PRUNE_EVERY) return;
    this.#since = since;
    // What comes late to a view is still to be handed out, though it may be dropped here.
    const unread = [...this.#views].some(({ waits }) => waits);
    for (const [hour, records] of this.#hours) {
      if (hour >= since) continue;
      this.#hours.delete(hour);
      for (const record of records) {
        this.#ids.delete(record.id);
        if (record.type === 'visits') {
          if (!unread) this.#visits.release(record);
        } else if (this.#verdicts.get(eventOf(record))?.hour === hour) this.#verdicts.delete(eventOf(record));
      }
    }
  }
}

/** A partition's place in the log. */
export class LabelView {
  #hour = Number.NEGATIVE_INFINITY;
  #late: LabelRecord[] = [];

  constructor(
    private readonly at: (hour: number) => readonly LabelRecord[],
    private readonly hours: () => readonly number[],
    private readonly moved: () => void,
  ) {}

  /** the hour up to which records were handed out */
  get hour(): number {
    return this.#hour;
  }

  /** whether there are records that came late and are handed out with the next hour */
  get waits(): boolean {
    return this.#late.length > 0;
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
    this.#walk(this.#hour, hour, take, entered);
    this.#hour = hour;
    this.moved();
  }

  /** Hands out once more what took effect after the hour of `from` up to that of `to`, wherever the view stands. */
  replay(
    from: number,
    to: number,
    take: (record: LabelRecord) => void,
    entered: (hour: number) => void,
  ): void {
    this.#walk(hourOf(from), hourOf(to), take, entered);
  }

  /** Goes on from the hour of `time` without what came before. */
  skip(time: number): void {
    this.#hour = hourOf(time);
    this.#late = [];
    this.moved();
  }

  #walk(
    after: number,
    to: number,
    take: (record: LabelRecord) => void,
    entered: (hour: number) => void,
  ): void {
    if (to - after > 1000) {
      for (const one of this.hours()) {
        if (one <= after || one > to) continue;
        for (const record of this.at(one)) take(record);
        entered(one);
      }
    } else {
      for (let one = after + 1; one <= to; one++) {
        for (const record of this.at(one)) take(record);
        entered(one);
      }
    }
    entered(to);
  }
}

function hourOf(time: number): number {
  return Math.floor(time / GRID_SECONDS);
}

function eventOf({ entity, time, secondary }: Label): string {
  return `${time}|${entity}|${secondary.join('|')}`;
}

function timeOf(record: LabelRecord): number {
  return record.type === 'label' ? record.time : record.to;
}

function byTimeThenId(a: LabelRecord, b: LabelRecord): number {
  return timeOf(a) - timeOf(b) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
