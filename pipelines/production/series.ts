import { join } from 'node:path';
import { columnIndex, readTable } from '../series.js';

/** The 52 variables, in the order of the files and of schemas/plant-reading.avsc. */
export const VARIABLES: readonly string[] = [
  ...Array.from({ length: 41 }, (_, i) => `xmeas_${i + 1}`),
  ...Array.from({ length: 11 }, (_, i) => `xmv_${i + 1}`),
];
/** The first 41 are measured by sensors; the rest are set by the controllers. */
export const MEASURED = 41;

export const FAULTS = 21;
/** In the test series a fault begins at this row, counted from 0. */
export const FAULT_ROW = 160;
export const INTERVAL_MS = 180_000;

/** One recorded run: rows × 52 values, row by row. */
export interface Series {
  readonly name: string;
  readonly rows: number;
  readonly values: Float64Array;
}

export function testSeriesOf(fault: number): string {
  return `d${String(fault).padStart(2, '0')}_te`;
}

/** Reads series of the Tennessee Eastman process (examples/production-tep) when they are asked for, and keeps them. */
export class SeriesFolder {
  private readonly read = new Map<string, Series>();

  constructor(private readonly folder: string) {}

  get(name: string): Series {
    const known = this.read.get(name);
    if (known) return known;
    const path = join(this.folder, `${name}.csv.gz`);
    const table = readTable(path);
    const indices = VARIABLES.map((variable) => columnIndex(table, variable, path));
    const values = new Float64Array(table.rows.length * VARIABLES.length);
    for (let row = 0; row < table.rows.length; row++) {
      for (let v = 0; v < VARIABLES.length; v++) {
        const value = Number(table.rows[row]![indices[v]!]);
        if (!Number.isFinite(value))
          throw new Error(
            `${path}, line ${row + 2}: ${VARIABLES[v]} is '${table.rows[row]![indices[v]!]}', not a number`,
          );
        values[row * VARIABLES.length + v] = value;
      }
    }
    const series = { name, rows: table.rows.length, values };
    this.read.set(name, series);
    return series;
  }
}

/** Standard deviation of each variable in a series. */
export function deviations(series: Series): Float64Array {
  const width = VARIABLES.length;
  const out = new Float64Array(width);
  for (let v = 0; v < width; v++) {
    let sum = 0;
    let squares = 0;
    for (let row = 0; row < series.rows; row++) {
      const value = series.values[row * width + v]!;
      sum += value;
      squares += value * value;
    }
    const mean = sum / series.rows;
    out[v] = Math.sqrt(Math.max(0, squares / series.rows - mean * mean));
  }
  return out;
}
