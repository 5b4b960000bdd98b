import {
  type ClickHouseClient,
  type ClickHouseConfig,
  createClickHouse,
  createServerClient,
  identifier,
} from '../../lib/clickhouse.js';
import type { Logger } from '../../lib/log.js';
import { reasonOf } from '../../lib/retry.js';
import { MigrationError, type MigrationFile, readMigrations } from './migration-files.js';

export interface MigrateOptions {
  /** the folder with the .sql files */
  dir: string;
  log?: Logger;
  signal?: AbortSignal;
}

export interface MigrationState {
  version: number;
  name: string;
  /** changed: the file isn't what was applied; missing: applied, but there is no file (a newer version's) */
  state: 'applied' | 'pending' | 'changed' | 'missing';
  /** epoch ms, null when pending */
  appliedAt: number | null;
}

const STATEMENT_TIMEOUT_MS = 10 * 60_000;

/**
 * Creates the database if need be and applies what isn't applied yet, in order. ClickHouse has no transactions over
 * DDL: a file is recorded after its last statement, and one that failed half-way is run again from its start, so
 * every statement must bear being run twice (IF NOT EXISTS, OR REPLACE). That also makes runners that
 * start at the same moment harmless: both do the same, and the first record counts.
 *
 * Returns the names of the files that were applied. Throws a MigrationError when an applied file has changed or a new file stands before one
 * that is applied already.
 */
export async function migrate(
  config: ClickHouseConfig,
  { dir, log, signal }: MigrateOptions,
): Promise<string[]> {
  const files = await readMigrations(dir);
  await ensureDatabase(config);
  const client = createClickHouse({ ...config, requestTimeoutMs: STATEMENT_TIMEOUT_MS });
  try {
    await client.command({ query: RECORDS_TABLE, abort_signal: signal });
    const states = compare(files, await readRecords(client));
    refuseMisfits(states, dir);
    for (const { name } of states.filter(({ state }) => state === 'missing')) {
      log?.warn(
        { migration: name },
        'the database has a migration that this version does not know; going on',
      );
    }
    const pending = files.filter(({ version }) =>
      states.some((one) => one.version === version && one.state === 'pending'),
    );
    for (const file of pending) await apply(client, file, log, signal);
    return pending.map(({ name }) => name);
  } finally {
    await client.close();
  }
}

/** What is applied and what isn't; changes nothing, and a database that doesn't exist has nothing applied. */
export async function migrationStatus(
  config: ClickHouseConfig,
  { dir }: { dir: string },
): Promise<MigrationState[]> {
  const files = await readMigrations(dir);
  const client = createServerClient(config);
  try {
    const known = await client.query({
      query: `SELECT name FROM system.tables WHERE database = {database:String} AND name = 'schema_migrations'`,
      query_params: { database: config.database },
      format: 'JSONEachRow',
    });
    if ((await known.json()).length === 0) return compare(files, []);
  } finally {
    await client.close();
  }
  const own = createClickHouse(config);
  try {
    return compare(files, await readRecords(own));
  } finally {
    await own.close();
  }
}

const RECORDS_TABLE = `CREATE TABLE IF NOT EXISTS schema_migrations
(
    version     UInt32,
    name        String,
    checksum    String,
    duration_ms UInt32,
    applied_at  DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (version, applied_at)`;

interface MigrationRecord {
  version: number;
  name: string;
  checksum: string;
  appliedAt: number;
}

async function ensureDatabase(config: ClickHouseConfig): Promise<void> {
  const client = createServerClient(config);
  try {
    // asked first: a user who may not create databases can still migrate one that an administrator made
    const found = await client.query({
      query: 'SELECT name FROM system.databases WHERE name = {database:String}',
      query_params: { database: config.database },
      format: 'JSONEachRow',
    });
    if ((await found.json()).length > 0) return;
    await client.command({ query: `CREATE DATABASE IF NOT EXISTS ${identifier(config.database)}` });
  } finally {
    await client.close();
  }
}

async function readRecords(client: ClickHouseClient): Promise<MigrationRecord[]> {
  const result = await client.query({
    query: `SELECT version, argMin(schema_migrations.name, applied_at) AS name, argMin(schema_migrations.checksum, applied_at) AS checksum,
      toFloat64(toUnixTimestamp64Milli(min(applied_at))) AS appliedAt
      FROM schema_migrations GROUP BY version ORDER BY version`,
    format: 'JSONEachRow',
  });
  return result.json<MigrationRecord>();
}

function compare(files: readonly MigrationFile[], records: readonly MigrationRecord[]): MigrationState[] {
  const byVersion = new Map(records.map((record) => [record.version, record]));
  const states = files.map(({ version, name, checksum }): MigrationState => {
    const record = byVersion.get(version);
    byVersion.delete(version);
    if (!record) return { version, name, state: 'pending', appliedAt: null };
    return {
      version,
      name,
      state: record.checksum === checksum ? 'applied' : 'changed',
      appliedAt: record.appliedAt,
    };
  });
  for (const { version, name, appliedAt } of byVersion.values())
    states.push({ version, name, state: 'missing', appliedAt });
  return states.sort((a, b) => a.version - b.version);
}

function refuseMisfits(states: readonly MigrationState[], dir: string): void {
  const changed = states.filter(({ state }) => state === 'changed').map(({ name }) => name);
  if (changed.length > 0) {
    throw new MigrationError(
      `${changed.join(', ')} in ${dir} changed after being applied: restore the applied text, and put the change into a new file with the next number`,
    );
  }
  const newest = states.filter(({ state }) => state === 'applied' || state === 'missing').at(-1);
  const late = states.find(({ state, version }) => state === 'pending' && newest && version < newest.version);
  if (late && newest) {
    throw new MigrationError(
      `${late.name} in ${dir} stands before ${newest.name}, which is applied already: give it a number after that one`,
    );
  }
}

async function apply(
  client: ClickHouseClient,
  file: MigrationFile,
  log?: Logger,
  signal?: AbortSignal,
): Promise<void> {
  const started = Date.now();
  for (const [index, statement] of file.statements.entries()) {
    signal?.throwIfAborted();
    try {
      await client.command({ query: statement, abort_signal: signal });
    } catch (error) {
      throw new MigrationError(
        `${file.name}, statement ${index + 1} of ${file.statements.length} (${firstLine(statement)}): ${reasonOf(error)}. Mend the cause and run it again: the file is applied from its start`,
        { cause: error },
      );
    }
  }
  const duration = Date.now() - started;
  await client.insert({
    table: 'schema_migrations',
    values: [{ version: file.version, name: file.name, checksum: file.checksum, duration_ms: duration }],
    format: 'JSONEachRow',
  });
  log?.info(
    { migration: file.name, statements: file.statements.length, durationMs: duration },
    'migration applied',
  );
}

function firstLine(statement: string): string {
  const line = statement.split('\n').find((one) => !one.trimStart().startsWith('--')) ?? '';
  return line.length > 80 ? `${line.slice(0, 77)}...` : line;
}
