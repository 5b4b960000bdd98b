import { type ClickHouseClient, identifier } from '../../../lib/clickhouse.js';
import type { Cell } from '../../../lib/table-files/table.js';
import { readerFields } from '../../../pipelines/avro-fields.js';
import type { Pipeline } from '../../../pipelines/loader.js';
import type { RecordedEvents } from '../../scorer/train.js';
import { UsageError } from '../exit.js';
import { isBadRow, RowEvents } from '../rows/row-events.js';
import { Faults, type TrainingSource } from './source.js';

export interface ClickHouseSource {
  /** a table, or database.table */
  readonly table?: string | undefined;
  /** a SELECT whose columns are named like the schema's fields */
  readonly query?: string | undefined;
  /** events at or after it alone, and before it alone; epoch ms */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Infinity for all */
  readonly most: number;
}

/**
 * The rows of a table or of a query, whose columns are named like the schema's fields, in the order of their time:
 * the server sorts (on its disk, when there are many) and the rows are streamed as they come.
 */
export async function clickHouseEvents(
  client: ClickHouseClient,
  pipeline: Pipeline,
  source: ClickHouseSource,
): Promise<TrainingSource> {
  const from =
    source.query === undefined
      ? source.table!.split('.').map(identifier).join('.')
      : `(${source.query.replace(/;\s*$/, '')})`;
  const name = source.query === undefined ? `ClickHouse table ${source.table}` : 'a ClickHouse query';
  const described = await rowsOf<{ name: string; type: string }>(client, `DESCRIBE TABLE ${from}`);
  const columns = described.filter(({ name: column }) => readerFields(pipeline.schema)?.has(column));
  const time = described.find(({ name: column }) => column === pipeline.time);
  // says which columns are missing
  const reader = new RowEvents(
    name,
    (columns.length > 0 ? columns : described).map(({ name: column }) => column),
    pipeline,
  );
  const isTime = time !== undefined && /DateTime|Date/.test(time.type);
  if (!isTime && !/Int|Float/.test(time?.type ?? ''))
    throw new UsageError(
      `${name}: the column '${pipeline.time}' has the type ${time?.type}; it must be a DateTime, DateTime64, or epoch ms as an integer. Convert it in --query: SELECT parseDateTime64BestEffort(${pipeline.time}) AS ${pipeline.time}, …`,
    );
  const milliseconds = (column: string) => `toUnixTimestamp64Milli(toDateTime64(${column}, 3, 'UTC'))`;
  const bound = (name: string) => (isTime ? `fromUnixTimestamp64Milli({${name}:Int64})` : `{${name}:Int64}`);
  const quoted = identifier(pipeline.time);
  const where = [
    ...(source.since === undefined ? [] : [`${quoted} >= ${bound('since')}`]),
    ...(source.until === undefined ? [] : [`${quoted} < ${bound('until')}`]),
  ];
  const query_params = { since: source.since ?? 0, until: source.until ?? 0 };
  const filter = where.length === 0 ? '' : ` WHERE ${where.join(' AND ')}`;
  const [counted] = await rowsOf<{ n: number }>(
    client,
    `SELECT toUInt64(count()) AS n FROM ${from}${filter}`,
    query_params,
  );
  const total = Math.min(Number(counted?.n ?? 0), source.most);
  if (total === 0)
    throw new UsageError(
      `${name} has no rows${where.length > 0 ? ' in the time that --since and --until name' : ''}; check the table and the time range`,
    );
  const selected = columns.map(({ name: column, type }) => {
    const one = identifier(column);
    if (column === pipeline.time && isTime) return `${milliseconds(one)} AS ${one}`;
    // decimals and big integers would come as text
    return /Decimal|Int(64|128|256)/.test(type) && column !== pipeline.time
      ? `toFloat64OrNull(toString(${one})) AS ${one}`
      : one;
  });
  const order = `ORDER BY ${isTime ? milliseconds(quoted) : quoted}`;
  const limit = Number.isFinite(source.most) ? ` LIMIT ${source.most}` : '';
  // the inner select keeps the column as it is, so that its index serves the range
  const sql = `SELECT ${selected.join(', ')} FROM (SELECT * FROM ${from}${filter} ${order}${limit})`;
  const faults = new Faults();
  return {
    name,
    total: () => total,
    faults,
    batches: stream(client, sql, query_params, reader, faults),
    close: () => client.close(),
  };
}

async function* stream(
  client: ClickHouseClient,
  query: string,
  query_params: Record<string, number>,
  reader: RowEvents,
  faults: Faults,
): AsyncGenerator<RecordedEvents> {
  const result = await client.query({
    query,
    query_params,
    format: 'JSONCompactEachRow',
    clickhouse_settings: {
      output_format_json_quote_64bit_integers: 0,
      // NaN and infinities come as null: missing
      output_format_json_quote_denormals: 0,
      max_bytes_before_external_sort: '1000000000',
    },
  });
  let row = 0;
  for await (const lines of result.stream<Cell[]>()) {
    const keys: string[] = [];
    const events: object[] = [];
    for (const line of lines) {
      row++;
      const read = reader.read(line.json());
      if (isBadRow(read)) faults.refuse(read, `row ${row}`);
      else {
        keys.push(read.key);
        events.push(read.event);
      }
    }
    if (events.length > 0) yield { keys, events };
  }
}

async function rowsOf<T>(
  client: ClickHouseClient,
  query: string,
  query_params: Record<string, number> = {},
): Promise<T[]> {
  return (await client.query({ query, query_params, format: 'JSONEachRow' })).json<T>();
}
