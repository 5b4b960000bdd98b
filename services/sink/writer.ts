import { createHash } from 'node:crypto';
import { type ClickHouseClient, faultCode, insertRows, isRowFault } from '../../lib/clickhouse.js';
import type { Logger } from '../../lib/log.js';
import type { SinkMetrics } from '../../lib/metrics.js';
import { reasonOf, retry } from '../../lib/retry.js';
import type { Row } from './batch.js';
import type { Table } from './tables.js';

/** A row that ClickHouse will never take, and why. */
export interface Refused {
  row: Row;
  error: unknown;
}

export interface Writer {
  /** Puts all rows in that can be put in, however long that takes; returns those that can't. Rejects only when the signal aborts. */
  write(table: Table, rows: readonly Row[]): Promise<Refused[]>;
  /** one sentence for each table whose inserts fail now */
  faults(): string[];
}

export interface WriterDeps {
  clickhouse: ClickHouseClient;
  metrics: SinkMetrics;
  log: Logger;
  /** gives up what is being tried */
  signal: AbortSignal;
  /** the longest wait between two tries, in ms. Default 5 s */
  maxDelayMs?: number;
}

const LOG_AGAIN_MS = 30_000;

export function createWriter({ clickhouse, metrics, log, signal, maxDelayMs = 5_000 }: WriterDeps): Writer {
  const faults = new Map<string, { code: string; since: number; loggedAt: number }>();

  const noteFault = (table: Table, error: unknown) => {
    const now = Date.now();
    const fault = faults.get(table.name) ?? { code: '', since: now, loggedAt: 0 };
    fault.code = faultCode(error);
    if (now - fault.loggedAt >= LOG_AGAIN_MS) {
      fault.loggedAt = now;
      log.warn(
        { table: table.name, code: fault.code, reason: reasonOf(error), forMs: now - fault.since },
        'ClickHouse takes no rows; trying again until it does, nothing is lost',
      );
    }
    faults.set(table.name, fault);
  };

  /** Tries for as long as it is not the rows' fault. */
  const insert = async (table: Table, rows: readonly string[]) => {
    const token = tokenOf(table, rows);
    await retry(
      async () => {
        const end = metrics.insertSeconds.startTimer({ table: table.name });
        await insertRows(clickhouse, { table: table.name, columns: table.columns, rows, token }, signal);
        end();
      },
      {
        timeoutMs: Number.POSITIVE_INFINITY,
        maxDelayMs,
        signal,
        retryable: (error) => !isRowFault(error),
        onRetry: (error) => noteFault(table, error),
      },
    );
    metrics.rows.inc({ table: table.name }, rows.length);
    if (faults.delete(table.name)) log.info({ table: table.name }, 'ClickHouse takes rows again');
  };

  const write = async (table: Table, rows: readonly Row[]): Promise<Refused[]> => {
    if (rows.length === 0) return [];
    try {
      await insert(
        table,
        rows.map(({ json }) => json),
      );
      return [];
    } catch (error) {
      if (!isRowFault(error)) throw error;
      const [only] = rows;
      if (rows.length === 1 && only) return [{ row: only, error }];
      // one bad row refuses its whole block: halve until it stands alone
      const middle = rows.length >> 1;
      return [...(await write(table, rows.slice(0, middle))), ...(await write(table, rows.slice(middle)))];
    }
  };

  return {
    write,
    faults: () =>
      [...faults].map(
        ([table, { code, since }]) =>
          `ClickHouse takes no rows into ${table} since ${new Date(since).toISOString()} (${code})`,
      ),
  };
}

/**
 * Made of what is inserted, so the same rows have the same token in every retry and every process. Places in Kafka
 * alone would not do: a topic that is made anew starts at offset 0 again, and the server would drop its rows as known.
 */
export function tokenOf(table: Table, rows: readonly string[]): string {
  const hash = createHash('sha256');
  for (const row of rows) hash.update(row).update('\n');
  return `${table.name}:${hash.digest('hex').slice(0, 32)}`;
}
