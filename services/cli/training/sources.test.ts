import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import avsc from 'avsc';
import { silentLog } from '../../../lib/log.js';
import { packageRoot } from '../../../lib/paths.js';
import { loadPipelines, type Pipeline } from '../../../pipelines/loader.js';
import { type LocalClickHouse, startClickHouse } from '../../local/clickhouse.js';
import { clickHouseEvents } from './clickhouse-events.js';
import { fileEvents } from './files.js';
import type { TrainingSource } from './source.js';

let folder: string;
let pipeline: Pipeline;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'riskwire-sources-'));
  const root = packageRoot();
  [pipeline] = (await loadPipelines(join(root, 'pipelines'), join(root, 'schemas'), ['agriculture'])) as [
    Pipeline,
  ];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const START = Date.UTC(2024, 0, 1);
const options = { onScan: () => undefined, onSort: () => undefined };

async function eventsOf(source: TrainingSource): Promise<{ key: string; event: Record<string, unknown> }[]> {
  const out: { key: string; event: Record<string, unknown> }[] = [];
  for await (const { keys, events } of source.batches)
    for (const [i, event] of events.entries())
      out.push({ key: keys[i]!, event: event as Record<string, unknown> });
  await source.close();
  return out;
}

const time = (i: number) => new Date(START + i * 900_000).toISOString();
const csvOf = (rows: readonly string[]) => `time,site,watershed,temperature,ph\n${rows.join('\n')}\n`;

test('a CSV in order is streamed; bad rows are told with line, field, value and remedy', async () => {
  const rows = Array.from({ length: 50 }, (_, i) => `${time(i)},a,river,${10 + i},7`);
  rows[7] = `${time(7)},a,river,warm,7`;
  rows[9] = `${time(9)},,river,10,7`;
  rows[11] = 'someday,a,river,10,7';
  rows[13] = 'too,few';
  const path = join(folder, 'in-order.csv');
  await writeFile(path, csvOf(rows));
  const source = await fileEvents([path], pipeline, options);
  // one row has no time that can be read, one is none
  expect(source.total()).toBe(48);
  const events = await eventsOf(source);
  expect(events).toHaveLength(46);
  expect(events[0]).toEqual({
    key: 'a',
    event: { time: START, site: 'a', watershed: 'river', temperature: 10, ph: 7 },
  });
  expect(source.faults.counts).toEqual({ malformed: 2, missingField: 1, fields: 1 });
  expect(source.faults.examples[0]).toMatch(/line 9 of in-order.csv: temperature is 'warm'; write a number/);
  expect(source.faults.examples[2]).toMatch(/line 13 of in-order.csv: time is 'someday'; write epoch ms/);
});

test('rows out of order, over two files, are sorted through the disk; --since and --until hold', async () => {
  const row = (i: number) => `${time(i)},${i % 3},river,${i},7`;
  const all = Array.from({ length: 3000 }, (_, i) => (i * 1201) % 3000);
  await writeFile(join(folder, 'a.csv'), csvOf(all.slice(0, 1500).map(row)));
  await writeFile(join(folder, 'b.csv'), csvOf(all.slice(1500).map(row)));
  const source = await fileEvents([join(folder, 'a.csv'), join(folder, 'b.csv')], pipeline, {
    ...options,
    since: START + 100 * 900_000,
    until: START + 2000 * 900_000,
    runBytes: 50_000,
  });
  expect(source.name).toContain('sorted by time');
  const events = await eventsOf(source);
  expect(events.map(({ event }) => event['temperature'])).toEqual(
    Array.from({ length: 1900 }, (_, i) => 100 + i),
  );
});

test.each(['null', 'deflate'])('an Avro container, packed with %s', async (codec) => {
  const path = join(folder, `${codec}.avro`);
  const schema = {
    type: 'record',
    name: 'Reading',
    fields: [
      { name: 'time', type: { type: 'long', logicalType: 'timestamp-micros' } },
      { name: 'site', type: 'string' },
      { name: 'watershed', type: ['null', 'string'] },
      { name: 'ph', type: ['null', 'double'] },
      { name: 'other', type: { type: 'array', items: 'int' } },
    ],
  };
  const encoder = avsc.createFileEncoder(path, schema as avsc.Schema, { codec });
  const done = new Promise((resolve) => encoder.on('finish', resolve));
  for (let i = 0; i < 2500; i++)
    encoder.write({
      time: (START + i * 900_000) * 1000,
      site: `s${i % 2}`,
      watershed: 'river',
      ph: i % 5 === 0 ? null : 7 + i / 1000,
      other: [1, 2],
    });
  encoder.end();
  await done;
  const events = await eventsOf(await fileEvents([path], pipeline, options));
  expect(events).toHaveLength(2500);
  expect(events[1]).toEqual({
    key: 's1',
    event: { time: START + 900_000, site: 's1', watershed: 'river', ph: 7.001 },
  });
  expect(events[5]!.event['ph']).toBeNull();
});

test('a file that was cut is refused with what to do', async () => {
  const path = join(folder, 'cut.avro');
  await writeFile(path, Buffer.from('Obj\u0001 and nothing else'));
  await expect(fileEvents([path], pipeline, options)).rejects.toThrow(/cut.avro.*copied whole/);
  const whole = await readFile(join(folder, 'null.avro'));
  await writeFile(path, whole.subarray(0, whole.length - 100));
  const source = await fileEvents([path], pipeline, options).catch((error: Error) => error.message);
  expect(source).toMatch(/after \d+ records.*ends within a block.*copied whole/);
  await writeFile(join(folder, 'none.csv'), 'when,site\n1,a\n');
  await expect(fileEvents([join(folder, 'none.csv')], pipeline, options)).rejects.toThrow(/no column 'time'/);
});

describe('ClickHouse', () => {
  let server: LocalClickHouse;
  const connect = () => createClient({ url: server.url, log: { level: ClickHouseLogLevel.OFF } });
  beforeAll(async () => {
    server = await startClickHouse({ log: silentLog() });
    const client = connect();
    await client.command({
      query:
        'CREATE TABLE readings (time DateTime64(3), site String, watershed String, ph Nullable(Float64), temperature Decimal(9, 2), note String) ENGINE = MergeTree ORDER BY site',
    });
    await client.insert({
      table: 'readings',
      format: 'JSONEachRow',
      values: Array.from({ length: 5000 }, (_, i) => ({
        // a whole number is in the column's own unit
        time: START + ((i * 1201) % 5000) * 900_000,
        site: i === 17 ? '' : `s${i % 3}`,
        watershed: 'river',
        ph: i % 7 === 0 ? null : 7.25,
        temperature: ((i * 1201) % 5000) / 100,
        note: 'x',
      })),
    });
    await client.close();
  }, 90_000);
  afterAll(() => server?.stop());

  test('a table, in the order of time, within a range; bad rows are counted', async () => {
    const source = await clickHouseEvents(connect(), pipeline, {
      table: 'readings',
      since: START + 1000 * 900_000,
      until: START + 4000 * 900_000,
      most: Number.POSITIVE_INFINITY,
    });
    expect(source.total()).toBe(3000);
    const events = await eventsOf(source);
    const times = events.map(({ event }) => event['time'] as number);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBe(START + 1000 * 900_000);
    expect(events[0]!.event).toEqual({
      time: times[0],
      site: events[0]!.key,
      watershed: 'river',
      ph: expect.anything(),
      temperature: 10,
    });
    expect(events.length + (source.faults.counts['missingField'] ?? 0)).toBe(3000);
  });

  test('a query with epoch ms, the first events alone; what is wrong is told', async () => {
    const query = 'SELECT toUnixTimestamp64Milli(time) AS time, site, watershed, ph FROM readings;';
    const events = await eventsOf(await clickHouseEvents(connect(), pipeline, { query, most: 10 }));
    expect(events.map(({ event }) => event['time'])).toEqual(
      Array.from({ length: 10 }, (_, i) => START + i * 900_000),
    );
    const refused = (source: { table?: string; query?: string; since?: number }) =>
      clickHouseEvents(connect(), pipeline, { most: 10, ...source }).catch((error: Error) => error.message);
    expect(await refused({ query: 'SELECT site FROM readings' })).toMatch(/no column 'time'/);
    expect(await refused({ query: "SELECT 'now' AS time, site FROM readings" })).toMatch(/type String/);
    expect(await refused({ table: 'readings', since: Date.UTC(2030, 0) })).toMatch(/no rows in the time/);
    expect(await refused({ table: 'nothing' })).toMatch(/nothing/);
  });
});
