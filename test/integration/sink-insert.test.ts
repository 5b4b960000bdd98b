import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import {
  type ClickHouseClient,
  type ClickHouseConfig,
  createClickHouse,
  faultCode,
  insertRows,
  isRowFault,
  waitForClickHouse,
} from '../../lib/clickhouse.js';
import { silentLog } from '../../lib/log.js';
import { packageRoot } from '../../lib/paths.js';
import { type LocalClickHouse, startClickHouse } from '../../services/local/clickhouse.js';
import { migrate } from '../../services/sink/migrate.js';

let server: LocalClickHouse;
let config: ClickHouseConfig;
let client: ClickHouseClient;

beforeAll(async () => {
  server = await startClickHouse({ log: silentLog() });
  config = {
    url: server.url,
    database: `i_${randomUUID().replaceAll('-', '')}`,
    user: 'default',
    password: '',
  };
  await migrate(config, { dir: join(packageRoot(), 'migrations') });
  client = createClickHouse(config);
}, 60_000);
afterAll(async () => {
  await client?.close();
  await server?.stop();
});
beforeEach(async () => {
  for (const table of ['risks', 'risks_hourly']) await client.command({ query: `TRUNCATE TABLE ${table}` });
});

const columns = ['id', 'pipeline', 'domain', 'entity', 'event_time', 'score', 'severity'];
const riskRow = (id: string, score: unknown = 3) =>
  JSON.stringify([id, 'p', 'DE', 'e', Date.UTC(2026, 5, 1), score, 'low']);
const insert = (rows: string[], token: string) =>
  insertRows(client, { table: 'risks', columns, rows, token });

async function count(query: string): Promise<number> {
  const [row] = await (await client.query({ query, format: 'JSONEachRow' })).json<Record<string, string>>();
  return Number(Object.values(row ?? {})[0]);
}
const rolled = () => count('SELECT sum(risks) FROM risks_by_hour');

test('a block that comes again under its token is taken once', async () => {
  const token = randomUUID();
  await insert([riskRow('a'), riskRow('b')], token);
  await insert([riskRow('a'), riskRow('b')], token);
  expect(await count('SELECT count() FROM risks')).toBe(2);
  expect(await rolled()).toBe(2);
});

test('when the table has taken a block and a view has failed, the retry still feeds the view', async () => {
  await client.command({ query: 'RENAME TABLE risks_hourly TO risks_hourly_away' });
  const token = randomUUID();
  await expect(insert([riskRow('a'), riskRow('b')], token)).rejects.toThrow();
  await client.command({ query: 'RENAME TABLE risks_hourly_away TO risks_hourly' });
  await insert([riskRow('a'), riskRow('b')], token);
  expect(await count('SELECT count() FROM risks FINAL')).toBe(2);
  expect(await rolled()).toBe(2);
});

test('years of history fit into one block', async () => {
  const rows = Array.from({ length: 150 }, (_, month) =>
    JSON.stringify([`m${month}`, 'p', 'DE', 'e', Date.UTC(2014, month, 15), 3, 'low']),
  );
  await insert(rows, randomUUID());
  expect(await count('SELECT uniqExact(toYYYYMM(event_time)) FROM risks')).toBe(150);
});

test.each([
  ['a text for a number', [riskRow('a', 'much')], true],
  ['a null for a severity', [riskRow('a').replace('"low"', 'null')], true],
  ['a severity that there is none', [riskRow('a').replace('"low"', '"huge"')], true],
  ['a value too few', ['["a","p"]'], true],
])('%s blames the row', async (_what, rows, blamed) => {
  const error = await insert(rows, randomUUID()).catch((fault: unknown) => fault);
  expect([faultCode(error), isRowFault(error)]).toEqual([expect.stringMatching(/^\d+ [A-Z_]+$/), blamed]);
});

test.each([
  ['a missing table', { table: 'nowhere', columns: ['id'] }, '60 UNKNOWN_TABLE'],
  ['a missing column', { table: 'risks', columns: ['id', 'nothing'] }, '16 NO_SUCH_COLUMN_IN_TABLE'],
])('%s does not blame the row', async (_what, target, code) => {
  const error = await insertRows(client, { ...target, rows: ['["a"]'], token: randomUUID() }).catch(
    (fault: unknown) => fault,
  );
  expect([faultCode(error), isRowFault(error)]).toEqual([code, false]);
});

test('a server that is not there is waited for, then named with the remedy', async () => {
  const nowhere = { ...config, url: 'http://127.0.0.1:1' };
  const started = Date.now();
  await expect(waitForClickHouse(nowhere, { timeoutMs: 700 })).rejects.toThrow(
    /^ClickHouse at http:\/\/127\.0\.0\.1:1\/ did not answer within 700 ms \(.*ECONNREFUSED.*\): start it, or set RISKWIRE_CLICKHOUSE_URL/,
  );
  expect(Date.now() - started).toBeLessThan(5_000);
  await waitForClickHouse(config, { timeoutMs: 5_000 });
});
