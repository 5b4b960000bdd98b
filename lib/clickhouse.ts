import { Readable } from 'node:stream';
import {
  type ClickHouseClient,
  ClickHouseError,
  type ClickHouseSettings,
  createClient,
} from '@clickhouse/client';
import type { Logger } from './log.js';
import { RetryTimeout, reasonOf, retry } from './retry.js';

export type { ClickHouseClient } from '@clickhouse/client';

export interface ClickHouseConfig {
  url: string;
  database: string;
  user: string;
  password: string;
  /** how long one request may take, in ms. Default 30 s */
  requestTimeoutMs?: number;
}

/** A client for one database. The caller closes it. */
export function createClickHouse(config: ClickHouseConfig): ClickHouseClient {
  return createClient({
    url: config.url,
    database: config.database,
    username: config.user,
    password: config.password,
    application: 'riskwire',
    request_timeout: config.requestTimeoutMs ?? 30_000,
    // A server closes idle sockets after 3 s (ClickHouse Cloud) or 10 s. A busy event loop runs the timer that
    // closes ours late, so stale ones are also looked for before each request.
    keep_alive: { enabled: true, idle_socket_ttl: 2_000, eagerly_destroy_stale_sockets: true },
    // what the client would log is in the errors that it throws
    log: { level: 127 },
  });
}

/** The server's own database, for what must work before ours exists. */
export function createServerClient(config: ClickHouseConfig): ClickHouseClient {
  return createClickHouse({ ...config, database: 'default' });
}

/** ClickHouse didn't answer, or not in a way that we can work with. */
export class ClickHouseUnavailable extends Error {
  override readonly name = 'ClickHouseUnavailable';
}

/** WRONG_PASSWORD, UNKNOWN_USER, REQUIRED_PASSWORD, AUTHENTICATION_FAILED: waiting doesn't mend these. */
const LOGIN_FAULTS = new Set(['193', '192', '194', '516']);

/** Waits until the server answers a query with these credentials; the database need not exist yet. */
export async function waitForClickHouse(
  config: ClickHouseConfig,
  { timeoutMs, log, signal }: { timeoutMs: number; log?: Logger; signal?: AbortSignal },
): Promise<void> {
  const client = createServerClient({ ...config, requestTimeoutMs: Math.min(5_000, timeoutMs) });
  try {
    await retry(() => client.command({ query: 'SELECT 1', abort_signal: signal }), {
      timeoutMs,
      maxDelayMs: 1_000,
      signal,
      retryable: (error) => !isLoginFault(error),
      onRetry: (error, attempt) => {
        if (attempt === 1)
          log?.info({ url: withoutSecrets(config.url), reason: reasonOf(error) }, 'waiting for ClickHouse');
      },
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new ClickHouseUnavailable(unavailable(config, timeoutMs, error), { cause: error });
  } finally {
    await client.close();
  }
}

function unavailable(config: ClickHouseConfig, timeoutMs: number, error: unknown): string {
  const url = withoutSecrets(config.url);
  if (isLoginFault(error)) {
    return `ClickHouse at ${url} refused user "${config.user}": check RISKWIRE_CLICKHOUSE_USER and RISKWIRE_CLICKHOUSE_PASSWORD`;
  }
  const reason = reasonOf(error instanceof RetryTimeout ? error.cause : error);
  return `ClickHouse at ${url} did not answer within ${timeoutMs} ms (${reason}): start it, or set RISKWIRE_CLICKHOUSE_URL or a longer RISKWIRE_STARTUP_TIMEOUT`;
}

/**
 * Codes that blame the rows, not the server: sending the same rows again can't succeed.
 * Everything else (network, timeouts, read-only, out of disk, missing table or right) is somebody's to mend, and a
 * retry succeeds after that, so nothing but these may cost a row.
 */
const ROW_FAULTS: ReadonlyMap<string, string> = new Map([
  ['6', 'CANNOT_PARSE_TEXT'],
  ['7', 'INCORRECT_NUMBER_OF_COLUMNS'],
  ['25', 'CANNOT_PARSE_ESCAPE_SEQUENCE'],
  ['26', 'CANNOT_PARSE_QUOTED_STRING'],
  ['27', 'CANNOT_PARSE_INPUT_ASSERTION_FAILED'],
  ['33', 'CANNOT_READ_ALL_DATA'],
  ['38', 'CANNOT_PARSE_DATE'],
  ['41', 'CANNOT_PARSE_DATETIME'],
  ['53', 'TYPE_MISMATCH'],
  ['69', 'ARGUMENT_OUT_OF_BOUND'],
  ['70', 'CANNOT_CONVERT_TYPE'],
  ['72', 'CANNOT_PARSE_NUMBER'],
  ['117', 'INCORRECT_DATA'],
  ['128', 'TOO_LARGE_ARRAY_SIZE'],
  ['130', 'CANNOT_READ_ARRAY_FROM_TEXT'],
  ['131', 'TOO_LARGE_STRING_SIZE'],
  ['190', 'SIZES_OF_ARRAYS_DONT_MATCH'],
  ['321', 'VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE'],
  ['349', 'CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN'],
  ['407', 'DECIMAL_OVERFLOW'],
  ['467', 'CANNOT_PARSE_BOOL'],
  ['469', 'VIOLATED_CONSTRAINT'],
  ['691', 'UNKNOWN_ELEMENT_OF_ENUM'],
]);

/** True when the server says that the rows themselves are wrong. */
export function isRowFault(error: unknown): boolean {
  return error instanceof ClickHouseError && ROW_FAULTS.has(error.code);
}

function isLoginFault(error: unknown): boolean {
  return error instanceof ClickHouseError && LOGIN_FAULTS.has(error.code);
}

/** `60 UNKNOWN_TABLE` for the server's errors, the system's code (ECONNREFUSED) or the class name for the rest. */
export function faultCode(error: unknown): string {
  if (error instanceof ClickHouseError) return `${error.code} ${error.type ?? ''}`.trim();
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : typeof name === 'string' ? name : typeof error;
}

export interface Insert {
  table: string;
  columns: readonly string[];
  /** one JSON array a row, in the order of `columns`: sent as they are, so a retry sends the same bytes */
  rows: readonly string[];
  /** the same for the same rows: the server takes a token once, so a retry after a lost answer doubles nothing */
  token: string;
}

const INSERT_SETTINGS: ClickHouseSettings = {
  async_insert: 0,
  insert_deduplicate: 1,
  // A table may have taken the block while a view on it failed: on the retry the table drops the block as known,
  // the view still gets it. On by default since 26, not before.
  deduplicate_blocks_in_dependent_materialized_views: 1,
  // a replay of years of history meets many months at once
  max_partitions_per_insert_block: '0',
  // a null where none may be is an error and not silently a zero
  input_format_null_as_default: 0,
};

/** Inserts the rows as one block; throws what the client throws. */
export async function insertRows(
  client: ClickHouseClient,
  insert: Insert,
  signal?: AbortSignal,
): Promise<void> {
  if (insert.rows.length === 0) return;
  const { stream } = await client.exec({
    query: `INSERT INTO ${identifier(insert.table)} (${insert.columns.map(identifier).join(', ')}) FORMAT JSONCompactEachRow`,
    values: Readable.from([Buffer.from(insert.rows.join('\n'))], { objectMode: false }),
    clickhouse_settings: { ...INSERT_SETTINGS, insert_deduplication_token: insert.token },
    abort_signal: signal,
  });
  // the socket is free only when the answer has been read
  for await (const _ of stream) void _;
}

/** Quotes a name for SQL. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

function withoutSecrets(url: string): string {
  const parsed = new URL(url);
  parsed.username = '';
  parsed.password = '';
  parsed.search = '';
  return parsed.toString();
}
