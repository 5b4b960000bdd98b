import { closeAll, incident, serve, viewOf } from '../../../test/support/alert-server.js';

afterEach(closeAll);
const DAY = 86_400_000;
const NOW = Date.UTC(2026, 0, 5, 12);
const later = (days: number) => new Date(NOW + days * DAY).toISOString();

async function withEndpoint() {
  const served = await serve();
  const { body } = await served.call('operator', 'POST', '/v1/endpoints', { url: 'https://example.com/' });
  return { ...served, endpoint: body.id as string };
}

describe('routes', () => {
  test('the tree is set, shown with its tag, changed only by who saw the present one, and removed', async () => {
    const { app, call, endpoint, keys } = await withEndpoint();
    expect((await call('viewer', 'GET', '/v1/routes')).body).toEqual({ tree: null });
    const tree = {
      name: 'all',
      endpoints: [endpoint],
      routes: [{ name: 'pumps', match: { entity: 'pump-*' } }],
    };
    const set = await call('operator', 'PUT', '/v1/routes', { tree });
    expect(set).toMatchObject({ status: 200, body: { tree }, headers: { etag: '"v1"' } });
    const put = (etag: string) =>
      app.inject({
        method: 'PUT',
        url: '/v1/routes',
        headers: { authorization: `Bearer ${keys.operator}`, 'if-match': etag },
        payload: { tree },
      });
    expect((await put('"v0"')).json()).toMatchObject({ status: 412, code: 'changed-meanwhile' });
    expect((await put('"v1"')).statusCode).toBe(200);
    expect((await call('operator', 'DELETE', '/v1/routes')).status).toBe(204);
    expect((await call('viewer', 'GET', '/v1/routes')).body).toEqual({ tree: null });
  });

  test('endpoints and time zones that do not exist are named', async () => {
    const { call, endpoint } = await withEndpoint();
    const put = async (tree: object) => (await call('operator', 'PUT', '/v1/routes', { tree })).body;
    expect(await put({ name: 'all', routes: [{ name: 'x', endpoints: ['ep_gone'] }] })).toMatchObject({
      status: 422,
      errors: [{ field: 'tree.routes.0.endpoints.0', value: 'ep_gone' }],
    });
    const quietHours = { below: 'high', spans: [{ timeZone: 'Mars/Olympus', from: '22:00', to: '07:00' }] };
    expect(await put({ name: 'all', endpoints: [endpoint], quietHours })).toMatchObject({
      status: 422,
      errors: [{ field: 'tree.quietHours.spans.0.timeZone' }],
    });
  });

  test('a preview decides as the service would, and changes nothing', async () => {
    const { call, endpoint } = await withEndpoint();
    const preview = async (body: object) => (await call('viewer', 'POST', '/v1/routes/preview', body)).body;
    expect(await preview({})).toMatchObject({ incidents: 7, told: 7, held: 0, nobody: 0 });
    const tree = {
      name: 'all',
      endpoints: [],
      routes: [{ name: 'three', match: { entity: 'card-3' }, endpoints: [endpoint] }],
    };
    const shown = await preview({ tree });
    expect(shown).toMatchObject({ incidents: 7, told: 1, nobody: 6 });
    expect(shown.items.find((one: { incident: string }) => one.incident === 'inc_3')).toMatchObject({
      routes: [['all', 'three']],
      endpoints: [{ id: endpoint }],
      held: null,
    });
    const silences = [
      { match: { entity: 'card-*' }, startsAt: later(-1), endsAt: later(1), reason: 'trial' },
    ];
    expect(await preview({ silences })).toMatchObject({ told: 0, held: 7 });
    expect((await call('viewer', 'GET', '/v1/silences')).body.items).toEqual([]);
  });
});

describe('silences and windows', () => {
  test('a silence has an author and an end, shows what it would hide, and can be ended', async () => {
    const { call, control } = await serve();
    const match = { entity: 'card-1' };
    expect((await call('viewer', 'POST', '/v1/silences/preview', { match })).body).toEqual({
      active: { count: 1, incidents: ['inc_1'] },
      past: { count: 0, incidents: [] },
    });
    const made = await call('operator', 'POST', '/v1/silences', { match, endsAt: later(1), reason: 'known' });
    expect(made).toMatchObject({
      status: 201,
      body: { author: 'operator', state: 'active', reason: 'known' },
    });
    expect(control.policy().silences).toHaveLength(1);
    expect(
      (await call('operator', 'POST', '/v1/silences', { match, endsAt: later(-1), reason: 'x' })).status,
    ).toBe(422);
    expect((await call('operator', 'DELETE', `/v1/silences/${made.body.id}`)).status).toBe(204);
    expect((await call('operator', 'DELETE', `/v1/silences/${made.body.id}`)).status).toBe(404);
  });

  test('a maintenance window comes every week', async () => {
    const { call } = await serve();
    const spans = [{ timeZone: 'Asia/Shanghai', days: [0], from: '02:00', to: '04:00' }];
    const made = await call('operator', 'POST', '/v1/windows', { name: 'cleaning', match: {}, spans });
    expect(made).toMatchObject({ status: 201, body: { spans } });
    expect((await call('viewer', 'GET', '/v1/windows')).body.items).toHaveLength(1);
    expect((await call('operator', 'DELETE', `/v1/windows/${made.body.id}`)).status).toBe(204);
  });
});

test('a false alarm raises the bar of that entity and reason for a time, visibly, and it can be lowered', async () => {
  const { call, control } = await serve();
  const answer = await call('operator', 'POST', '/v1/incidents/inc_1/false-alarm', {
    note: 'a test run',
    barHours: 2,
  });
  expect(answer.status).toBe(200);
  const { items } = (await call('viewer', 'GET', '/v1/bars')).body;
  expect(items).toMatchObject([
    {
      entity: 'card-1',
      reason: 'amount high',
      score: 6,
      until: later(2 / 24),
      incident: 'inc_1',
      raisedBy: 'operator',
    },
  ]);
  expect(control.policy().bars).toHaveLength(1);
  expect((await call('operator', 'DELETE', `/v1/bars/${items[0].id}`)).status).toBe(204);
  expect(control.policy().bars).toHaveLength(0);
  await call('operator', 'POST', '/v1/incidents/inc_2/false-alarm', { barHours: 0 });
  expect((await call('viewer', 'GET', '/v1/bars')).body.items).toEqual([]);
});

test('every change is on the audit trail, without secrets', async () => {
  const { call } = await serve();
  const { body } = await call('operator', 'POST', '/v1/endpoints', { url: 'https://example.com/' });
  await call('operator', 'DELETE', `/v1/endpoints/${body.id}`);
  const trail = (await call('admin', 'GET', `/v1/audit?subject=${body.id}`)).body;
  expect(trail.items).toMatchObject([
    { action: 'deleted', kind: 'endpoint', by: 'operator' },
    { action: 'saved', kind: 'endpoint', by: 'operator', value: { url: 'https://example.com/' } },
  ]);
  expect(JSON.stringify(trail)).not.toMatch(/sealed|whsec/);
  expect((await call('operator', 'GET', '/v1/audit')).status).toBe(403);
});

describe('idempotency keys', () => {
  const keyed = async (
    served: Awaited<ReturnType<typeof serve>>,
    key: string,
    payload: object,
    role = 'operator' as const,
  ) =>
    served.app.inject({
      method: 'POST',
      url: '/v1/endpoints',
      headers: { authorization: `Bearer ${served.keys[role]}`, 'idempotency-key': key },
      payload,
    });

  test('the same request again is answered as the first time, secret and all, and done once', async () => {
    const served = await serve();
    const first = await keyed(served, 'k1', { url: 'https://example.com/' });
    const second = await keyed(served, 'k1', { url: 'https://example.com/' });
    expect([first.statusCode, second.statusCode]).toEqual([201, 201]);
    expect(second.json()).toEqual(first.json());
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(served.control.endpoints()).toHaveLength(1);
    expect(JSON.stringify([...served.control.records.values()])).not.toContain(first.json().secret);
  });

  test('another request under it is refused; a refused one can be mended', async () => {
    const served = await serve();
    expect((await keyed(served, 'k1', { url: 'nonsense' })).statusCode).toBe(422);
    expect((await keyed(served, 'k1', { url: 'https://example.com/' })).statusCode).toBe(201);
    expect((await keyed(served, 'k1', { url: 'https://example.com/b' })).json()).toMatchObject({
      status: 422,
      code: 'idempotency-conflict',
    });
    expect((await keyed(served, 'with space', { url: 'https://example.com/' })).statusCode).toBe(400);
  });
});

test('who has the present version is told so; a change to another one is refused', async () => {
  const { app, call, keys } = await serve();
  const get = (etag: string) =>
    app.inject({
      url: '/v1/incidents/inc_1',
      headers: { authorization: `Bearer ${keys.viewer}`, 'if-none-match': etag },
    });
  const { headers } = await call('viewer', 'GET', '/v1/incidents/inc_1');
  expect(headers.etag).toBe('"v1"');
  const same = await get('"v1"');
  expect([same.statusCode, same.body]).toEqual([304, '']);
  expect((await get('"v0"')).statusCode).toBe(200);
  const act = await app.inject({
    method: 'POST',
    url: '/v1/incidents/inc_1/acknowledge',
    headers: { authorization: `Bearer ${keys.operator}`, 'if-match': '"v7"' },
  });
  expect(act.statusCode).toBe(412);
});

describe('a key for some domains', () => {
  async function tenant() {
    const incidents = viewOf([incident(1), incident(2, { domain: 'USD' })]);
    const served = await serve({ incidents });
    const { body } = await served.call('admin', 'POST', '/v1/api-keys', {
      name: 'usd',
      role: 'operator',
      domains: ['USD'],
    });
    const ask = async (method: 'GET' | 'POST' | 'PUT' | 'PATCH', url: string, payload?: object) => {
      const answer = await served.app.inject({
        method,
        url,
        headers: { authorization: `Bearer ${body.key}` },
        ...(payload ? { payload } : {}),
      });
      return { status: answer.statusCode, body: answer.json() };
    };
    return { ...served, ask };
  }

  test('sees its own incidents alone, and can act on no other', async () => {
    const { ask } = await tenant();
    expect((await ask('GET', '/v1/incidents')).body.items.map((one: { id: string }) => one.id)).toEqual([
      'inc_2',
    ]);
    expect((await ask('GET', '/v1/incidents/inc_1')).status).toBe(404);
    expect((await ask('POST', '/v1/incidents/inc_1/acknowledge')).status).toBe(404);
    expect((await ask('POST', '/v1/incidents/inc_2/acknowledge')).status).toBe(200);
    expect((await ask('POST', '/v1/routes/preview', {})).body.incidents).toBe(1);
  });

  test('has endpoints of its own domains, and no others', async () => {
    const { ask, call } = await tenant();
    const { body: all } = await call('operator', 'POST', '/v1/endpoints', { url: 'https://example.com/' });
    const own = await ask('POST', '/v1/endpoints', { url: 'https://example.com/usd' });
    expect(own.body.domains).toEqual(['USD']);
    expect((await ask('GET', '/v1/endpoints')).body.items.map((one: { id: string }) => one.id)).toEqual([
      own.body.id,
    ]);
    expect((await ask('GET', `/v1/endpoints/${all.id}`)).status).toBe(404);
    expect(
      (await ask('POST', '/v1/endpoints', { url: 'https://example.com/', domains: ['EUR'] })).status,
    ).toBe(403);
    expect((await ask('PATCH', `/v1/endpoints/${own.body.id}`, { domains: [] })).body.domains).toEqual([
      'USD',
    ]);
  });

  test('may not change what concerns all', async () => {
    const { ask } = await tenant();
    for (const [method, url, body] of [
      ['PUT', '/v1/routes', { tree: { name: 'x' } }],
      ['POST', '/v1/silences', { match: {}, endsAt: later(1), reason: 'x' }],
    ] as const)
      expect((await ask(method, url, body)).status).toBe(403);
  });
});

test('the stream goes on after the last event that its reader had', async () => {
  const { app, incidents, keys } = await serve();
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as { port: number };
  for (let n = 1; n <= 3; n += 1) incidents.publish(incident(n, { change: 2 }));
  const response = await fetch(`http://127.0.0.1:${port}/v1/stream`, {
    headers: { authorization: `Bearer ${keys.viewer}`, 'last-event-id': '0-0' },
  });
  const reader = response.body!.getReader();
  let text = '';
  while (!text.includes('inc_3')) text += Buffer.from((await reader.read()).value ?? []).toString();
  expect(text.match(/^id: .*$/gm)).toEqual(['id: 0-1', 'id: 0-2']);
  expect(text).not.toContain('"inc_1"');
});
