import { parse } from 'csv-parse/sync';
import { shortened, type TableFile, TableFileError, type TableItem } from './table.js';
import { linesOf } from './text.js';

/** lines that are parsed together */
const BLOCK = 500;
/** lines that one quoted field may span; beyond, its quote is taken for a stray one */
const LONGEST_RECORD = 200;
const SEPARATORS = [';', '\t', '|', ','];

/** what csv-parse says of quotes that don't fit */
const QUOTE_FAULTS = new Set([
  'CSV_QUOTE_NOT_CLOSED',
  'CSV_INVALID_CLOSING_QUOTE',
  'CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE',
  'INVALID_OPENING_QUOTE',
]);

/** stands for the fields of a line with a stray quote */
const STRAY: string[] = [];

interface Parsed {
  readonly cells: string[];
  /** index in the block of the line where the record begins, and of the one after its last */
  readonly from: number;
  readonly to: number;
}

/** Records of some lines; `open` is where a quote was opened that the lines don't close, -1 for none. */
function parseLines(
  lines: readonly string[],
  separator: string,
  relaxed = true,
): { records: Parsed[]; open: number } {
  const records: Parsed[] = [];
  let at = 0;
  try {
    parse(lines.join('\n'), {
      delimiter: separator,
      relax_quotes: relaxed,
      relax_column_count: true,
      on_record: (cells: string[], { lines: ended }: { lines: number }) => {
        records.push({ cells, from: at, to: ended });
        at = ended;
        return null;
      },
    });
  } catch (error) {
    if (!QUOTE_FAULTS.has(String((error as { code?: unknown }).code))) throw error;
    return { records, open: at };
  }
  return { records, open: -1 };
}

export function parseRecord(line: string, separator: string): string[] {
  const { records } = parseLines([line], separator);
  return records[0]?.cells ?? line.split(separator);
}

/**
 * The separator that gives most lines as many fields as the first line, more fields before fewer.
 * One column without any separator is a table too; it gets a comma.
 */
export function separatorOf(lines: readonly string[]): string {
  let best = ',';
  let bestScore = 0;
  for (const separator of SEPARATORS) {
    const counts = lines.map((line) => parseRecord(line, separator).length);
    const wanted = counts[0] ?? 1;
    if (wanted < 2) continue;
    const share = counts.filter((count) => count === wanted).length / counts.length;
    const score = share + Math.min(wanted, 50) / 1000;
    if (share >= 0.5 && score > bestScore) {
      best = separator;
      bestScore = score;
    }
  }
  return best;
}

/** Whether the first row names columns: no number and no digit-led time among its fields, and no field twice. */
export function isHeader(fields: readonly string[]): boolean {
  const named = fields.map((field) => field.trim());
  if (named.filter((field) => field === '').length > 1) return false;
  if (new Set(named).size < named.length) return false;
  return !named.some(
    (field) => /^[-+]?[\d.,]+(e[-+]?\d+)?\s*%?$/i.test(field) || /^\d{1,4}[-/.年]\d/.test(field),
  );
}

/** Names for columns: those of the header with empty ones filled in, or c1, c2 … */
function namesOf(fields: readonly string[], header: boolean): string[] {
  return fields.map((field, index) => (header && field.trim() !== '' ? field.trim() : `c${index + 1}`));
}

export interface CsvLayout {
  readonly gzip: boolean;
  readonly encoding: string;
  readonly separator?: string | undefined;
  readonly header?: boolean | undefined;
}

/** @param lines first lines of the file, to tell the layout by */
export function openCsv(path: string, lines: readonly string[], layout: CsvLayout): TableFile {
  const first = lines[0];
  if (first === undefined) throw new TableFileError(`${path} is empty; give a file with rows`);
  const separator = layout.separator ?? separatorOf(lines.slice(0, 200));
  const fields = parseRecord(first, separator);
  const header = layout.header ?? isHeader(fields);
  const columns = namesOf(fields, header);
  return {
    format: 'csv',
    columns,
    gzip: layout.gzip,
    encoding: layout.encoding,
    separator,
    header,
    rows: () => csvRows(linesOf(path, layout.gzip, layout.encoding), separator, columns.length, header),
  };
}

/** Rows of CSV lines. A row with another number of fields is broken, and takes no other with it. */
export async function* csvRows(
  batches: AsyncIterable<readonly string[]> | Iterable<readonly string[]>,
  separator: string,
  columns: number,
  header: boolean,
): AsyncGenerator<TableItem[]> {
  let pending: string[] = [];
  let line = 1;
  let skip = header;
  const take = (last: boolean): TableItem[] => {
    const items: TableItem[] = [];
    while (pending.length > 0 && (last || pending.length >= BLOCK)) {
      const block = pending.slice(0, BLOCK);
      const end = last && block.length === pending.length;
      const used = takeBlock(block, end);
      for (const { cells, from, to } of used.records) {
        if (cells.length === 1 && cells[0]!.trim() === '') continue;
        if (skip) skip = false;
        else if (cells.length === columns) items.push({ line: line + from, cells });
        else
          items.push({
            line: line + from,
            ...(cells === STRAY ? { fault: 'quote' } : { fault: 'fields', fields: cells.length }),
            text: shortened(block.slice(from, to).join(' ')),
          });
      }
      line += used.lines;
      pending = pending.slice(used.lines);
    }
    return items;
  };

  /** A field over several lines that ends where no field ends, or leaves too few fields: a quote that nobody closed. */
  const isAstray = ({ cells, from, to }: Parsed, lines: readonly string[]): boolean =>
    to - from > 1 &&
    (cells.length !== columns || parseLines(lines.slice(from, to), separator, false).open >= 0);

  /** What a block gives before its last, possibly unfinished record. A record whose quote went astray gives its first line. */
  function takeBlock(block: readonly string[], end: boolean): { records: Parsed[]; lines: number } {
    const records: Parsed[] = [];
    let at = 0;
    while (at < block.length) {
      const parsed = parseLines(block.slice(at), separator);
      const astray = parsed.records.findIndex((record) => isAstray(record, block.slice(at)));
      const sound = astray < 0 ? parsed.records : parsed.records.slice(0, astray);
      for (const { cells, from, to } of sound) records.push({ cells, from: at + from, to: at + to });
      let broken = astray < 0 ? parsed.open : parsed.records[astray]!.from;
      if (broken < 0) return { records, lines: block.length };
      broken += at;
      // The rest of the field may be in the lines to come.
      if (astray < 0 && !end && broken > 0 && block.length - broken < LONGEST_RECORD)
        return { records, lines: broken };
      records.push({ cells: STRAY, from: broken, to: broken + 1 });
      at = broken + 1;
    }
    return { records, lines: block.length };
  }

  for await (const lines of batches) {
    pending = pending.length > 0 ? pending.concat(lines) : [...lines];
    const items = take(false);
    if (items.length > 0) yield items;
  }
  const items = take(true);
  if (items.length > 0) yield items;
}
