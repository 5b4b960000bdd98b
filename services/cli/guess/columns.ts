import type { Cell, TableRow } from '../../../lib/table-files/table.js';
import type { LocalTime } from './local-time.js';
import { type DecimalSign, decimalSignOf, isMissing, parseNumber } from './numbers.js';
import { type TimeReading, timeReadingOf } from './times.js';

/** What a sample of a column says of it. */
export interface ColumnProfile {
  readonly name: string;
  readonly index: number;
  readonly cells: readonly Cell[];
  readonly filled: number;
  /** different values among the filled */
  readonly distinct: number;
  readonly decimal: DecimalSign;
  /** share of the filled cells that are numbers, and the numbers in their order (NaN where missing) */
  readonly numeric: number;
  readonly values: Float64Array;
  readonly whole: boolean;
  readonly min: number;
  readonly max: number;
  readonly time: TimeReading | undefined;
  /** whether the cells are IANA time zones */
  readonly zones: boolean;
  /** whether the cells are clocks without a date: 14:05, 14.05.30 */
  readonly clock: boolean;
}

/** The name's parts in lower case: 'deviceId', 'device_id' and 'Device ID' all give device, id. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}

const TIME_WORDS = /^(time|date|datetime|timestamp|ts|when|at|day|seconds|created|occurred|recorded)$/;
const TIME_CHINESE = /时间|日期|时刻/;

export function isTimeName(name: string): boolean {
  return TIME_CHINESE.test(name) || wordsOf(name).some((word) => TIME_WORDS.test(word));
}

export function profileColumns(
  names: readonly string[],
  rows: readonly TableRow[],
  local: LocalTime,
): ColumnProfile[] {
  const decimal = decimalSignOf(rows.flatMap(({ cells }) => [...cells]));
  return names.map((name, index) =>
    profileColumn(
      name,
      index,
      rows.map(({ cells }) => cells[index] ?? null),
      decimal,
      local,
    ),
  );
}

function profileColumn(
  name: string,
  index: number,
  cells: readonly Cell[],
  ofTable: DecimalSign,
  local: LocalTime,
): ColumnProfile {
  const filled = cells.filter((cell) => !isMissing(cell));
  const texts = filled.filter((cell): cell is string => typeof cell === 'string').map((cell) => cell.trim());
  // A table has one sign; a column that fits the other one better was exported apart.
  const share = (sign: DecimalSign) => filled.filter((cell) => !Number.isNaN(parseNumber(cell, sign))).length;
  const decimal = share(ofTable) >= 0.9 * filled.length ? ofTable : decimalSignOf(texts);
  const values = Float64Array.from(cells, (cell) =>
    isMissing(cell) ? Number.NaN : parseNumber(cell, decimal),
  );
  const numbers = values.filter((value) => !Number.isNaN(value));
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const value of numbers) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return {
    name,
    index,
    cells,
    filled: filled.length,
    distinct: new Set(filled.map((cell) => (cell instanceof Date ? cell.getTime() : cell))).size,
    decimal,
    numeric: filled.length === 0 ? 0 : numbers.length / filled.length,
    values,
    whole: numbers.every((value) => Number.isInteger(value)),
    min,
    max,
    time: timeReadingOf(filled, isTimeName(name)),
    zones:
      texts.length > 0 &&
      texts.filter((text) => /\/|^UTC$/.test(text) && local.knows(text)).length >= 0.9 * filled.length,
    clock:
      texts.length > 0 &&
      texts.filter((text) => /^\d{1,2}[:.]\d{2}([:.]\d{2})?(\s*[ap]m)?$/i.test(text)).length >=
        0.9 * filled.length,
  };
}
