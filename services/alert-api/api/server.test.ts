import type { Incident } from '../../../alerting/incidents.js';
import { closeAll, incident, serve, viewOf } from '../../../test/support/alert-server.js';
import { parseKey } from '../api-keys.js';

afterEach(closeAll);

describe('keys and roles', () => {
  test('without a key nothing under /v1 is told, and the answer says what to send', async () => {
    const { call } = await serve();
    const answer = await call(undefined, 'GET', '/v1/incidents');
    expect(answer).toMatchObject({
      status: 401,
      body: {
        type: 'urn:riskwire:problem:unauthenticated',
        code: 'unauthenticated',
        instance: '/v1/incidents',
      },
    });
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.body.detail).toContain('Authorization: Bearer rw_');
  });

  test.each([
    ['viewer', 'POST', '/v1/endpoints', 403],
    ['viewer', 'POST', '/v1/incidents/inc_1/acknowledge', 403],
    ['operator', 'GET', '/v1/api-keys', 403],
    ['viewer', 'GET', '/v1/incidents', 200],
    ['operator', 'POST', '/v1/incidents/inc_1/acknowledge', 200],
    ['admin', 'GET', '/v1/api-keys', 200],
  ] as const)('%s: %s %s is %d', async (role, method, url, status) => {
    const { call } = await serve();
    expect(
      (
        await call(
          role,
          method,
          url,
          method === 'POST' && url.endsWith('endpoints') ? { url: 'https://example.com' } : undefined,
        )
      ).status,
    ).toBe(status);
  });

  test('a key is shown once, works, and is refused once revoked', async () => {
    const { app, call, control } = await serve();
    const { status, body } = await call('admin', 'POST', '/v1/api-keys', { name: 'grafana', role: 'viewer' });
    expect(status).toBe(201);
    expect(JSON.stringify([...control.records.values()])).not.toContain(parseKey(body.key)!.secret);
    expect(JSON.stringify((await call('admin', 'GET', '/v1/api-keys')).body)).not.toContain('hash');
    const ask = () => app.inject({ url: '/v1/incidents', headers: { authorization: `Bearer ${body.key}` } });
    expect((await ask()).statusCode).toBe(200);
    expect((await call('admin', 'DELETE', `/v1/api-keys/${body.id}`)).status).toBe(204);
    expect((await ask()).statusCode).toBe(401);
    expect((await call('admin', 'DELETE', `/v1/api-keys/${body.id}`)).status).toBe(404);
  });
});

describe('endpoints', () => {
  test('the secret is shown at creation, sealed in storage, and never again', async () => {
    const { call, control } = await serve();
    const { status, body } = await call('operator', 'POST', '/v1/endpoints', {
      url: 'https://hooks.example.com/a',
      minSeverity: 'high',
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
      name: 'hooks.example.com',
      events: ['opened', 'escalated', 'reopened'],
      activeSecrets: 1,
      createdBy: 'operator',
    });
    expect(JSON.stringify([...control.records.values()])).not.toContain(body.secret.slice(6, 30));
    const { body: shown } = await call('viewer', 'GET', `/v1/endpoints/${body.id}`);
    expect(JSON.stringify(shown)).not.toMatch(/secret"|sealed|whsec/);
  });

  test('a rotation gives a new secret; both sign for a while', async () => {
    const { call } = await serve();
    const { body } = await call('operator', 'POST', '/v1/endpoints', { url: 'https://hooks.example.com/a' });
    const rotated = await call('operator', 'POST', `/v1/endpoints/${body.id}/rotate-secret`, {
      overlapHours: 1,
    });
    expect(rotated.body).toMatchObject({ activeSecrets: 2 });
    expect(rotated.body.secret).not.toBe(body.secret);
    expect(
      (await call('operator', 'POST', `/v1/endpoints/${body.id}/rotate-secret`, { overlapHours: 0 })).body
        .activeSecrets,
    ).toBe(1);
  });

  test.each([
    ['not an address', 'an address'],
    ['ftp://example.com/', 'https'],
    ['https://user:pw@example.com/', 'password'],
    ['https://example.com/#x', 'fragment'],
    ['https://169.254.169.254/latest', 'linkLocal'],
    ['https://[::ffff:10.0.0.1]/', 'private'],
    ['https://0x0a000001/', 'private'],
    ['http://8.8.8.8/', 'use https'],
  ])('%s is refused with the remedy', async (url, remedy) => {
    const { call, control } = await serve();
    const { status, body } = await call('operator', 'POST', '/v1/endpoints', { url });
    expect(status).toBe(422);
    expect(body.errors).toMatchObject([{ field: 'url', value: url }]);
    expect(body.detail).toContain(remedy);
    expect(control.endpoints().length).toBe(0);
  });

  test('every wrong field is named with its value', async () => {
    const { call } = await serve();
    const { status, body } = await call('operator', 'POST', '/v1/endpoints', {
      minSeverity: 'huge',
      events: ['exploded'],
      colour: 'red',
    });
    expect(status).toBe(400);
    expect(body.errors.map((one: { field: string }) => one.field).sort()).toEqual([
      'colour',
      'events.0',
      'minSeverity',
      'url',
    ]);
    expect(body.detail).toContain('minSeverity is "huge" but must be one of low, medium, high, critical');
  });

  test('a test event goes out signed, and its answer is told', async () => {
    const { call, posts } = await serve();
    const { body } = await call('operator', 'POST', '/v1/endpoints', { url: 'http://127.0.0.1:1/hook' });
    const tested = await call('operator', 'POST', `/v1/endpoints/${body.id}/test`);
    expect(tested).toMatchObject({
      status: 200,
      body: { delivered: false, status: 503, answer: 'closed today', durationMs: 3 },
    });
    expect(posts).toMatchObject([
      {
        url: 'http://127.0.0.1:1/hook',
        headers: { 'webhook-id': tested.body.webhookId, 'webhook-signature': expect.stringMatching(/^v1,/) },
      },
    ]);
    expect(JSON.parse(posts[0]!.body).type).toBe('endpoint.test');
  });

  test('a change that Kafka does not confirm is 503 with Retry-After', async () => {
    const { call, control } = await serve();
    control.state.down = true;
    const answer = await call('operator', 'POST', '/v1/endpoints', { url: 'https://example.com/' });
    expect(answer).toMatchObject({
      status: 503,
      body: { code: 'kafka-away' },
      headers: { 'retry-after': '5' },
    });
  });

  test('it can be changed, disabled, enabled and deleted', async () => {
    const { call } = await serve();
    const { body } = await call('operator', 'POST', '/v1/endpoints', { url: 'https://example.com/' });
    const path = `/v1/endpoints/${body.id}`;
    expect(
      (await call('operator', 'PATCH', path, { state: 'disabled', domains: ['EUR'] })).body,
    ).toMatchObject({ state: 'disabled', stateReason: 'by operator', domains: ['EUR'] });
    expect((await call('operator', 'PATCH', path, { state: 'enabled' })).body).toMatchObject({
      state: 'enabled',
      stateReason: '',
    });
    expect((await call('operator', 'PATCH', path, {})).status).toBe(400);
    expect((await call('operator', 'DELETE', path)).status).toBe(204);
    expect((await call('viewer', 'GET', path)).status).toBe(404);
  });
});

describe('incidents', () => {
  test('pages follow on each other without gap or repeat, the one changed last first', async () => {
    const { call } = await serve();
    const found: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body }: { body: { items: { id: string }[]; next: string | null } } = await call(
        'viewer',
        'GET',
        `/v1/incidents?limit=3${cursor ? `&cursor=${cursor}` : ''}`,
      );
      found.push(...body.items.map((one) => one.id));
      cursor = body.next;
    }
    expect(found).toEqual([6, 5, 4, 3, 2, 1, 0].map((n) => `inc_${n}`));
  });

  test('filters', async () => {
    const listed = [
      incident(1, { severity: 'critical' }),
      incident(2, { state: 'closed' }),
      incident(3, { pipeline: 'production', severity: 'high' }),
    ];
    const { call } = await serve({ incidents: viewOf(listed) });
    const ids = async (query: string) =>
      (await call('viewer', 'GET', `/v1/incidents?${query}`)).body.items.map((one: Incident) => one.id);
    expect(await ids('severity=high')).toEqual(['inc_3', 'inc_1']);
    expect(await ids('state=closed')).toEqual(['inc_2']);
    expect(await ids('pipeline=production&entity=card-3')).toEqual(['inc_3']);
    expect((await call('viewer', 'GET', '/v1/incidents?sort=up')).body.detail).toContain(
      'sort is not known here',
    );
    expect((await call('viewer', 'GET', '/v1/incidents?cursor=abc')).status).toBe(400);
  });

  test('a word that would change nothing is a conflict', async () => {
    const { call } = await serve({ incidents: viewOf([incident(1, { state: 'closed', changedBy: 'ann' })]) });
    const { status, body } = await call('operator', 'POST', '/v1/incidents/inc_1/close', { note: 'x' });
    expect(status).toBe(409);
    expect(body.detail).toContain('is closed since 2026-01-05T12:00:00.001Z (by ann)');
    expect((await call('operator', 'POST', '/v1/incidents/inc_9/close')).status).toBe(404);
  });

  test('what is not applied yet is 202', async () => {
    const { call } = await serve({
      commands: {
        send: async (one) => ({ applied: false, incident: one }),
        redeliver: async () => {},
        sendAll: async () => {},
      },
    });
    expect((await call('operator', 'POST', '/v1/incidents/inc_1/acknowledge')).status).toBe(202);
  });
});

test('with ClickHouse away risks are 503, the rest goes on', async () => {
  const { call } = await serve();
  expect(await call('viewer', 'GET', '/v1/risks')).toMatchObject({
    status: 503,
    body: { code: 'clickhouse-away' },
    headers: { 'retry-after': '30' },
  });
  expect((await call('viewer', 'GET', '/v1/incidents')).status).toBe(200);
  expect((await call('viewer', 'GET', '/v1/deliveries')).body).toEqual({ items: [], next: null });
});

test('the stream sends changes as they happen and ends when the server closes', async () => {
  const { app, incidents, keys } = await serve();
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as { port: number };
  const response = await fetch(`http://127.0.0.1:${port}/v1/stream?severity=high`, {
    headers: { authorization: `Bearer ${keys.viewer}` },
  });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const reader = response.body!.getReader();
  const text = async () => Buffer.from((await reader.read()).value ?? []).toString();
  expect(await text()).toContain('retry:');
  incidents.publish(incident(1, { severity: 'low' }));
  incidents.publish(incident(2, { severity: 'critical', change: 3, changeKind: 'escalated' }));
  expect(await text()).toMatch(
    /^id: 0-1\nevent: escalated\ndata: \{"id":"inc_2".*"severity":"critical".*\}\n\n$/,
  );
  await app.close();
  expect((await reader.read()).done).toBe(true);
});

test('too many requests are 429, counted by key', async () => {
  const { call } = await serve({}, { rateLimit: 3 });
  for (let i = 0; i < 3; i += 1) expect((await call('viewer', 'GET', '/v1/incidents')).status).toBe(200);
  expect(await call('viewer', 'GET', '/v1/incidents')).toMatchObject({
    status: 429,
    body: { code: 'too-many-requests' },
  });
  expect((await call('operator', 'GET', '/v1/incidents')).status).toBe(200);
  expect((await call(undefined, 'GET', '/health/live')).status).toBe(200);
});

test('odd bodies and addresses are problems too', async () => {
  const { app, call, keys } = await serve();
  const headers = { authorization: `Bearer ${keys.operator}`, 'content-type': 'application/json' };
  expect(
    (await app.inject({ method: 'POST', url: '/v1/endpoints', headers, payload: '{"url":' })).json(),
  ).toMatchObject({ status: 400, code: 'invalid-request' });
  expect(
    (
      await app.inject({
        method: 'POST',
        url: '/v1/endpoints',
        headers: { ...headers, 'content-type': 'text/xml' },
        payload: '<a/>',
      })
    ).statusCode,
  ).toBe(415);
  expect(
    (
      await app.inject({
        method: 'POST',
        url: '/v1/endpoints',
        headers,
        payload: JSON.stringify({ url: 'x'.repeat(70_000) }),
      })
    ).statusCode,
  ).toBe(413);
  expect(await call('viewer', 'GET', '/v1/nothing')).toMatchObject({
    status: 404,
    body: { code: 'no-route' },
  });
});

test('health says why it is not ready; figures and the document are served', async () => {
  const { app, call } = await serve({ faults: () => ['partitions are being restored'] });
  expect(await call(undefined, 'GET', '/health/ready')).toMatchObject({
    status: 503,
    body: { status: 'unavailable', reasons: ['partitions are being restored'], partitions: [0] },
  });
  expect((await app.inject('/metrics')).body).toContain('riskwire_x 1');
  const { body } = await call(undefined, 'GET', '/openapi.json');
  expect(body).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } });
  expect(Object.keys(body.paths)).toEqual(
    expect.arrayContaining(['/v1/endpoints', '/v1/incidents/{id}/false-alarm', '/v1/risks', '/v1/stream']),
  );
  const page = await app.inject({ url: '/docs/' });
  expect([page.statusCode, page.headers['content-security-policy']]).toEqual([
    200,
    expect.stringContaining("script-src 'self'"),
  ]);
});
