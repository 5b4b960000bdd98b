import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitForClickHouse } from '../../lib/clickhouse.js';
import { silentLog } from '../../lib/log.js';
import { type RealKafka, startRealKafka } from '../../loadtests/support/real-kafka.js';
import { type LocalClickHouse, startClickHouse } from '../../services/local/clickhouse.js';
import { type ClickHouseGate, startClickHouseGate } from './clickhouse-gate.js';
import { startProxy, type TcpProxy } from './proxy.js';

/** What the services talk to: a real Kafka and a ClickHouse, each also behind a proxy that can make the way bad. */
export interface Cluster {
  readonly kafka: RealKafka;
  readonly clickhouseUrl: string;
  readonly kafkaProxy: TcpProxy;
  readonly clickhouseProxy: TcpProxy;
  /** behind the proxy, before the server */
  readonly clickhouseGate: ClickHouseGate;
  /** kill -9, and the same broker again after a while; resolves when it answers */
  killBroker(downMs: number): Promise<void>;
  killClickHouse(downMs: number): Promise<void>;
  close(): Promise<void>;
}

const READY_MS = 60_000;

export async function openCluster(folder: string): Promise<Cluster> {
  const log = silentLog();
  const kafkaProxy = await startProxy();
  const kafka = await startRealKafka({
    proxyPort: kafkaProxy.port,
    // Services that were killed are missed for the session timeout that they asked for, not for longer.
    properties: { 'group.max.session.timeout.ms': '60000' },
  });
  kafkaProxy.leadTo(kafka.behindProxy);

  const dataDir = join(folder, 'clickhouse');
  await mkdir(dataDir, { recursive: true });
  let clickhouse: LocalClickHouse = await startClickHouse({ dataDir, log }).catch(async (error: unknown) => {
    await Promise.all([kafka.stop(), kafkaProxy.close()]);
    throw error;
  });
  const { url } = clickhouse;
  const port = Number(new URL(url).port);
  const clickhouseProxy = await startProxy();
  const clickhouseGate = await startClickHouseGate(() => url);
  clickhouseProxy.leadTo(clickhouseGate.port);
  const server = { url, database: 'default', user: 'default', password: '' };

  return {
    kafka,
    clickhouseUrl: url,
    kafkaProxy,
    clickhouseProxy,
    clickhouseGate,
    async killBroker(downMs) {
      await kafka.kill();
      await sleep(downMs);
      await kafka.restart();
    },
    async killClickHouse(downMs) {
      const gone = clickhouse.failed.catch(() => undefined);
      process.kill(clickhouse.pid, 'SIGKILL');
      await gone;
      await sleep(downMs);
      clickhouse = await startClickHouse({ dataDir, port, log });
      await waitForClickHouse(server, { timeoutMs: READY_MS, log });
    },
    async close() {
      await Promise.all([kafkaProxy.close(), clickhouseProxy.close()]);
      await clickhouseGate.close();
      await clickhouse.stop();
      await kafka.stop();
    },
  };
}
