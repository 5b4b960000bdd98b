import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { liveWithParent } from './child-life.js';
import { ClickHouseEngine } from './clickhouse-engine.js';
import { createFront } from './clickhouse-front.js';
import { listenFault } from './ports.js';

/**
 * Process of the local ClickHouse: `node clickhouse-process.js PORT [FOLDER]`. Without a folder the data is in a
 * temporary one that is removed at the end. Prints `{"port":PORT}` when it can be asked.
 */
const [port, given] = process.argv.slice(2);
const STOP_GRACE_MS = 1_500;

async function start(): Promise<void> {
  const folder = given || (await mkdtemp(join(tmpdir(), 'riskwire-clickhouse-')));
  const uploads = join(folder, 'uploads');
  await rm(uploads, { recursive: true, force: true });
  await mkdir(uploads, { recursive: true });
  const engine = await ClickHouseEngine.open(folder);
  const about = await engine.run({
    statement: 'SELECT version(), timezone()',
    format: 'TabSeparated',
    settings: new Map(),
    parameters: new Map(),
    readonly: true,
  });
  const [version = '', timezone = ''] = Buffer.from(about.bytes).toString().trim().split('\t');
  const server = createFront({ engine, uploads, version, timezone });

  liveWithParent(async () => {
    server.close();
    server.closeIdleConnections();
    const settled = await Promise.race([engine.settled().then(() => true), sleep(STOP_GRACE_MS, false)]);
    const remove = () =>
      given ? Promise.resolve() : rm(folder, { recursive: true, force: true, maxRetries: 5 });
    if (settled) engine.close();
    await remove();
    // The engine can't interrupt a query, and an orderly exit would wait for it.
    if (!settled) process.kill(process.pid, 'SIGKILL');
  });
  server.once('error', (error) => {
    process.stderr.write(`${listenFault(error, Number(port)).message}\n`);
    process.exit(1);
  });
  server.listen(Number(port), '127.0.0.1', () => {
    process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
  });
}

start().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
