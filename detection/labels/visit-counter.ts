import { Slab } from '../state/slab.js';
import type { Visits } from './records.js';

const BLOCK = 'visits';
/** key of the row that holds the first open window; its time is the newest event time seen */
const HEAD = '\u0000head';
/** keys a window's record at most: what travels as one message */
const MOST_KEYS = 20_000;

export interface VisitOptions {
  readonly fields: number;
  /** length of a window, seconds */
  readonly window: number;
  /** seconds behind the newest event at which an event is too late to come */
  readonly late: number;
  /** when a window's counts take effect, by its end */
  readonly effective: (to: number) => number;
  /** names the records: pipeline and partition */
  readonly name: string;
  readonly maxKeys: number;
}

/**
 * Counts the events of each secondary entity by windows of event time, and gives the windows out when no further
 * event can belong to them. Open windows are part of the partition's state: count of the current and the one before.
 */
export class VisitCounter {
  readonly slab: Slab;
  readonly #options: VisitOptions;
  /** number of the first window that was not given out */
  #open = Number.NaN;
  #newest = Number.NEGATIVE_INFINITY;

  constructor(options: VisitOptions) {
    this.#options = options;
    if (options.late > options.window)
      throw new RangeError(
        `labels: windows of ${options.window} s are shorter than the ${options.late} s that events may be late; make the window at least as long`,
      );
    this.slab = new Slab([{ name: BLOCK, size: 3 }], options.maxKeys + 1);
  }

  /** @returns windows that are closed by this event's time, before it is counted */
  observe(secondary: readonly string[], seconds: number): Visits[] {
    const { window, late } = this.#options;
    const at = Math.floor(seconds / window);
    if (Number.isNaN(this.#open)) this.#open = at;
    let closed: Visits[] = [];
    if (seconds > this.#newest) {
      this.#newest = seconds;
      const done = Math.floor((seconds - late) / window);
      if (done > this.#open) {
        closed = this.#close(done);
        this.#open = done;
      }
    }
    if (at < this.#open) return closed;
    for (let field = 0; field < secondary.length; field++)
      if (secondary[field] !== '') this.#count(`${field}|${secondary[field]}`, at);
    return closed;
  }

  #count(key: string, at: number): void {
    this.slab.beginBatch();
    const slot = this.slab.slotOf(key, () => undefined);
    const { data, stride, offset } = this.slab.block(BLOCK);
    const row = slot * stride + offset;
    if (data[row]! === at) data[row + 1] = data[row + 1]! + 1;
    else if (data[row]! === at + 1) data[row + 2] = data[row + 2]! + 1;
    else {
      data[row + 2] = data[row]! === at - 1 ? data[row + 1]! : 0;
      data[row] = at;
      data[row + 1] = 1;
    }
  }

  /** Counts of the open windows before `done`. */
  #close(done: number): Visits[] {
    const { window, name, effective, fields } = this.#options;
    const { data, stride, offset } = this.slab.block(BLOCK);
    const found = new Map<string, { field: number; at: number; pairs: [string, number][] }>();
    for (let slot = 0; slot < this.slab.size; slot++) {
      const key = this.slab.keys[slot]!;
      if (key === HEAD) continue;
      const row = slot * stride + offset;
      const bar = key.indexOf('|');
      for (const [at, count] of [
        [data[row]!, data[row + 1]!],
        [data[row]! - 1, data[row + 2]!],
      ] as const) {
        if (count === 0 || at < this.#open || at >= done) continue;
        const id = `${key.slice(0, bar)}/${at}`;
        let group = found.get(id);
        if (group === undefined) {
          group = { field: Number(key.slice(0, bar)), at, pairs: [] };
          found.set(id, group);
        }
        group.pairs.push([key.slice(bar + 1), count]);
      }
    }
    const records: Visits[] = [];
    for (const { field, at, pairs } of [...found.values()].sort((a, b) => a.at - b.at || a.field - b.field)) {
      if (field >= fields) continue;
      pairs.sort(([a], [b]) => (a < b ? -1 : 1));
      for (let from = 0; from < pairs.length; from += MOST_KEYS) {
        const part = pairs.slice(from, from + MOST_KEYS);
        const to = (at + 1) * window;
        records.push({
          type: 'visits',
          id: `${name}/${field}/${at}/${from}`,
          field,
          from: at * window,
          to,
          keys: part.map(([key]) => key),
          counts: part.map(([, count]) => count),
          effectiveAt: effective(to),
        });
      }
    }
    return records;
  }

  /** Lays what is not in rows into the slab. */
  flush(): void {
    if (Number.isNaN(this.#open)) return;
    this.slab.beginBatch();
    const slot = this.slab.slotOf(HEAD, () => undefined);
    const { data, stride, offset } = this.slab.block(BLOCK);
    data[slot * stride + offset] = this.#open;
    this.slab.times[slot] = this.#newest;
  }

  /** After the slab was filled from a checkpoint. */
  load(): void {
    const slot = this.slab.find(HEAD);
    if (slot < 0) return;
    const { data, stride, offset } = this.slab.block(BLOCK);
    this.#open = data[slot * stride + offset]!;
    this.#newest = this.slab.times[slot]!;
  }
}
