import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { parseRange } from './address-guard.js';
import { createWebhookClient, type WebhookClient, type WebhookClientOptions } from './webhook-http.js';

const LOCAL = [parseRange('127.0.0.0/8')];
const body = Buffer.from('{}');
const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function serve(
  listener: RequestListener,
): Promise<{ url: string; port: number; requests: () => number; server: Server }> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    request.resume();
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, port, requests: () => requests, server };
}

function client(options: Partial<WebhookClientOptions> = {}): WebhookClient {
  const one = createWebhookClient({ allow: LOCAL, timeoutMs: 2_000, ...options });
  opened.push({ close: () => one.stop() });
  return one;
}

test('posts the bytes with the headers and gives the answer', async () => {
  const got: unknown[] = [];
  const server = await serve(async (request, response) => {
    got.push(request.method, request.headers['webhook-id'], request.headers['content-type']);
    response.writeHead(429, { 'retry-after': '7' }).end('slow down '.repeat(500));
  });
  const answer = await client().post(server.url, { 'webhook-id': 'dlv_1' }, body);
  expect(got).toEqual(['POST', 'dlv_1', 'application/json']);
  expect(answer).toMatchObject({ kind: 'answer', status: 429, retryAfter: '7' });
  expect(answer.kind === 'answer' && answer.body).toHaveLength(1024);
});

test('a redirect is an answer and is not followed', async () => {
  const target = await serve((_request, response) => response.end());
  const server = await serve((_request, response) => response.writeHead(307, { location: target.url }).end());
  expect(await client().post(server.url, {}, body)).toMatchObject({ kind: 'answer', status: 307 });
  expect(target.requests()).toBe(0);
});

test('a receiver that never answers costs the timeout', async () => {
  const server = await serve(() => {});
  const started = Date.now();
  expect(await client({ timeoutMs: 200 }).post(server.url, {}, body)).toMatchObject({
    kind: 'failure',
    code: 'timeout',
    message: 'no answer within 200 ms',
  });
  expect(Date.now() - started).toBeLessThan(1_500);
});

test('headers that drip cost no more than the timeout', async () => {
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.write('HTTP/1.1 200 OK\r\n');
    const drip = setInterval(() => socket.write('x: y\r\n'), 30);
    socket.on('close', () => clearInterval(drip));
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const started = Date.now();
  const result = await client({ timeoutMs: 300 }).post(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    {},
    body,
  );
  expect(result).toMatchObject({ kind: 'failure', code: 'timeout' });
  expect(Date.now() - started).toBeLessThan(1_500);
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

test('a 200 whose body drips without end is no success', async () => {
  const server = await serve((_request, response) => {
    response.writeHead(200);
    const more = setInterval(() => response.write('.'), 30);
    response.on('close', () => clearInterval(more));
  });
  const started = Date.now();
  const result = await client({ timeoutMs: 400 }).post(server.url, {}, body);
  expect(result).toMatchObject({
    kind: 'failure',
    code: 'timeout',
    message: 'status 200, but the answer did not end within 400 ms',
  });
  expect(Date.now() - started).toBeLessThan(1_500);
});

test.each([
  ['of a length that was announced', { 'content-length': '100' }],
  ['in chunks', {}],
])('a 200 whose body %s breaks off is no success', async (_how, headers) => {
  const server = await serve((_request, response) => {
    response.writeHead(200, headers).write('half of');
    setTimeout(() => response.destroy(), 30);
  });
  expect(await client().post(server.url, {}, body)).toMatchObject({
    kind: 'failure',
    code: 'unreachable',
    message: expect.stringMatching(/^status 200, but the answer broke off: ./),
  });
});

test('what is no 2xx anyway keeps its status when its body breaks off', async () => {
  const server = await serve((_request, response) => {
    response.writeHead(503, { 'retry-after': '9' }).write('half of');
    setTimeout(() => response.destroy(), 30);
  });
  expect(await client().post(server.url, {}, body)).toMatchObject({
    kind: 'answer',
    status: 503,
    retryAfter: '9',
    body: 'half of',
  });
});

test('a body that floods is not read to its end: the status counts', async () => {
  const server = await serve((_request, response) => {
    response.writeHead(200);
    const more = setInterval(() => response.write(Buffer.alloc(1 << 20)), 1);
    response.on('close', () => clearInterval(more));
  });
  const started = Date.now();
  const result = await client({ timeoutMs: 1_000 }).post(server.url, {}, body);
  expect(result).toMatchObject({ kind: 'answer', status: 200 });
  expect(Date.now() - started).toBeLessThan(900);
});

test('nothing is sent to an address that is not allowed, given as an address, in odd notations or as a name', async () => {
  const server = await serve((_request, response) => response.end());
  const guarded = client({ allow: [] });
  for (const host of [
    '127.0.0.1',
    '0x7f.1',
    '2130706433',
    '127.1',
    'localhost',
    '[::ffff:127.0.0.1]',
    '[::1]',
    '0.0.0.0',
  ]) {
    expect([host, await guarded.post(`http://${host}:${server.port}/`, {}, body)]).toMatchObject([
      host,
      { kind: 'failure', code: 'forbidden-address' },
    ]);
  }
  expect(server.requests()).toBe(0);
});

test('a name that answers differently later (DNS rebinding) is connected to at the checked address', async () => {
  const server = await serve((_request, response) => response.end());
  const asked: string[] = [];
  const resolve = ((host: string, _options: unknown, callback: (error: null, found: unknown) => void) => {
    asked.push(host);
    callback(null, [{ address: asked.length === 1 ? '127.0.0.1' : '10.0.0.1', family: 4 }]);
  }) as never;
  const rebinding = client({ resolve });
  expect(await rebinding.post(`http://rebind.example:${server.port}/`, {}, body)).toMatchObject({
    kind: 'answer',
    status: 200,
  });
  expect(asked).toEqual(['rebind.example']);
  server.server.closeAllConnections();
  expect(await rebinding.post(`http://rebind.example:${server.port}/`, {}, body)).toMatchObject({
    kind: 'failure',
  });
});

test('tells what failed', async () => {
  const closed = await serve(() => {});
  await new Promise((resolve) => closed.server.close(resolve));
  const unresolved = ((_host: string, _options: unknown, callback: (error: unknown) => void) =>
    callback(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }))) as never;
  expect(await client().post(closed.url, {}, body)).toMatchObject({ kind: 'failure', code: 'unreachable' });
  expect(await client({ resolve: unresolved }).post('https://nowhere.example/', {}, body)).toMatchObject({
    kind: 'failure',
    code: 'unresolved',
  });
  const plain = await serve((_request, response) => response.end());
  expect(await client().post(`https://127.0.0.1:${plain.port}/`, {}, body)).toMatchObject({
    kind: 'failure',
    code: 'tls',
  });
});

test('giving up early is like a timeout', async () => {
  const server = await serve(() => {});
  const stop = new AbortController();
  const result = client().post(server.url, {}, body, stop.signal);
  stop.abort();
  expect(await result).toMatchObject({ kind: 'failure', code: 'timeout' });
});
