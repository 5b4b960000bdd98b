/** What a cell of a table file holds: text as it stands in CSV, typed values in JSON lines and Parquet. */
export type Cell = string | number | boolean | Date | null;

export interface TableRow {
  /** line of the file where the row begins, counted from 1; in Parquet the row */
  readonly line: number;
  readonly cells: readonly Cell[];
}

/**
 * Why a row could not be read as one. `fields`: more or fewer than there are columns. `quote`: one that nobody closes.
 * `json`: no JSON object.
 */
export type RowFault = 'fields' | 'quote' | 'json';

/** A row that could not be read as one. */
export interface BrokenRow {
  readonly line: number;
  readonly fault: RowFault;
  /** how many fields there are, of `fields` */
  readonly fields?: number;
  /** what stands there, shortened */
  readonly text: string;
}

export type TableItem = TableRow | BrokenRow;

export interface TableFile {
  readonly format: 'csv' | 'json-lines' | 'parquet' | 'avro';
  /** how many rows there are, where the file says so */
  readonly total?: number;
  readonly columns: readonly string[];
  readonly gzip: boolean;
  /** of text files */
  readonly encoding?: string;
  /** of CSV */
  readonly separator?: string;
  /** of CSV: whether the first row names the columns */
  readonly header?: boolean;
  /** the rows from the first on, in batches; may be called again */
  rows(): AsyncIterable<readonly TableItem[]>;
}

/** The file can't be read as a table at all; the message says what was seen and what to do. */
export class TableFileError extends Error {
  override readonly name = 'TableFileError';
}

export function isBroken(item: TableItem): item is BrokenRow {
  return 'fault' in item;
}

export function shortened(text: string, most = 80): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
