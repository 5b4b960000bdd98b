import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Session } from 'chdb';
import { fault, faultOf } from './clickhouse-errors.js';

type Chdb = typeof import('chdb');

export interface Query {
  statement: string;
  /** the format where the statement names none */
  format: string;
  database?: string;
  settings: ReadonlyMap<string, string>;
  /** values for `{name:Type}`, escaped as in TSV like over HTTP */
  parameters: ReadonlyMap<string, string>;
  readonly: boolean;
}

export interface Answer {
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly readBytes: number;
  readonly seconds: number;
}

export interface EngineLimits {
  /** queries that run at a time */
  running: number;
  /** queries that wait */
  waiting: number;
}

/** What a query gets unless it sets it itself: the engine holds a whole result in memory and can't be interrupted. */
const DEFAULTS = { max_execution_time: '300', max_result_bytes: '268435456', result_overflow_mode: 'throw' };

/**
 * The ClickHouse engine on one folder. Each query has a session of its own (1 ms), so that settings and parameters of
 * one request never reach another.
 */
export class ClickHouseEngine {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  private idle: (() => void)[] = [];

  private constructor(
    private readonly chdb: Chdb,
    private readonly folder: string,
    /** keeps the folder open between queries */
    private readonly root: Session,
    private readonly limits: EngineLimits,
  ) {}

  static async open(
    folder: string,
    limits: EngineLimits = { running: 8, waiting: 256 },
  ): Promise<ClickHouseEngine> {
    const chdb = await import('chdb').catch((error: Error) => {
      throw new Error(
        `the local ClickHouse (package chdb) can't be loaded: ${error.message}. It exists for Linux with glibc and for macOS, on x64 and arm64; elsewhere run a ClickHouse server and set RISKWIRE_CLICKHOUSE_URL`,
        { cause: error },
      );
    });
    const data = join(folder, 'clickhouse');
    await mkdir(data, { recursive: true });
    try {
      return new ClickHouseEngine(chdb, data, new chdb.Session(data), limits);
    } catch (error) {
      throw new Error(
        `the folder ${folder} can't be opened (${(error as Error).message}): another local stack may have it open, or it can't be written`,
        { cause: error },
      );
    }
  }

  async run(query: Query): Promise<Answer> {
    await this.turn();
    try {
      return await this.execute(query);
    } finally {
      this.running -= 1;
      this.waiting.shift()?.();
      if (this.running === 0) for (const resolve of this.idle.splice(0)) resolve();
    }
  }

  private async turn(): Promise<void> {
    if (this.running >= this.limits.running) {
      if (this.waiting.length >= this.limits.waiting)
        throw fault(
          'TOO_MANY_SIMULTANEOUS_QUERIES',
          `Too many simultaneous queries: ${this.limits.waiting} wait already`,
        );
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    this.running += 1;
  }

  private async execute(query: Query): Promise<Answer> {
    const session = new this.chdb.Session(this.folder);
    try {
      await session.queryAsync(preamble(query));
      const result = await session.queryAsync(query.statement, { format: query.format });
      return {
        bytes: result.bytes(),
        rows: result.rowsRead,
        readBytes: result.bytesRead,
        seconds: result.elapsed,
      };
    } catch (error) {
      throw faultOf(error);
    } finally {
      session.close();
    }
  }

  /** Resolves when no query runs. */
  async settled(): Promise<void> {
    if (this.running > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  close(): void {
    this.root.close();
  }
}

/** The statements that give a fresh session what came with the request. `readonly` is last: it forbids the others. */
function preamble({ settings, parameters, database, readonly }: Query): string {
  const assignments = [
    ...Object.entries(DEFAULTS).filter(([name]) => !settings.has(name)),
    ...settings,
    ...[...parameters].map(([name, value]) => [`param_${name}`, value] as const),
  ].map(([name, value]) => `SET ${identifier(name)} = ${literal(value)}`);
  const use = database ? [`USE ${quoted(database)}`] : [];
  // As over HTTP, 2: nothing may be written, but a query may still bring settings.
  return [...use, ...assignments, ...(readonly ? ['SET readonly = 2'] : [])].join('; ');
}

function identifier(name: string): string {
  if (/^[A-Za-z_]\w*$/.test(name)) return name;
  throw fault(
    'BAD_REQUEST_PARAMETER',
    `The name ${JSON.stringify(name)} of a setting or parameter has other signs than letters, digits and _`,
  );
}

function literal(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\0', '\\0')}'`;
}

function quoted(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}
