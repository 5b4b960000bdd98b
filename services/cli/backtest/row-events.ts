import type { Cell } from '../../../lib/table-files/table.js';
import { type AvroField, readerFields } from '../../../pipelines/avro-fields.js';
import type { Pipeline } from '../../../pipelines/loader.js';
import { UsageError } from '../exit.js';
import { LocalTime } from '../guess/local-time.js';
import { isMissing, parseNumber } from '../guess/numbers.js';
import { readTime, timeReadingOf } from '../guess/times.js';

const NUMBERS = new Set(['int', 'long', 'float', 'double']);

/** Turns rows into a pipeline's events: columns by the names of the schema's fields, cells by their Avro types. */
export class RowEvents {
  readonly #columns: readonly { readonly index: number; readonly field: AvroField }[];
  readonly #entity: number;
  readonly #local = new LocalTime();

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
  }

  /** The event of a row, or the reason why there is none. */
  read(
    cells: readonly Cell[],
  ): { key: string; event: Record<string, unknown> } | 'missingField' | 'malformed' {
    const key = cells[this.#entity] ?? null;
    if (isMissing(key)) return 'missingField';
    const event: Record<string, unknown> = {};
    for (const { index, field } of this.#columns) {
      const cell = cells[index] ?? null;
      if (isMissing(cell)) event[field.name] = null;
      else if (field.name === this.pipeline.time) {
        const ms = this.#timeOf(cell);
        if (Number.isNaN(ms)) return 'malformed';
        event[field.name] = ms;
      } else if (NUMBERS.has(field.type)) {
        const value = parseNumber(cell, '.');
        if (!Number.isFinite(value)) return 'malformed';
        event[field.name] = value;
      } else event[field.name] = field.type === 'boolean' ? cell === true || cell === 'true' : String(cell);
    }
    return { key: String(key), event };
  }

  #timeOf(cell: Cell): number {
    if (typeof cell === 'number') return cell;
    const reading = timeReadingOf([cell], true);
    return reading === undefined ? Number.NaN : readTime(cell, reading, 'UTC', this.#local).ms;
  }
}
