import { type Cell, shortened } from '../../../lib/table-files/table.js';
import { type AvroField, readerFields } from '../../../pipelines/avro-fields.js';
import type { Pipeline } from '../../../pipelines/loader.js';
import { UsageError } from '../exit.js';
import { LocalTime } from '../guess/local-time.js';
import { isMissing, parseNumber } from '../guess/numbers.js';
import { readTime, type TimeReading, timeReadingOf } from '../guess/times.js';

const NUMBERS = new Set(['int', 'long', 'float', 'double']);

export interface RowEvent {
  readonly key: string;
  readonly event: Record<string, unknown>;
}

/** Why a row gives no event: the field, what stands there, and what to do about it. */
export interface BadRowEvent {
  readonly reason: 'missingField' | 'malformed';
  readonly field: string;
  readonly value: string;
  readonly remedy: string;
}

export function isBadRow(read: RowEvent | BadRowEvent): read is BadRowEvent {
  return 'reason' in read;
}

/** Turns rows into a pipeline's events: columns by the names of the schema's fields, cells by their Avro types. */
export class RowEvents {
  readonly #columns: readonly { readonly index: number; readonly field: AvroField }[];
  readonly #entity: number;
  readonly #time: number;
  readonly #local = new LocalTime();
  /** how the last time was read: the next one most likely is written alike */
  #reading: TimeReading | undefined;

  constructor(
    path: string,
    columns: readonly string[],
    private readonly pipeline: Pipeline,
  ) {
    const fields = readerFields(pipeline.schema) ?? new Map<string, AvroField>();
    this.#columns = columns.flatMap((name, index) => {
      const field = fields.get(name);
      return field === undefined ? [] : [{ index, field }];
    });
    const missing = [pipeline.entity, pipeline.time].filter((name) => !columns.includes(name));
    if (missing.length > 0)
      throw new UsageError(
        `${path} has no column ${missing.map((name) => `'${name}'`).join(', ')}; the columns must be named like the fields of ${pipeline.schemaName} (it has ${columns.slice(0, 12).join(', ')})`,
      );
    this.#entity = columns.indexOf(pipeline.entity);
    this.#time = columns.indexOf(pipeline.time);
  }

  /** The event of a row, or the reason why there is none. */
  read(cells: readonly Cell[]): RowEvent | BadRowEvent {
    const key = cells[this.#entity] ?? null;
    if (isMissing(key))
      return bad('missingField', this.pipeline.entity, key, 'fill it in: it says what the event is about');
    const event: Record<string, unknown> = {};
    for (const { index, field } of this.#columns) {
      const cell = cells[index] ?? null;
      if (isMissing(cell)) event[field.name] = null;
      else if (field.name === this.pipeline.time) {
        const ms = this.#timeOf(cell);
        if (Number.isNaN(ms))
          return bad('malformed', field.name, cell, 'write epoch ms, or a time such as 2024-03-05 14:00:00');
        event[field.name] = ms;
      } else if (NUMBERS.has(field.type)) {
        const value = parseNumber(cell, '.');
        if (!Number.isFinite(value))
          return bad('malformed', field.name, cell, 'write a number with a decimal point, or leave it empty');
        event[field.name] = value;
      } else event[field.name] = field.type === 'boolean' ? cell === true || cell === 'true' : String(cell);
    }
    return { key: String(key), event };
  }

  /** The event time of a row, epoch ms; NaN when it has none that can be read. */
  time(cells: readonly Cell[]): number {
    const cell = cells[this.#time] ?? null;
    return isMissing(cell) ? Number.NaN : this.#timeOf(cell);
  }

  #timeOf(cell: Cell): number {
    if (typeof cell === 'number') return cell;
    if (this.#reading !== undefined) {
      const { ms } = readTime(cell, this.#reading, 'UTC', this.#local);
      if (!Number.isNaN(ms)) return ms;
    }
    const reading = timeReadingOf([cell], true);
    if (reading === undefined) return Number.NaN;
    const { ms } = readTime(cell, reading, 'UTC', this.#local);
    // A count of seconds from nowhere, and a date whose day may be its month, say nothing of the next cell.
    if (!reading.relative && !reading.ambiguous) this.#reading = reading;
    return ms;
  }
}

function bad(reason: BadRowEvent['reason'], field: string, value: Cell, remedy: string): BadRowEvent {
  return { reason, field, value: shortened(value === null ? '' : String(value), 40), remedy };
}
