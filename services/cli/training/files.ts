import { basename } from 'node:path';
import { openTable } from '../../../lib/table-files/open.js';
import { isBroken, type RowFault, type TableFile } from '../../../lib/table-files/table.js';
import type { Pipeline } from '../../../pipelines/loader.js';
import type { RecordedEvents } from '../../scorer/train.js';
import { UsageError } from '../exit.js';
import { isBadRow, RowEvents } from '../rows/row-events.js';
import { SortedSpool } from './sorted-spool.js';
import { EVENTS_A_BATCH, Faults, type TrainingSource } from './source.js';

export interface FileOptions {
  readonly onScan: (rows: number, total: number) => void;
  readonly onSort: (rows: number, total: number) => void;
  /** events at or after it alone, and before it alone; epoch ms */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** for tests */
  readonly runBytes?: number;
}

interface Opened {
  readonly path: string;
  readonly file: TableFile;
  readonly events: RowEvents;
}

const REMEDIES: Readonly<Record<RowFault, string>> = {
  fields: 'give it as many fields as there are columns',
  quote: 'close the quote, or double it',
  json: 'write one JSON object a line',
};

/**
 * CSV, JSON lines, Parquet and Avro container files whose columns are named like the schema's fields. They are read
 * twice: once for the times alone, to tell how many rows there are and whether they come in order; then as events,
 * streamed when they do, sorted through temporary files when they don't.
 */
export async function fileEvents(
  paths: readonly string[],
  pipeline: Pipeline,
  options: FileOptions,
): Promise<TrainingSource> {
  const opened: Opened[] = [];
  for (const path of paths) {
    const file = await openTable(path);
    opened.push({ path, file, events: new RowEvents(path, file.columns, pipeline) });
  }
  const scan = await scanned(opened, pipeline, options);
  if (scan.inRange === 0)
    throw new UsageError(
      `${paths.join(', ')}: none of the ${scan.rows} rows has a time${(options.since ?? options.until) ? ' within --since and --until' : ''} in the column '${pipeline.time}'${scan.example}`,
    );
  const faults = new Faults();
  const spool = scan.inOrder ? undefined : new SortedSpool(options.runBytes);
  return {
    name: `files ${paths.map((path) => basename(path)).join(', ')}${scan.inOrder ? '' : ', sorted by time'}`,
    total: () => scan.inRange,
    faults,
    batches:
      spool === undefined
        ? events(opened, pipeline, options, faults)
        : sorted(events(opened, pipeline, options, faults), pipeline, spool, (rows) =>
            options.onSort(rows, scan.inRange),
          ),
    close: () => spool?.close(),
  };
}

async function scanned(opened: readonly Opened[], pipeline: Pipeline, options: FileOptions) {
  let rows = 0;
  let inRange = 0;
  let newest = Number.NEGATIVE_INFINITY;
  let inOrder = true;
  let example = '';
  const known = opened.reduce<number>((sum, { file }) => sum + (file.total ?? Number.NaN), 0);
  for (const { file, events, path } of opened) {
    for await (const items of file.rows()) {
      for (const item of items) {
        rows++;
        if (isBroken(item)) continue;
        const time = events.time(item.cells);
        if (Number.isNaN(time)) {
          if (example === '')
            example = `; line ${item.line} of ${basename(path)} has '${String(item.cells[file.columns.indexOf(pipeline.time)] ?? '')}': write epoch ms, or a time such as 2024-03-05 14:00:00`;
          continue;
        }
        if (!isWithin(time, options)) continue;
        inRange++;
        // The scorer takes events this late too.
        if (time < newest - pipeline.late) inOrder = false;
        if (time > newest) newest = time;
      }
      options.onScan(rows, Number.isNaN(known) ? 0 : known);
    }
  }
  return { rows, inRange, inOrder, example };
}

function isWithin(time: number, { since, until }: FileOptions): boolean {
  return time >= (since ?? Number.NEGATIVE_INFINITY) && time < (until ?? Number.POSITIVE_INFINITY);
}

async function* events(
  opened: readonly Opened[],
  { time }: Pipeline,
  options: FileOptions,
  faults: Faults,
): AsyncGenerator<RecordedEvents> {
  for (const { path, file, events: reader } of opened) {
    const unit = file.format === 'parquet' || file.format === 'avro' ? 'row' : 'line';
    for await (const items of file.rows()) {
      const keys: string[] = [];
      const events: object[] = [];
      for (const item of items) {
        const where = `${unit} ${item.line} of ${basename(path)}`;
        if (isBroken(item)) {
          faults.note(item.fault, where, `'${item.text}'; ${REMEDIES[item.fault]}`);
          continue;
        }
        const read = reader.read(item.cells);
        if (isBadRow(read)) {
          faults.refuse(read, where);
          continue;
        }
        // a missing time is for the intake to refuse and count
        const at = read.event[time];
        if (typeof at === 'number' && !isWithin(at, options)) continue;
        keys.push(read.key);
        events.push(read.event);
      }
      if (events.length > 0) yield { keys, events };
    }
  }
}

async function* sorted(
  batches: AsyncIterable<RecordedEvents>,
  { time }: Pipeline,
  spool: SortedSpool,
  onRow: (rows: number) => void,
): AsyncGenerator<RecordedEvents> {
  for await (const batch of batches) {
    batch.events.forEach((event, i) => {
      const at = (event as Record<string, unknown>)[time];
      spool.add({
        time: typeof at === 'number' ? at : Number.NEGATIVE_INFINITY,
        key: batch.keys[i]!,
        value: Buffer.from(JSON.stringify(event)),
      });
    });
    onRow(spool.records);
  }
  let keys: string[] = [];
  let events: object[] = [];
  for (const { key, value } of spool.read()) {
    keys.push(key);
    events.push(JSON.parse(value.toString()) as object);
    if (events.length < EVENTS_A_BATCH) continue;
    yield { keys, events };
    keys = [];
    events = [];
  }
  if (events.length > 0) yield { keys, events };
}
