import { isBroken, type RowFault, shortened, type TableFile } from '../../../lib/table-files/table.js';
import type { ColumnProfile } from '../guess/columns.js';
import type { LocalTime } from '../guess/local-time.js';
import { isMissing, parseNumber } from '../guess/numbers.js';
import type { Roles } from '../guess/roles.js';
import { readTime } from '../guess/times.js';

/** What to do about a bad row: a fault of the row as a whole, or of one of its values. */
export type Remedy = RowFault | 'zone' | 'noTime' | 'time' | 'key' | 'number' | 'finite';

export interface BadRow {
  readonly line: number;
  /** '' when it is the row as a whole */
  readonly field: string;
  readonly value: string;
  readonly remedy: Remedy;
  /** how many fields it has, of remedy `fields` */
  readonly fields?: number | undefined;
}

/** rows are kept in memory: at 12 columns, a million of them take some 150 MB */
export const MOST_ROWS = 5_000_000;
/** bad rows that are told one by one */
const TOLD = 20;

/** The single entity of a table without a key. */
export const WHOLE = 'all';

/** The used columns of a file, read: bad rows left out, the others in the order of their time. */
export class EventTable {
  rows = 0;
  /** data rows of the file, bad ones included */
  read = 0;
  bad = 0;
  readonly badRows: BadRow[] = [];
  /** bad rows by field */
  readonly badByField: Record<string, number> = {};
  /** whether the file's own order was that of time */
  sorted = true;
  /** labelled rows; 0 without a label column */
  labelled = 0;
  private times = new Float64Array(4096);
  private lines = new Float64Array(4096);
  private numbers: Float64Array[];
  private labels = new Uint8Array(4096);
  private readonly keys: string[] = [];
  private readonly zones: string[] = [];
  private readonly categories: string[][];
  private readonly secondary: string[] = [];
  private order = new Uint32Array(0);

  private constructor(readonly roles: Roles) {
    this.numbers = roles.numbers.map(() => new Float64Array(4096));
    this.categories = roles.categories.map(() => []);
  }

  /** @param onRead rows read so far, called now and then */
  static async read(
    file: TableFile,
    roles: Roles,
    local: LocalTime,
    onRead: (rows: number) => void,
    mostRows = MOST_ROWS,
  ): Promise<EventTable> {
    const table = new EventTable(roles);
    for await (const items of file.rows()) {
      for (const item of items) {
        table.read++;
        if (table.rows >= mostRows)
          throw new RangeError(
            `more than ${mostRows} rows; take a part of the file (head -n ${mostRows}), or stream it through Kafka`,
          );
        if (isBroken(item)) {
          const { line, text: value, fault: remedy, fields } = item;
          table.refuse({ line, field: '', value, remedy, fields });
        } else {
          const bad = table.take(item.line, item.cells, local);
          if (bad !== undefined) table.refuse(bad);
        }
      }
      onRead(table.read);
    }
    table.sort();
    return table;
  }

  private refuse(bad: BadRow): void {
    this.bad++;
    this.badByField[bad.field] = (this.badByField[bad.field] ?? 0) + 1;
    if (this.badRows.length < TOLD) this.badRows.push(bad);
  }

  /** Lays a row into the columns, or says what is wrong with it. */
  private take(
    line: number,
    cells: readonly (string | number | boolean | Date | null)[],
    local: LocalTime,
  ): BadRow | undefined {
    const { roles } = this;
    const at = (profile: ColumnProfile) => cells[profile.index] ?? null;
    const refuse = (profile: ColumnProfile, remedy: Remedy): BadRow => ({
      line,
      field: profile.name,
      value: shortened(String(at(profile) ?? ''), 40),
      remedy,
    });
    const row = this.rows;
    if (row === this.times.length) this.grow();

    let zone = roles.zone;
    if (roles.zoneColumn !== undefined) {
      zone = String(at(roles.zoneColumn) ?? '').trim();
      if (!local.knows(zone)) return refuse(roles.zoneColumn, 'zone');
    }
    if (roles.time?.time === undefined) this.times[row] = Date.UTC(2000, 0, 1) + row * 60_000;
    else {
      const cell =
        roles.clock === undefined ? at(roles.time) : `${String(at(roles.time))} ${String(at(roles.clock))}`;
      const read = readTime(cell, roles.time.time, zone, local);
      if (!(read.ms >= 0 && read.ms < 4_102_444_800_000))
        return refuse(roles.time, isMissing(cell) ? 'noTime' : 'time');
      this.times[row] = read.ms;
      if (read.zone !== undefined) zone = read.zone;
    }
    let key = WHOLE;
    if (roles.key !== undefined) {
      const cell = at(roles.key);
      if (isMissing(cell)) return refuse(roles.key, 'key');
      key = String(cell).trim();
    }
    for (let i = 0; i < roles.numbers.length; i++) {
      const profile = roles.numbers[i]!;
      const cell = at(profile);
      const value = isMissing(cell) ? Number.NaN : parseNumber(cell, profile.decimal);
      if (Number.isNaN(value) && !isMissing(cell)) return refuse(profile, 'number');
      // Infinity, or a number beyond what a double holds
      if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY)
        return refuse(profile, 'finite');
      this.numbers[i]![row] = value;
    }
    for (let i = 0; i < roles.categories.length; i++) {
      const cell = at(roles.categories[i]!);
      this.categories[i]!.push(isMissing(cell) ? '' : String(cell).trim());
    }
    if (roles.secondaryKey !== undefined) {
      const cell = at(roles.secondaryKey);
      this.secondary.push(isMissing(cell) ? '' : String(cell).trim());
    }
    this.labels[row] = roles.label !== undefined && isMarked(at(roles.label)) ? 1 : 0;
    this.labelled += this.labels[row]!;
    this.lines[row] = line;
    this.keys.push(key);
    this.zones.push(zone);
    if (row > 0 && this.times[row]! < this.times[row - 1]!) this.sorted = false;
    this.rows++;
    return undefined;
  }

  private grow(): void {
    const more = <T extends Float64Array | Uint8Array>(old: T, fresh: T): T => {
      fresh.set(old);
      return fresh;
    };
    const size = this.times.length * 2;
    this.times = more(this.times, new Float64Array(size));
    this.lines = more(this.lines, new Float64Array(size));
    this.labels = more(this.labels, new Uint8Array(size));
    this.numbers = this.numbers.map((values) => more(values, new Float64Array(size)));
  }

  private sort(): void {
    this.order = Uint32Array.from({ length: this.rows }, (_, row) => row);
    // Typed arrays sort stably: rows of one time stay in the file's order.
    if (!this.sorted) this.order.sort((a, b) => this.times[a]! - this.times[b]! || a - b);
  }

  /** How many entities there are among the rows from `from` to before `to`, in time order. */
  entities(from = 0, to = this.rows): number {
    const seen = new Set<string>();
    for (let i = from; i < to; i++) seen.add(this.keys[this.order[i]!]!);
    return seen.size;
  }

  timeAt(index: number): number {
    return this.times[this.order[index]!]!;
  }

  keyAt(index: number): string {
    return this.keys[this.order[index]!]!;
  }

  /** line of the file */
  lineAt(index: number): number {
    return this.lines[this.order[index]!]!;
  }

  numberAt(number: number, index: number): number {
    return this.numbers[number]![this.order[index]!]!;
  }

  labelAt(index: number): number {
    return this.labels[this.order[index]!]!;
  }

  /** The event at `index` in time order, with the fields that a made-up pipeline names. */
  eventAt(index: number, fields: EventFields): Record<string, unknown> {
    const row = this.order[index]!;
    const event: Record<string, unknown> = {
      [fields.time]: this.times[row],
      [fields.zone]: this.zones[row],
    };
    for (let i = 0; i < this.numbers.length; i++) {
      const value = this.numbers[i]![row]!;
      event[fields.numbers[i]!] = Number.isNaN(value) ? null : value;
    }
    for (let i = 0; i < this.categories.length; i++) event[fields.categories[i]!] = this.categories[i]![row];
    if (fields.secondary !== undefined) event[fields.secondary] = this.secondary[row];
    return event;
  }
}

/** What the columns are called in events. */
export interface EventFields {
  readonly time: string;
  readonly zone: string;
  readonly numbers: readonly string[];
  readonly categories: readonly string[];
  readonly secondary: string | undefined;
}

/** A label marks a row unless it is nothing, zero or a word for normal. */
export function isMarked(cell: string | number | boolean | Date | null): boolean {
  if (isMissing(cell)) return false;
  const text = String(cell).trim().toLowerCase();
  return !/^(0+([.,]0*)?|false|no|n|normal|ok|good|benign|legit|否|正常)$/.test(text);
}
