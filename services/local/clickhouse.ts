import type { Logger } from '../../lib/log.js';
import { startChild } from './child.js';

/**
 * The local ClickHouse: the engine of package chdb behind the HTTP interface, in a process of its own, so that a long
 * query never delays the broker or a service.
 *
 * An INSERT of 50,000 rows (JSONEachRow, Native, RowBinary, CSV or Parquet, gzip or not) takes the engine 7–80 ms.
 * Results are held whole in memory (256 MB at most unless a query sets max_result_bytes); queries can't be cancelled
 * and get max_execution_time = 300 s; 8 run at a time and 256 wait.
 */
export interface LocalClickHouse {
  readonly url: string;
  readonly pid: number;
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

export interface ClickHouseOptions {
  /** where tables are kept. Default: a temporary folder, removed at the end. One process a folder */
  dataDir?: string;
  /** 0: any free one */
  port?: number;
  /** how far behind other processes it stands where they want the same core, 0..19 as for `nice`. Default: 0 */
  nice?: number;
  log: Logger;
}

export async function startClickHouse({
  dataDir,
  port = 0,
  nice = 0,
  log,
}: ClickHouseOptions): Promise<LocalClickHouse> {
  const child = await startChild({
    name: 'local ClickHouse',
    entry: 'clickhouse-process.js',
    args: [String(port), ...(dataDir ? [dataDir] : [])],
    // Queries run on these threads, eight at a time; files and gzip need some too.
    env: { UV_THREADPOOL_SIZE: '14' },
    nice,
    log,
    readyTimeoutMs: 60_000,
    ready: (line) => /^\{"port":(\d+)\}$/.exec(line)?.[1],
  });
  return { pid: child.pid, failed: child.failed, stop: child.stop, url: `http://127.0.0.1:${child.value}` };
}
