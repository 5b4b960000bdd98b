import type { Cell } from '../../../lib/table-files/table.js';
import type { LocalTime } from './local-time.js';

/** What a text says of a time: the wall clock as if it were UTC (epoch ms), and the offset or zone that it names. */
interface Read {
  readonly wall: number;
  /** minutes ahead of UTC; undefined when the text names none */
  readonly offset?: number | undefined;
  /** IANA zone, when the text names one */
  readonly zone?: string | undefined;
}

export interface TimeFormat {
  /** as people write it, for messages */
  readonly name: string;
  read(text: string): Read | undefined;
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const CLOCK =
  '(?:[T\\s,:]\\s*(?<h>\\d{1,2})[:.h时](?<m>\\d{2})(?:[:.分](?<s>\\d{2}))?(?:[.,](?<f>\\d{1,9}))?秒?\\s*(?<ap>am|pm|a\\.m\\.|p\\.m\\.)?)?';
const ZONE =
  '(?:\\s*(?<z>Z|UTC|GMT)?(?<o>[-+]\\d{2}(?::?\\d{2})?)?)?(?:\\s*\\[?(?<iana>[A-Z][A-Za-z]+/[A-Za-z_/+-]+)\\]?)?';

function format(name: string, date: string, clock = CLOCK): TimeFormat {
  const pattern = new RegExp(`^${date}${clock}${ZONE}$`, 'i');
  return {
    name,
    read(text) {
      const groups = pattern.exec(text)?.groups;
      return groups === undefined ? undefined : fromGroups(groups);
    },
  };
}

function fromGroups(groups: Record<string, string | undefined>): Read | undefined {
  const number = (name: string) => Number(groups[name] ?? 0);
  let year = number('y');
  if (groups['y']!.length === 2) year += year < 70 ? 2000 : 1900;
  const name = groups['mon']?.slice(0, 3).toLowerCase();
  const month = name === undefined ? number('mo') : MONTHS.indexOf(name) + 1;
  const day = number('d');
  let hour = number('h');
  const half = groups['ap']?.[0]?.toLowerCase() ?? groups['cn'];
  if (half === 'p' || half === '下午' || half === '晚上') hour = (hour % 12) + 12;
  else if (half === 'a' || half === '上午' || half === '凌晨') hour %= 12;
  const minute = number('m');
  const second = number('s');
  if (month < 1 || month > 12 || hour > 24 || minute > 59 || second > 60) return undefined;
  if (day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return undefined;
  const fraction = groups['f'] === undefined ? 0 : Number(`0.${groups['f']}`) * 1000;
  const wall = Date.UTC(year, month - 1, day, hour, minute, second) + Math.trunc(fraction);
  return { wall, offset: offsetOf(groups['z'], groups['o']), zone: groups['iana'] };
}

function offsetOf(zulu: string | undefined, offset: string | undefined): number | undefined {
  if (offset === undefined) return zulu === undefined ? undefined : 0;
  const sign = offset[0] === '-' ? -1 : 1;
  const digits = offset.slice(1).replace(':', '');
  return sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2, 4) || 0));
}

const CHINESE_CLOCK =
  '(?:\\s*(?<cn>上午|下午|凌晨|晚上)?\\s*(?<h>\\d{1,2})[:：时点](?<m>\\d{1,2})分?(?:[:：]?(?<s>\\d{1,2})秒?)?(?:[.,](?<f>\\d{1,9}))?)?';

/** Formats of text; those that may be mistaken for one another (day or month first) stand side by side. */
export const FORMATS: readonly TimeFormat[] = [
  format('YYYY-MM-DD hh:mm', '(?<y>\\d{4})[-/.](?<mo>\\d{1,2})[-/.](?<d>\\d{1,2})'),
  format('YYYY年M月D日', '(?<y>\\d{4})年(?<mo>\\d{1,2})月(?<d>\\d{1,2})日', CHINESE_CLOCK),
  format('DD.MM.YYYY hh:mm', '(?<d>\\d{1,2})[-/.](?<mo>\\d{1,2})[-/.](?<y>\\d{4}|\\d{2})'),
  format('MM/DD/YYYY hh:mm', '(?<mo>\\d{1,2})[-/.](?<d>\\d{1,2})[-/.](?<y>\\d{4}|\\d{2})'),
  format(
    'D Mon YYYY hh:mm',
    '(?:[A-Za-z]{3,9},?\\s+)?(?<d>\\d{1,2})[-/\\s](?<mon>[A-Za-z]{3,9})[-/\\s](?<y>\\d{4}|\\d{2})',
  ),
  format(
    'Mon D YYYY hh:mm',
    '(?:[A-Za-z]{3},?\\s+)?(?<mon>[A-Za-z]{3,9})\\s+(?<d>\\d{1,2}),?\\s+(?<y>\\d{4})',
  ),
  format(
    'YYYYMMDD hhmmss',
    '(?<y>(?:19|20)\\d{2})(?<mo>\\d{2})(?<d>\\d{2})',
    '(?:[T\\s_-]?(?<h>\\d{2}):?(?<m>\\d{2})(?::?(?<s>\\d{2}))?(?:[.,](?<f>\\d{1,9}))?)?',
  ),
];

const DAY_FIRST = FORMATS[2]!;
const MONTH_FIRST = FORMATS[3]!;

export type EpochUnit = 's' | 'ms' | 'µs' | 'ns';
const PER_MS: Record<EpochUnit, number> = { s: 1e-3, ms: 1, µs: 1e3, ns: 1e6 };

/** Seconds, ms, µs or ns since 1970, by magnitude: the one that puts it between 1990 and 2100. */
export function epochUnitOf(value: number): EpochUnit | undefined {
  const units: EpochUnit[] = ['s', 'ms', 'µs', 'ns'];
  return units.find((unit) => {
    const ms = value / PER_MS[unit];
    return ms >= 631_152_000_000 && ms < 4_102_444_800_000;
  });
}

/** How a column's times are read. */
export interface TimeReading {
  /** formats by how often they fit, first the most frequent */
  readonly formats: readonly TimeFormat[];
  readonly epoch: EpochUnit | undefined;
  /** whole seconds since an unknown start */
  readonly relative: boolean;
  /** whether cells without an offset were seen, and those with one */
  readonly local: boolean;
  readonly offsets: boolean;
  /** day or month first could not be told from the values */
  readonly ambiguous: boolean;
}

/** Where a table's count of seconds without a date is laid: it needs some day to count from. */
const RELATIVE_START = Date.UTC(2000, 0, 1);

export interface ReadTime {
  /** epoch ms, NaN when the cell can't be read */
  readonly ms: number;
  readonly zone: string | undefined;
}

const UNREAD: ReadTime = { ms: Number.NaN, zone: undefined };

/** @param zone of cells that name none */
export function readTime(cell: Cell, reading: TimeReading, zone: string, local: LocalTime): ReadTime {
  if (cell instanceof Date) return { ms: cell.getTime(), zone: undefined };
  if (cell === null || typeof cell === 'boolean') return UNREAD;
  const text = typeof cell === 'string' ? cell.trim() : cell;
  const digits = typeof text === 'number' || /^-?\d+(\.\d+)?$/.test(text);
  if (digits && (reading.epoch !== undefined || reading.relative)) {
    const value = Number(text);
    if (reading.relative) return { ms: RELATIVE_START + value * 1000, zone: undefined };
    // Decimal commas and dots don't matter here; a column that mixes units is read by each value's own magnitude.
    const unit = epochUnitOf(value);
    return unit === undefined ? UNREAD : { ms: Math.round(value / PER_MS[unit]), zone: undefined };
  }
  const words = String(text);
  for (const candidate of reading.formats) {
    const read = candidate.read(words);
    if (read === undefined) continue;
    if (read.zone !== undefined && !local.knows(read.zone)) return UNREAD;
    if (read.offset !== undefined) return { ms: read.wall - read.offset * 60_000, zone: read.zone };
    return { ms: local.toEpoch(read.wall, read.zone ?? zone), zone: read.zone };
  }
  return UNREAD;
}

/**
 * How to read a column of times, by a sample of it; undefined when fewer than `least` of the cells are times.
 * @param named whether the column's name says that it holds times: only then are small counts taken as seconds
 */
export function timeReadingOf(cells: readonly Cell[], named: boolean, least = 0.8): TimeReading | undefined {
  if (cells.length === 0) return undefined;
  const base = {
    local: false,
    offsets: true,
    ambiguous: false,
    relative: false,
    epoch: undefined,
    formats: [],
  };
  if (cells.filter((cell) => cell instanceof Date).length >= least * cells.length) return base;
  const numeric = cells
    .map((cell) =>
      typeof cell === 'number'
        ? cell
        : typeof cell === 'string' && /^-?\d+([.]\d+)?$/.test(cell.trim())
          ? Number(cell)
          : Number.NaN,
    )
    .filter((value) => !Number.isNaN(value));
  if (numeric.length >= least * cells.length) {
    const epoch = epochUnitOf(numeric[numeric.length >> 1]!);
    const inRange = numeric.filter((value) => epochUnitOf(value) !== undefined);
    if (
      epoch !== undefined &&
      inRange.length >= least * cells.length &&
      (named || epoch !== 's' || isRising(numeric))
    )
      return { ...base, epoch };
    const compact = FORMATS[6]!;
    const dates = numeric.filter((value) => compact.read(String(value)) !== undefined);
    if (dates.length >= least * cells.length)
      return { ...base, formats: [compact], local: true, offsets: false };
    return named && isRising(numeric) ? { ...base, relative: true } : undefined;
  }
  const texts = cells.filter((cell): cell is string => typeof cell === 'string').map((text) => text.trim());
  const counts = FORMATS.map((candidate) => ({
    candidate,
    count: texts.filter((text) => candidate.read(text) !== undefined).length,
  }));
  const read = texts.filter((text) => FORMATS.some((candidate) => candidate.read(text) !== undefined));
  if (read.length < least * cells.length) return undefined;
  const byCount = (which: TimeFormat) => counts.find(({ candidate }) => candidate === which)!.count;
  const { ambiguous, wrong } = dayOrMonth(texts, byCount(DAY_FIRST), byCount(MONTH_FIRST));
  const formats = counts
    .filter(({ candidate, count }) => count > 0 && candidate !== wrong)
    .sort((a, b) => b.count - a.count)
    .map(({ candidate }) => candidate);
  const reads = read.map((text) => formats.map((one) => one.read(text)).find((one) => one !== undefined));
  return {
    ...base,
    formats,
    ambiguous,
    local: reads.some((one) => one !== undefined && one.offset === undefined && one.zone === undefined),
    offsets: reads.some((one) => one !== undefined && (one.offset !== undefined || one.zone !== undefined)),
  };
}

/** Which of the two orders is wrong: the one that fits fewer cells; if both fit, the one that gives the less even course. */
function dayOrMonth(
  texts: readonly string[],
  day: number,
  month: number,
): { ambiguous: boolean; wrong: TimeFormat | undefined } {
  if (day === 0 && month === 0) return { ambiguous: false, wrong: undefined };
  if (day !== month) return { ambiguous: false, wrong: day > month ? MONTH_FIRST : DAY_FIRST };
  const travel = (which: TimeFormat) => {
    let sum = 0;
    let last = Number.NaN;
    for (const text of texts) {
      const wall = which.read(text)?.wall;
      if (wall === undefined) continue;
      if (!Number.isNaN(last)) sum += Math.abs(wall - last);
      last = wall;
    }
    return sum;
  };
  const [byDay, byMonth] = [travel(DAY_FIRST), travel(MONTH_FIRST)];
  return { ambiguous: byDay === byMonth, wrong: byDay <= byMonth ? MONTH_FIRST : DAY_FIRST };
}

function isRising(values: readonly number[]): boolean {
  let falls = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! < values[i - 1]!) falls++;
  return falls <= 0.05 * values.length && values[0] !== values[values.length - 1];
}

/** How a reading is told to people. */
export function describeReading(reading: TimeReading): string {
  if (reading.relative) return 'seconds from an unknown start, laid from 2000-01-01 on';
  if (reading.epoch !== undefined) return `epoch ${reading.epoch}`;
  if (reading.formats.length === 0) return 'timestamps';
  const names = reading.formats.map(({ name }) => name).join(' | ');
  return reading.ambiguous ? `${names} (day or month first can't be told from the values)` : names;
}
