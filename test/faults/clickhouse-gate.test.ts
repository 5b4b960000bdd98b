import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClickHouse, faultCode, insertRows } from '../../lib/clickhouse.js';
import { startClickHouseGate } from './clickhouse-gate.js';

test('refuses INSERTs in the words of ClickHouse while it is told to, and lets the rest through', async () => {
  let inserts = 0;
  const server = createServer((request, response) => {
    if (request.url?.includes('INSERT')) inserts += 1;
    request.resume().on('end', () => response.end('{"one":1}\n'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const gate = await startClickHouseGate(() => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const client = createClickHouse({
    url: `http://127.0.0.1:${gate.port}`,
    database: 'default',
    user: 'default',
    password: '',
  });
  const insert = () =>
    insertRows(client, { table: 't', columns: ['one'], rows: ['[1]'], token: 'a' }).then(
      () => 'taken',
      faultCode,
    );
  try {
    expect(await insert()).toBe('taken');
    gate.set('diskFull');
    expect(await insert()).toBe('243 NOT_ENOUGH_SPACE');
    gate.set('readOnly');
    expect(await insert()).toBe('242 TABLE_IS_READ_ONLY');
    expect(inserts).toBe(1);
    gate.set('lostAnswer');
    expect(await insert()).toBe('243 NOT_ENOUGH_SPACE');
    expect(inserts).toBe(2);
    const answer = await client.query({ query: 'SELECT 1 AS one', format: 'JSONEachRow' });
    expect(await answer.json()).toEqual([{ one: 1 }]);
    gate.set('open');
    expect(await insert()).toBe('taken');
    expect(gate.refused).toBe(3);
  } finally {
    await client.close();
    await gate.close();
    server.closeAllConnections();
    server.close();
  }
});
