import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { silentLog } from '../../lib/log.js';
import { type LocalClickHouse, startClickHouse } from '../../services/local/clickhouse.js';

/** The local ClickHouse, seen through the official client and through plain HTTP as curl and Grafana use it. */
let server: LocalClickHouse;
let client: ClickHouseClient;

beforeAll(async () => {
  server = await startClickHouse({ log: silentLog() });
  client = connect({ compression: { request: true, response: true } });
});
afterAll(async () => {
  await client?.close();
  await server?.stop();
});

function connect(options: Parameters<typeof createClient>[0] = {}): ClickHouseClient {
  return createClient({
    url: server.url,
    username: 'anybody',
    password: 'anything',
    log: { level: ClickHouseLogLevel.OFF },
    ...options,
  });
}

async function newTable(columns = 'id UInt64, name String, at DateTime64(3)'): Promise<string> {
  const table = `t_${randomUUID().replaceAll('-', '')}`;
  await client.command({ query: `CREATE TABLE ${table} (${columns}) ENGINE = MergeTree ORDER BY id` });
  return table;
}

async function rowsOf<T>(query: string, query_params: Record<string, unknown> = {}): Promise<T[]> {
  return (await client.query({ query, query_params, format: 'JSONEachRow' })).json<T>();
}

async function http(
  query: Record<string, string>,
  init: RequestInit = {},
): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await fetch(`${server.url}/?${new URLSearchParams(query)}`, init);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

const post = (body: string | Uint8Array, headers: Record<string, string> = {}) => ({
  method: 'POST',
  body,
  headers,
});

test('50,000 rows go in through the client and come out', async () => {
  const table = await newTable();
  const values = Array.from({ length: 50_000 }, (_, id) => ({
    id,
    name: `row ${id}`,
    at: '2026-01-02 03:04:05.678',
  }));
  const { summary } = await client.insert({ table, values, format: 'JSONEachRow' });
  expect(summary?.written_rows).toBe('50000');
  expect(await rowsOf(`SELECT count() AS n, uniqExact(name) AS names, max(at) AS at FROM ${table}`)).toEqual([
    { n: 50_000, names: 50_000, at: '2026-01-02 03:04:05.678' },
  ]);
});

test.each([
  'plain',
  "it's; DROP TABLE x --",
  'tab\tand\nline',
  'back\\slash \\n',
  '{name:String}',
  '日本語 😀',
  '',
])('a parameter stays what it is: %j', async (value) => {
  expect(
    await rowsOf('SELECT {value:String} AS value, {list:Array(String)} AS list', {
      value,
      list: [value, value],
    }),
  ).toEqual([{ value, list: [value, value] }]);
});

test('parameters of other types, null and names of tables', async () => {
  const table = await newTable();
  const query =
    'SELECT {n:Nullable(UInt8)} AS n, {map:Map(String, UInt8)} AS map, {day:Date} AS day, count() AS rows FROM {table:Identifier}';
  const found = await rowsOf(query, { n: null, map: { a: 1 }, day: '2026-01-02', table });
  expect(found).toEqual([{ n: null, map: { a: 1 }, day: '2026-01-02', rows: 0 }]);
});

test('many parameters go as a form', async () => {
  const result = await client.query({
    query: 'SELECT {value:String} AS value',
    query_params: { value: "a'b\n" },
    use_multipart_params: true,
    format: 'JSONEachRow',
  });
  expect(await result.json()).toEqual([{ value: "a'b\n" }]);
});

test('what one request sets, the others don’t see', async () => {
  const run = async (place: number) => {
    const result = await client.query({
      query: "SELECT {place:UInt32} AS place, toUInt32(getSetting('max_block_size')) AS size",
      query_params: { place },
      clickhouse_settings: { max_block_size: String(1_000 + place) },
      format: 'JSONEachRow',
    });
    return (await result.json<{ place: number; size: number }>())[0];
  };
  const places = Array.from({ length: 100 }, (_, place) => place);
  expect(await Promise.all(places.map(run))).toEqual(places.map((place) => ({ place, size: 1_000 + place })));
  const missing = client.query({ query: 'SELECT {place:UInt32}' });
  await expect(missing).rejects.toMatchObject({ type: 'UNKNOWN_QUERY_PARAMETER' });
});

test.each([
  ['SELECT * FROM no_such_table', '60', 'UNKNOWN_TABLE', 404],
  ['SELECT no_such_column', '47', 'UNKNOWN_IDENTIFIER', 404],
  ['SELECT 1; SELECT 2', '62', 'SYNTAX_ERROR', 400],
  ['SELECT toUInt8(throwIf(1))', '395', 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO', 500],
])('errors have the server’s code, type and status: %s', async (query, code, type, status) => {
  const failed = client.query({ query });
  await expect(failed).rejects.toBeInstanceOf(ClickHouseError);
  await expect(failed).rejects.toMatchObject({ code, type });
  const answer = await http({}, post(query));
  expect([answer.status, answer.headers.get('x-clickhouse-exception-code')]).toEqual([status, code]);
  expect(answer.text).toMatch(new RegExp(`^Code: ${code}\\. DB::Exception: .*\\(${type}\\) \\(version `));
});

test('a row that can’t be read refuses its insert', async () => {
  const table = await newTable();
  const insert = client.insert({ table, values: [{ id: 1 }, { id: 'one' }], format: 'JSONEachRow' });
  await expect(insert).rejects.toBeInstanceOf(ClickHouseError);
  expect(await rowsOf(`SELECT count() AS n FROM ${table}`)).toEqual([{ n: 0 }]);
});

test.each(['Native', 'RowBinary', 'Parquet', 'CSVWithNames', 'JSONCompactEachRow'])(
  'data in %s goes in as it came, also compressed and with its SQL before it',
  async (format) => {
    const table = await newTable();
    const select = `SELECT number AS id, concat('name; ', toString(number)) AS name, toDateTime64(number, 3) AS at FROM numbers(100)`;
    const response = await fetch(
      `${server.url}/?${new URLSearchParams({ query: `${select} FORMAT ${format}` })}`,
    );
    const data = new Uint8Array(await response.arrayBuffer());
    const insert = `INSERT INTO ${table} FORMAT ${format}`;
    expect((await http({ query: insert }, post(data))).text).toBe('');
    expect((await http({ query: insert }, post(gzipSync(data), { 'content-encoding': 'gzip' }))).text).toBe(
      '',
    );
    expect((await http({}, post(Buffer.concat([Buffer.from(`${insert}\n`), data])))).text).toBe('');
    expect(await rowsOf(`SELECT count() AS n, uniqExact(id, name, at) AS kinds FROM ${table}`)).toEqual([
      { n: 300, kinds: 100 },
    ]);
    expect(await rowsOf(`SELECT name FROM ${table} WHERE id = 7 LIMIT 1`)).toEqual([{ name: 'name; 7' }]);
  },
);

test('curl’s ways: query in the URL, in the body, in both; formats; ping', async () => {
  expect(await http({ query: 'SELECT 1 AS x' })).toMatchObject({ status: 200, text: '1\n' });
  expect((await http({}, post('SELECT 1 AS x FORMAT JSONEachRow'))).text).toBe('{"x":1}\n');
  expect((await http({ query: 'SELECT 40' }, post('+ 2'))).text).toBe('42\n');
  const json = await http({ query: 'SELECT 1 AS x', default_format: 'JSONCompact' });
  expect(JSON.parse(json.text)).toMatchObject({ data: [[1]], rows: 1 });
  expect(json.headers.get('content-type')).toMatch('application/json');
  expect(json.headers.get('x-clickhouse-format')).toBe('JSONCompact');
  expect(json.headers.get('x-clickhouse-query-id')).toMatch(/^[\w-]{36}$/);
  expect(JSON.parse(json.headers.get('x-clickhouse-summary')!)).toMatchObject({ result_rows: '1' });
  for (const path of ['/ping', '/', '/replicas_status'])
    expect(await (await fetch(server.url + path)).text()).toBe('Ok.\n');
  expect((await fetch(`${server.url}/play`)).status).toBe(404);
  const head = await fetch(`${server.url}/?query=SELECT+1`, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '2']);
});

test('answers are compressed when that is asked for', async () => {
  const query = 'SELECT number FROM numbers(1000)';
  const plain = await http({ query });
  const small = await http(
    { query, enable_http_compression: '1' },
    { headers: { 'accept-encoding': 'gzip' } },
  );
  expect(plain.headers.get('content-encoding')).toBeNull();
  expect(small.headers.get('content-encoding')).toBe('gzip');
  expect(small.text).toBe(plain.text);
});

test('a GET writes nothing', async () => {
  const table = await newTable();
  const answer = await http({ query: `INSERT INTO ${table} VALUES (1, 'a', now())` });
  expect(answer.headers.get('x-clickhouse-exception-code')).toBe('164');
  expect(await rowsOf(`SELECT count() AS n FROM ${table}`)).toEqual([{ n: 0 }]);
});

test.each([
  [{ origin: 'http://evil.example' }, 403],
  [{ origin: 'http://localhost:3000' }, 200],
])('pages of other sites are not answered: %j', async (headers, status) => {
  expect((await http({ query: 'SELECT 1' }, { headers })).status).toBe(status);
});

test('settings of the HTTP server are dropped, unknown ones refused, databases chosen', async () => {
  expect(
    (await http({ query: 'SELECT 1', wait_end_of_query: '1', buffer_size: '1000', session_id: 'x' })).text,
  ).toBe('1\n');
  expect(
    (await http({ query: 'SELECT 1', no_such_setting: '1' })).headers.get('x-clickhouse-exception-code'),
  ).toBe('115');
  expect((await http({ query: 'SELECT currentDatabase()', database: 'system' })).text).toBe('system\n');
  expect((await http({ query: 'SELECT 1', database: 'no_such' })).status).toBe(404);
  expect((await http({ query: 'SELECT 1', compress: '1' })).status).toBe(501);
});

test('a folder keeps its tables, and only one stack may open it', async () => {
  const { mkdtemp, rm } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const dataDir = await mkdtemp(`${tmpdir()}/riskwire-test-`);
  const log = silentLog();
  const first = await startClickHouse({ dataDir, log });
  const ask = async ({ url }: LocalClickHouse, sql: string) => (await fetch(url, post(sql))).text();
  try {
    expect(await ask(first, 'CREATE TABLE kept (x UInt8) ENGINE = MergeTree ORDER BY x')).toBe('');
    expect(await ask(first, 'INSERT INTO kept VALUES (7)')).toBe('');
    await expect(startClickHouse({ dataDir, log })).rejects.toThrow(/another local stack may have it open/);
  } finally {
    await first.stop();
  }
  const second = await startClickHouse({ dataDir, log });
  try {
    expect(await ask(second, 'SELECT x FROM kept')).toBe('7\n');
  } finally {
    await second.stop();
    await rm(dataDir, { recursive: true });
  }
});
