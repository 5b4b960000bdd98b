import type { Admin } from 'kafkajs';
import { type ClickHouseClient, createClickHouse, waitForClickHouse } from '../../../lib/clickhouse.js';
import { createKafka, waitForKafka } from '../../../lib/kafka.js';
import { silentLog } from '../../../lib/log.js';
import { DATABASE, type Layout } from './layout.js';

/** The demo's own eyes: an admin client of the broker and a client of ClickHouse. */
export interface Clients {
  readonly admin: Admin;
  readonly clickhouse: ClickHouseClient;
  close(): Promise<void>;
}

/** Waits until the broker and ClickHouse answer, and keeps a client of each. */
export async function openClients(layout: Layout, timeoutMs: number, signal: AbortSignal): Promise<Clients> {
  const log = silentLog();
  const kafka = createKafka({ brokers: [layout.brokers], clientId: 'riskwire-demo', log });
  const server = { url: layout.clickhouse, database: DATABASE, user: 'default', password: '' };
  await Promise.all([
    waitForKafka(kafka, { timeoutMs, brokers: [layout.brokers], signal }),
    waitForClickHouse(server, { timeoutMs, log, signal }),
  ]);
  const admin = kafka.admin();
  await admin.connect();
  const clickhouse = createClickHouse(server);
  return {
    admin,
    clickhouse,
    async close() {
      await Promise.all([admin.disconnect(), clickhouse.close()]);
    },
  };
}
