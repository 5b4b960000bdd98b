import { checkString, hashString } from '../features/hash.js';
import type { PageOptions } from '../state/encoding.js';
import type { PagedState } from '../state/paged-state.js';
import type { Visits } from './records.js';
import { decodeVisits, encodeVisits } from './visit-pages.js';
import { type Counted, VisitTable } from './visit-table.js';

/** keys a window's record at most: what travels as one message */
const MOST_KEYS = 20_000;
/** the share of keys that makes room when there are too many */
const FORGOTTEN = 1 / 8;
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
  /** secondary entities of all fields that are kept at most */
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
}

/**
 * Counts the events of each secondary entity by windows of event time, and gives the windows out when no further
 * event can belong to them. Open windows are part of the partition's state: count of the current and the one before.
 * A value is known by its two hashes alone.
 */
export class VisitCounter implements PagedState {
  readonly #options: VisitOptions;
  /** by field */
  #tables: readonly VisitTable[];
  /** number of the first window that was not given out */
  #open = Number.NaN;
  #newest = Number.NEGATIVE_INFINITY;
  /** how often keys were forgotten, and whether they were since the last pages: what was written before has them still */
  #generation = 0;
  #forgotten = false;
  /** keeps the compiler from leaving out `touch`; never read otherwise */
  protected touched = 0;

  constructor(options: VisitOptions) {
    this.#options = options;
    if (options.late > options.window)
      throw new RangeError(
        `labels: windows of ${options.window} s are shorter than the ${options.late} s that events may be late; make the window at least as long`,
      );
    this.#tables = tables(options.fields);
  }

  /** @returns windows that are closed by these events' times, each before its event is counted */
  observe({ size, seconds, hashes, checks }: VisitColumns): Visits[] {
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
        const table = this.#tables[field]!;
        if (table.count(hash, check, at)) continue;
        this.#makeRoom();
        table.add(hash, check, at);
      }
    }
    return closed;
  }

  /** Sees to it that one more key is not too many. */
  #makeRoom(): void {
    const keys = this.#tables.reduce((sum, { size }) => sum + size, 0);
    const { maxKeys } = this.#options;
    if (keys < maxKeys) return;
    const ranks = new Float64Array(keys);
    let from = 0;
    for (const table of this.#tables) {
      table.ranks(ranks, from);
      from += table.size;
    }
    const stay = Math.floor((1 - FORGOTTEN) * maxKeys);
    const rank = ranks.sort()[keys - stay - 1]!;
    for (const table of this.#tables) table.forget(rank);
    this.#generation++;
    this.#forgotten = true;
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

  takePages(whole: boolean, options?: PageOptions): Uint8Array[] {
    const all = whole || this.#forgotten;
    this.#forgotten = false;
    if (Number.isNaN(this.#open)) return [];
    const head = {
      generation: this.#generation,
      window: this.#options.window,
      point: { open: this.#open, newest: this.#newest },
    };
    return this.#tables.flatMap((table, field) =>
      encodeVisits(head, { field, keys: table.size, numbers: table.take(all) }, options),
    );
  }

  layPage(page: Uint8Array): void {
    const { head, fields } = decodeVisits(page);
    // Counts by windows of another length say nothing of these.
    if (head.window !== undefined && head.window !== this.#options.window) return;
    if (head.generation !== this.#generation) {
      this.#generation = head.generation;
      this.#tables = tables(this.#options.fields);
    }
    if (head.point !== undefined) {
      this.#open = head.point.open;
      this.#newest = head.point.newest;
    }
    for (const { field, keys, numbers } of fields) {
      const table = this.#tables[field];
      // Keys come in the order of their cells: in a table that has yet to grow they would crowd at its beginning.
      table?.reserve(Math.min(keys, this.#options.maxKeys));
      table?.lay(numbers);
    }
  }
}

function tables(fields: number): VisitTable[] {
  return Array.from({ length: fields }, () => new VisitTable());
}
