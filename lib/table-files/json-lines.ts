import { type Cell, shortened, type TableFile, TableFileError, type TableItem } from './table.js';
import { linesOf } from './text.js';

/** lines whose fields become the columns */
const SAMPLE = 1000;
/** objects within objects are columns too: a.b */
const DEEPEST = 3;

type Flat = Map<string, Cell>;

function flatten(object: object, prefix: string, depth: number, flat: Flat): void {
  for (const [name, value] of Object.entries(object) as [string, unknown][]) {
    const path = prefix + name;
    if (
      value === null ||
      typeof value === 'string' ||
      typeof value === 'number' ||
      typeof value === 'boolean'
    )
      flat.set(path, value);
    else if (typeof value === 'object' && !Array.isArray(value) && depth < DEEPEST)
      flatten(value, `${path}.`, depth + 1, flat);
    else flat.set(path, JSON.stringify(value));
  }
}

/** undefined: no JSON object */
function readLine(text: string): Flat | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const flat: Flat = new Map();
  flatten(value, '', 1, flat);
  return flat;
}

export function openJsonLines(
  path: string,
  lines: readonly string[],
  layout: { gzip: boolean; encoding: string },
): TableFile {
  const columns = new Set<string>();
  for (const line of lines.slice(0, SAMPLE)) {
    const flat = readLine(line);
    for (const name of flat?.keys() ?? []) columns.add(name);
  }
  if (columns.size === 0)
    throw new TableFileError(`${path} has no JSON objects in its first lines; write one object a line`);
  const names = [...columns];
  return {
    format: 'json-lines',
    columns: names,
    ...layout,
    rows: () => rowsOf(linesOf(path, layout.gzip, layout.encoding), names),
  };
}

async function* rowsOf(
  batches: AsyncIterable<readonly string[]>,
  columns: readonly string[],
): AsyncGenerator<TableItem[]> {
  let line = 0;
  for await (const lines of batches) {
    const items: TableItem[] = [];
    for (const text of lines) {
      line++;
      if (text.trim() === '') continue;
      const flat = readLine(text);
      if (flat === undefined) items.push({ line, fault: 'json', text: shortened(text) });
      else items.push({ line, cells: columns.map((name) => flat.get(name) ?? null) });
    }
    if (items.length > 0) yield items;
  }
}
