import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Logger } from '../../lib/log.js';
import { startBroker } from './broker.js';
import { startClickHouse } from './clickhouse.js';
import { startRegistry } from './schema-http.js';

export interface LocalStackOptions {
  /** keeps ClickHouse's tables and the schemas; without it they are gone at the end. The broker keeps nothing either way */
  dataDir?: string;
  /** 0 or absent: any free one */
  ports?: { broker?: number; clickhouse?: number; registry?: number };
  log: Logger;
}

export interface LocalStack {
  /** for RISKWIRE_BROKERS, host:port */
  readonly brokers: string;
  readonly clickhouseUrl: string;
  readonly registryUrl: string;
  /** the processes it runs beside this one */
  readonly pids: readonly number[];
  /** rejects when one of them ends by itself; never resolves */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

/**
 * Kafka protocol, ClickHouse and a schema registry on this machine, from npm packages alone. Services reach them over
 * TCP like any others. The processes it starts end with this one, however it ends.
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const { log, ports = {} } = options;
  const dataDir = options.dataDir && resolve(options.dataDir);
  if (dataDir) await mkdir(dataDir, { recursive: true });

  const started = await Promise.allSettled([
    startBroker({ port: ports.broker, log }),
    startClickHouse({ dataDir, port: ports.clickhouse, log }),
    startRegistry({ dataDir, port: ports.registry }),
  ] as const);
  const stop = async () => {
    await Promise.all(started.map((part) => (part.status === 'fulfilled' ? part.value.stop() : undefined)));
  };
  const faults = started.flatMap((part) => (part.status === 'rejected' ? [part.reason as Error] : []));
  const [broker, clickhouse, registry] = started;
  if (broker.status === 'rejected' || clickhouse.status === 'rejected' || registry.status === 'rejected') {
    await stop();
    throw new Error(`the local stack did not start: ${faults.map(({ message }) => message).join('; ')}`, {
      cause: faults[0],
    });
  }
  return {
    brokers: broker.value.address,
    clickhouseUrl: clickhouse.value.url,
    registryUrl: registry.value.url,
    pids: [broker.value.pid, clickhouse.value.pid],
    failed: Promise.race([broker.value.failed, clickhouse.value.failed]),
    stop,
  };
}
