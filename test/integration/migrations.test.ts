import { randomUUID } from 'node:crypto';
import { appendFile, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClickHouseConfig, createClickHouse } from '../../lib/clickhouse.js';
import { silentLog } from '../../lib/log.js';
import { packageRoot } from '../../lib/paths.js';
import { type LocalClickHouse, startClickHouse } from '../../services/local/clickhouse.js';
import { migrate, migrationStatus } from '../../services/sink/migrate.js';
import { TABLES } from '../../services/sink/tables.js';

let server: LocalClickHouse;
let config: ClickHouseConfig;
let dir: string;

beforeAll(async () => {
  server = await startClickHouse({ log: silentLog() });
}, 60_000);
afterAll(() => server?.stop());

beforeEach(async () => {
  config = {
    url: server.url,
    database: `m_${randomUUID().replaceAll('-', '')}`,
    user: 'default',
    password: '',
  };
  dir = await mkdtemp(join(tmpdir(), 'riskwire-migrations-'));
});
afterEach(() => rm(dir, { recursive: true }));

const shipped = () => cp(join(packageRoot(), 'migrations'), dir, { recursive: true });
const add = (name: string, sql: string) => writeFile(join(dir, name), sql);

async function rows<T = Record<string, unknown>>(query: string): Promise<T[]> {
  const client = createClickHouse(config);
  try {
    return await (await client.query({ query, format: 'JSONEachRow' })).json<T>();
  } finally {
    await client.close();
  }
}
const records = () => rows('SELECT version, name FROM schema_migrations ORDER BY applied_at, version');

test('what ships is applied in order, once, and recorded', async () => {
  await shipped();
  const pending = await migrationStatus(config, { dir });
  expect(new Set(pending.map(({ state }) => state))).toEqual(new Set(['pending']));
  const names = pending.map(({ name }) => name);
  expect(names[0]).toBe('0001_risks.sql');

  expect(await migrate(config, { dir })).toEqual(names);
  expect(await migrate(config, { dir })).toEqual([]);
  expect((await records()).map(({ name }) => name)).toEqual(names);
  const applied = await migrationStatus(config, { dir });
  expect(new Set(applied.map(({ state }) => state))).toEqual(new Set(['applied']));
  expect(applied.every(({ appliedAt }) => Math.abs((appliedAt ?? 0) - Date.now()) < 60_000)).toBe(true);
});

test('the tables have the columns that the sink fills, and no others without a default', async () => {
  await shipped();
  await migrate(config, { dir });
  for (const table of TABLES) {
    const columns = await rows<{ name: string; default_type: string }>(`DESCRIBE TABLE ${table.name}`);
    const needed = columns
      .filter(({ default_type }) => default_type === '' || default_type === 'EPHEMERAL')
      .map(({ name }) => name);
    expect([table.name, needed.sort()]).toEqual([table.name, [...table.columns].sort()]);
  }
});

test('every view answers', async () => {
  await shipped();
  await migrate(config, { dir });
  const views = await rows<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = '${config.database}' AND engine = 'View'`,
  );
  expect(views.length).toBeGreaterThan(8);
  const given: Record<string, string> = {
    risks_daily_by_domain: "(time_zone = 'Asia/Kathmandu')",
    top_entities: "(from = '2026-01-01 00:00:00', to = '2026-02-01 00:00:00')",
  };
  for (const { name } of views)
    expect([name, await rows(`SELECT * FROM ${name}${given[name] ?? ''}`)]).toEqual([name, []]);
});

test('a day of risks_daily_by_domain is a day of the time zone', async () => {
  await shipped();
  await migrate(config, { dir });
  const client = createClickHouse(config);
  await client.command({
    query: `INSERT INTO risks (id, pipeline, domain, entity, event_time, score, severity) VALUES ('a', 'p', 'NP', 'e', '2026-05-31 18:14:00', 3, 'low'), ('b', 'p', 'NP', 'e', '2026-05-31 18:15:00', 3, 'high')`,
  });
  await client.close();
  const days = (zone: string) =>
    rows(
      `SELECT day, toUInt32(risks) AS risks FROM risks_daily_by_domain(time_zone = '${zone}') ORDER BY day`,
    );
  expect(await days('UTC')).toEqual([{ day: '2026-05-31', risks: 2 }]);
  expect(await days('Asia/Kathmandu')).toEqual([
    { day: '2026-05-31', risks: 1 },
    { day: '2026-06-01', risks: 1 },
  ]);
});

test('a new file is applied to a database that has the others', async () => {
  await add('0001_a.sql', 'CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = MergeTree ORDER BY x;');
  await migrate(config, { dir });
  await add(
    '0002_b.sql',
    'ALTER TABLE a ADD COLUMN IF NOT EXISTS y UInt8;\nALTER TABLE a ADD COLUMN IF NOT EXISTS z UInt8;',
  );
  expect(await migrate(config, { dir })).toEqual(['0002_b.sql']);
  expect((await rows('DESCRIBE TABLE a')).map(({ name }) => name)).toEqual(['x', 'y', 'z']);
});

test('an applied file that has changed is refused, and nothing is applied', async () => {
  await add('0001_a.sql', 'CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = MergeTree ORDER BY x;');
  await migrate(config, { dir });
  await appendFile(join(dir, '0001_a.sql'), '\n-- a word more\n');
  await add('0002_b.sql', 'CREATE TABLE IF NOT EXISTS b (x UInt8) ENGINE = MergeTree ORDER BY x;');
  await expect(migrate(config, { dir })).rejects.toThrow(
    /0001_a\.sql in .* changed after being applied: restore the applied text/,
  );
  expect((await migrationStatus(config, { dir })).map(({ state }) => state)).toEqual(['changed', 'pending']);
  expect(
    await rows("SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'b'"),
  ).toEqual([]);
});

test('a new file before an applied one is refused', async () => {
  await add('0002_b.sql', 'SELECT 1;');
  await migrate(config, { dir });
  await add('0001_a.sql', 'SELECT 1;');
  await expect(migrate(config, { dir })).rejects.toThrow(/0001_a\.sql in .* stands before 0002_b\.sql/);
});

test('a database that is ahead of the files is left alone', async () => {
  await add('0001_a.sql', 'SELECT 1;');
  await add('0002_b.sql', 'SELECT 1;');
  await migrate(config, { dir });
  await rm(join(dir, '0002_b.sql'));
  expect(await migrate(config, { dir })).toEqual([]);
  expect((await migrationStatus(config, { dir })).map(({ state }) => state)).toEqual(['applied', 'missing']);
});

test('a file that fails half-way says where, is not recorded, and goes through once mended', async () => {
  await add(
    '0001_a.sql',
    'CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = MergeTree ORDER BY x;\n-- the second\nINSERT INTO missing VALUES (1);',
  );
  await expect(migrate(config, { dir })).rejects.toThrow(
    /0001_a\.sql, statement 2 of 2 \(INSERT INTO missing VALUES \(1\)\)/,
  );
  expect(await records()).toEqual([]);
  await add(
    '0001_a.sql',
    'CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = MergeTree ORDER BY x;\nINSERT INTO a VALUES (1);',
  );
  expect(await migrate(config, { dir })).toEqual(['0001_a.sql']);
});

test('runners that start at the same moment agree', async () => {
  await shipped();
  await Promise.all([migrate(config, { dir }), migrate(config, { dir }), migrate(config, { dir })]);
  expect(new Set((await migrationStatus(config, { dir })).map(({ state }) => state))).toEqual(
    new Set(['applied']),
  );
  expect(await migrate(config, { dir })).toEqual([]);
});
