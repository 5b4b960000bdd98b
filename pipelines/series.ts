import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** A gzipped CSV file with a header line, in plain columns of text. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function readTable(path: string): Table {
  let text: string;
  try {
    text = gunzipSync(readFileSync(path)).toString('utf8');
  } catch (error) {
    throw new Error(
      `the series ${path} can't be read: ${(error as Error).message}; the package's examples/ folder must be whole`,
      {
        cause: error,
      },
    );
  }
  const lines = text.split('\n').map((line) => line.trimEnd());
  const columns = (lines[0] ?? '').split(',');
  const rows = lines
    .slice(1)
    .filter((line) => line !== '')
    .map((line) => line.split(','));
  const broken = rows.findIndex((row) => row.length !== columns.length);
  if (broken >= 0)
    throw new Error(
      `${path}, line ${broken + 2}: ${rows[broken]!.length} fields, the header has ${columns.length}`,
    );
  return { columns, rows };
}

/** Where a column is, or an error that names the file. */
export function columnIndex(table: Table, name: string, path: string): number {
  const index = table.columns.indexOf(name);
  if (index < 0) throw new Error(`${path}: no column '${name}'; it has ${table.columns.join(', ')}`);
  return index;
}
