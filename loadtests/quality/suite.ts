import { median } from '../statistics.js';

/** What the suites of `npm run bench:quality` share: how they are asked and what they answer. */
export interface SuiteOptions {
  /** folder of the suite's data; the suites that ship their data have a default */
  readonly data?: string;
  /** seeds that models are trained with, or streams are generated from */
  readonly seeds: readonly number[];
  /** leave parts out one by one and measure again */
  readonly ablation: boolean;
  /** run the Python baselines beside it */
  readonly baselines: boolean;
  /** nab: the folder of NAB's own scorer */
  readonly scorer?: string;
  /** one line of what is going on, to stderr */
  readonly progress: (line: string) => void;
}

/** One table of the report: the first cell of a row is its name. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface SuiteResult {
  /** what `--json` prints as the last line */
  readonly figures: Readonly<Record<string, unknown>>;
  readonly tables: readonly Table[];
}

export type Suite = (options: SuiteOptions) => Promise<SuiteResult>;

/** A table as text: numbers with three digits after the point. */
export function formatTable({ title, columns, rows }: Table): string {
  const text = [columns, ...rows].map((row) =>
    row.map((cell) => (typeof cell === 'number' && !Number.isInteger(cell) ? cell.toFixed(3) : String(cell))),
  );
  const widths = columns.map((_, column) => Math.max(...text.map((row) => (row[column] ?? '').length)));
  const lines = text.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return [title, ...lines].join('\n');
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** `middle (least – most)` of a figure over seeds; the figure alone where all agree */
export function spread(values: readonly number[], digits = 3): string {
  const least = Math.min(...values);
  const most = Math.max(...values);
  const middle = median(values).toFixed(digits);
  return most - least < 10 ** -digits / 2
    ? middle
    : `${middle} (${least.toFixed(digits)} – ${most.toFixed(digits)})`;
}
