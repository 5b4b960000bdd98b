import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { startProxy, type TcpProxy } from './proxy.js';

let proxy: TcpProxy;
const echo = createServer((socket) => {
  socket.on('error', () => undefined);
  socket.pipe(socket);
});

beforeAll(async () => {
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await startProxy();
  proxy.leadTo((echo.address() as { port: number }).port);
});

afterAll(async () => {
  await proxy.close();
  echo.close();
  await once(echo, 'close');
});

async function dial(): Promise<Socket> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** `once` would fail of the error that a reset is. */
const closing = (socket: Socket) => new Promise((resolve) => socket.on('close', resolve));

async function answer(socket: Socket, text: string): Promise<string> {
  const data = once(socket, 'data');
  socket.write(text);
  const [chunk] = (await data) as [Buffer];
  return chunk.toString();
}

test('delays, holds back without losing, resets and refuses', async () => {
  const socket = await dial();
  expect(await answer(socket, 'open')).toBe('open');

  proxy.set('delay', 60);
  const before = performance.now();
  expect(await answer(socket, 'slow')).toBe('slow');
  // there and back
  expect(performance.now() - before).toBeGreaterThanOrEqual(115);

  proxy.set('halfOpen');
  const late = answer(socket, 'held');
  let arrived = false;
  void late.then(() => {
    arrived = true;
  });
  const other = await dial();
  expect(arrived).toBe(false);
  proxy.set('open');
  expect(await late).toBe('held');

  const closed = Promise.all([closing(socket), closing(other)]);
  proxy.reset();
  await closed;
  expect(proxy.connections).toBe(0);

  proxy.set('refuse');
  const refused = connect({ port: proxy.port, host: '127.0.0.1' });
  refused.on('error', () => undefined);
  await closing(refused);
  proxy.set('open');
  const again = await dial();
  expect(await answer(again, 'back')).toBe('back');
  again.destroy();
});
