import { checkString, hashString } from '../features/hash.js';
import { Slab } from '../state/slab.js';
import type { Visits } from './records.js';
import { type Counted, VisitTable } from './visit-table.js';

const BLOCK = 'visits';
/** key of the row that holds the first open window; its time is the newest event time seen */
const HEAD = '\u0000head';
/** keys a window's record at most: what travels as one message */
const MOST_KEYS = 20_000;
/** what an event without the field has for one */
const NO_HASH = hashString('');
const NO_CHECK = checkString('');

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

/** The secondary entities of a micro-batch's events, by field. */
export interface VisitColumns {
  readonly size: number;
  /** event times, seconds */
  readonly seconds: Float64Array;
  /** hashString and checkString of the values, by field and row; those of '' where there is none */
  readonly hashes: readonly Uint32Array[];
  readonly checks: readonly Uint32Array[];
  /** the value itself; asked for once a value */
  readonly text: (field: number, row: number) => string;
}

/**
 * Counts the events of each secondary entity by windows of event time, and gives the windows out when no further
 * event can belong to them. Open windows are part of the partition's state: count of the current and the one before.
 * Counting goes by the hashes of a value; its name, which is the key of its row in the slab, is made when it comes first.
 */
export class VisitCounter {
  /** up to date after `flush` */
  readonly slab: Slab;
  readonly #options: VisitOptions;
  /** by field */
  #tables: readonly VisitTable[];
  /** number of the first window that was not given out */
  #open = Number.NaN;
  #newest = Number.NEGATIVE_INFINITY;
  /** slot that is asked first when one has to make room */
  #hand = 0;
  /** keeps the compiler from leaving out `touch`; never read otherwise */
  protected touched = 0;

  constructor(options: VisitOptions) {
    this.#options = options;
    if (options.late > options.window)
      throw new RangeError(
        `labels: windows of ${options.window} s are shorter than the ${options.late} s that events may be late; make the window at least as long`,
      );
    // One more, for the row that is none of a value's.
    this.slab = new Slab([{ name: BLOCK, size: 3 }], options.maxKeys + 1);
    this.#tables = tables(options.fields);
  }

  /** @returns windows that are closed by these events' times, each before its event is counted */
  observe({ size, seconds, hashes, checks, text }: VisitColumns): Visits[] {
    const { window, late, fields } = this.#options;
    const closed: Visits[] = [];
    if (size === 0) return closed;
    if (Number.isNaN(this.#open)) this.#open = Math.floor(seconds[0]! / window);
    for (let field = 0; field < fields; field++)
      this.touched = this.#tables[field]!.touch(hashes[field]!, size);
    for (let row = 0; row < size; row++) {
      const time = seconds[row]!;
      const at = Math.floor(time / window);
      if (time > this.#newest) {
        this.#newest = time;
        const done = Math.floor((time - late) / window);
        if (done > this.#open) {
          closed.push(...this.#close(done));
          this.#open = done;
        }
      }
      if (at < this.#open) continue;
      for (let field = 0; field < fields; field++) {
        const hash = hashes[field]![row]!;
        const check = checks[field]![row]!;
        if (hash === NO_HASH && check === NO_CHECK) continue;
        if (!this.#tables[field]!.count(hash, check, at))
          this.#tables[field]!.add(hash, check, this.#slotFor(field, text(field, row)), at);
      }
    }
    return closed;
  }

  /** The slot of a value that has none yet. */
  #slotFor(field: number, value: string): number {
    const key = `${field}|${value}`;
    const { slab } = this;
    if (slab.size < slab.limit - 1 || slab.find(key) >= 0) return slab.slotOf(key, () => undefined);
    // The one that was counted longest ago makes room, about.
    for (;;) {
      const slot = this.#hand;
      this.#hand = (this.#hand + 1) % slab.size;
      const old = namedBy(slab.keys[slot]!);
      if (old === undefined) continue;
      const table = this.#tables[old.field];
      const hash = hashString(old.value);
      const check = checkString(old.value);
      if (table !== undefined && !table.spares(hash, check)) continue;
      table?.remove(hash, check);
      slab.rename(slot, key);
      return slot;
    }
  }

  /** Counts of the open windows before `done`. */
  #close(done: number): Visits[] {
    const windows = new Set<number>();
    // Most often it is the one window, and to look for others would be to go through all values once more.
    if (done === this.#open + 1) windows.add(this.#open);
    else for (const table of this.#tables) table.windows(this.#open, done, windows);
    const records: Visits[] = [];
    for (const at of [...windows].sort((a, b) => a - b))
      this.#tables.forEach((table, field) => {
        this.#record(records, field, at, table.counted(at));
      });
    return records;
  }

  #record(records: Visits[], field: number, at: number, { hashes, checks, counts }: Counted): void {
    const { window, name, effective } = this.#options;
    const to = (at + 1) * window;
    for (let from = 0; from < hashes.length; from += MOST_KEYS) {
      const end = from + MOST_KEYS;
      records.push({
        type: 'visits',
        id: `${name}/${field}/${at}/${from}`,
        field,
        from: at * window,
        to,
        hashes: hashes.subarray(from, end),
        checks: checks.subarray(from, end),
        counts: counts.subarray(from, end),
        effectiveAt: effective(to),
      });
    }
  }

  /** Lays what is not in rows into the slab. */
  flush(): void {
    if (Number.isNaN(this.#open)) return;
    const { slab } = this;
    const { data, stride } = slab;
    for (const table of this.#tables)
      table.flush((slot, window, count, before) => {
        data[slot * stride] = window;
        data[slot * stride + 1] = count;
        data[slot * stride + 2] = before;
        slab.touch(slot);
      });
    const head = slab.slotOf(HEAD, () => undefined);
    slab.data[head * stride] = this.#open;
    slab.times[head] = this.#newest;
  }

  /** After the slab was filled from a checkpoint. */
  load(): void {
    const { keys, data, stride } = this.slab;
    this.#tables = tables(this.#options.fields);
    keys.forEach((key, slot) => {
      const named = namedBy(key);
      if (named === undefined) return;
      const hash = hashString(named.value);
      const check = checkString(named.value);
      const [window, count, before] = data.subarray(slot * stride) as unknown as [number, number, number];
      this.#tables[named.field]?.add(hash, check, slot, window, count, before, false);
    });
    const slot = this.slab.find(HEAD);
    if (slot < 0) return;
    this.#open = data[slot * stride]!;
    this.#newest = this.slab.times[slot]!;
  }
}

function tables(fields: number): VisitTable[] {
  return Array.from({ length: fields }, () => new VisitTable());
}

/** What a row's key says, `field|value`; undefined for the one row that is none of a value's. */
function namedBy(key: string): { field: number; value: string } | undefined {
  if (key === HEAD) return undefined;
  const bar = key.indexOf('|');
  return { field: Number(key.slice(0, bar)), value: key.slice(bar + 1) };
}
