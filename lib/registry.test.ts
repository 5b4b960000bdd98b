import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RegistryClient, RegistryRefusal, RegistryUnreachable } from './registry.js';

describe('the registry client', () => {
  let server: Server;
  let base: string;
  let answers: [status: number, body: unknown][] = [];
  const seen: { line: string; authorization: string | undefined; body: string }[] = [];

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      seen.push({
        line: `${request.method} ${request.url}`,
        authorization: request.headers.authorization,
        body: await text(request),
      });
      const [status, body] = answers.shift() ?? [500, 'no answer was planned'];
      response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/apis/ccompat/v7`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));
  beforeEach(() => {
    seen.length = 0;
    answers = [];
  });
  const client = (options: object = {}) => new RegistryClient({ url: base, timeoutMs: 1_000, ...options });

  test('keeps the path of its address and signs in', async () => {
    answers = [[200, { schema: '"string"' }]];
    expect(await client({ user: 'u', password: 'p' }).schemaById(7)).toEqual({ schema: '"string"' });
    expect(seen).toEqual([
      {
        line: 'GET /apis/ccompat/v7/schemas/ids/7',
        authorization: `Basic ${Buffer.from('u:p').toString('base64')}`,
        body: '',
      },
    ]);
  });

  test('knows “no such schema” from other refusals', async () => {
    answers = [
      [404, { error_code: 40403, message: 'Schema not found' }],
      [404, '<html>no such page</html>'],
      [401, { error_code: 401, message: 'who are you' }],
    ];
    expect(await client().schemaById(7)).toBeUndefined();
    await expect(client().schemaById(7)).rejects.toThrow(RegistryRefusal);
    await expect(client().schemaById(7)).rejects.toMatchObject({
      status: 401,
      message: expect.stringContaining('who are you'),
    });
  });

  test('registers a schema and gives its id', async () => {
    answers = [[200, { id: 12 }]];
    expect(await client().register('payments/a-value', { type: 'string' })).toBe(12);
    expect(seen[0]?.line).toBe('POST /apis/ccompat/v7/subjects/payments%2Fa-value/versions');
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ schema: '{"type":"string"}' });
  });

  test('says why a schema is refused', async () => {
    answers = [[409, { error_code: 409, message: 'incompatible with an earlier schema' }]];
    await expect(client().register('s', {})).rejects.toThrow(/with 409: incompatible/);
    expect(seen.length).toBe(1);
  });

  test('asks again after a passing fault', async () => {
    answers = [
      [503, 'starting'],
      [200, { schema: '"int"' }],
    ];
    expect(await client().schemaById(1)).toEqual({ schema: '"int"' });
  });

  test('fails within its time when nobody answers, without the password', async () => {
    const started = performance.now();
    const asking = client({ url: 'http://user:hidden@127.0.0.1:9', timeoutMs: 300 }).schemaById(1);
    await expect(asking).rejects.toThrow(RegistryUnreachable);
    await expect(asking).rejects.not.toThrow(/hidden/);
    expect(performance.now() - started).toBeLessThan(3_000);
  });
});

async function text(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}
