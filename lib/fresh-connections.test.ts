import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import Connection from 'kafkajs/src/network/connection.js';
import createSocketFactory from 'kafkajs/src/network/socketFactory.js';
import { startConnectionsAnew } from './fresh-connections.js';

/** a response: its size, its correlation id, four bytes */
function response(correlationId: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeInt32BE(8, 0);
  bytes.writeInt32BE(correlationId, 4);
  return bytes;
}

test('a connection that broke in the middle of a response reads the next one’s responses whole', async () => {
  startConnectionsAnew();
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
    if (sockets.length === 1) socket.write(response(1).subarray(0, 7), () => socket.end());
    else socket.write(response(7));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const log = () => undefined;
  const logger = { debug: log, info: log, warn: log, error: log };
  const connection = new Connection({
    host: '127.0.0.1',
    port: (server.address() as { port: number }).port,
    logger: { namespace: () => logger },
    socketFactory: createSocketFactory(),
    connectionTimeout: 2_000,
    requestTimeout: 2_000,
  });
  const met: number[] = [];
  connection.requestQueue.fulfillRequest = ({ correlationId }) => met.push(correlationId);
  try {
    await connection.connect();
    for (let n = 0; n < 100 && connection.isConnected(); n++) await sleep(20);
    expect(connection.isConnected()).toBe(false);
    await connection.connect();
    for (let n = 0; n < 100 && met.length === 0; n++) await sleep(20);
    expect(met).toEqual([7]);
  } finally {
    await connection.disconnect();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});
