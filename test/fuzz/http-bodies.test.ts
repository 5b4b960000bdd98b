import fc from 'fast-check';
import type { ClickHouseClient } from '../../lib/clickhouse.js';
import type { ApiContext, App } from '../../services/alert-api/api/context.js';
import { closeAll, serve } from '../support/alert-server.js';
import { near, type Schema } from './near-schema.js';

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly parameters: { readonly in: string; readonly name: string; readonly schema: Schema }[];
  readonly body: Schema | undefined;
  /** bodies that the document shows */
  readonly shown: readonly unknown[];
  readonly statuses: readonly string[];
}

/** Requests near what the API's own document asks for: right ones, and such as are wrong in some place. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 60);

let app: App;
let key: string;
let endpoint: string;
let operations: Operation[];

beforeAll(async () => {
  // Storage that is there and empty: what it does when it is away is told by other tests.
  const away: Pick<ApiContext, 'clickhouse' | 'clickhouseBreaker'> = {
    clickhouse: { query: async () => ({ json: async () => [] }) } as unknown as ClickHouseClient,
    clickhouseBreaker: { state: 'closed', ready: true, call: (work) => work(), stop: () => undefined },
  };
  const served = await serve(away, { rateLimit: 1e9 });
  app = served.app;
  const created = await served.call('admin', 'POST', '/v1/endpoints', { url: 'https://example.com/hook' });
  endpoint = created.body.id;
  key = served.keys.admin;
  operations = operationsOf((await app.inject({ url: '/openapi.json' })).json());
});
afterAll(closeAll);

// biome-ignore lint/suspicious/noExplicitAny: a document of any shape; what isn't there makes the test fail
function operationsOf(document: any): Operation[] {
  return Object.entries<Record<string, never>>(document.paths).flatMap(([path, methods]) =>
    // biome-ignore lint/suspicious/noExplicitAny: as above
    Object.entries<any>(methods).flatMap(([method, one]) =>
      // A stream answers for as long as somebody listens.
      path === '/v1/stream' || path.startsWith('/health/')
        ? []
        : [
            {
              method: method.toUpperCase(),
              path,
              parameters: one.parameters ?? [],
              body: one.requestBody?.content['application/json'].schema,
              shown: shownIn(one.requestBody?.content['application/json']),
              statuses: Object.keys(one.responses),
            },
          ],
    ),
  );
}

/** ids that are there, and any others */
const pathValue = fc.oneof(
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 9 }).map((n) => `inc_${n}`) },
  { weight: 2, arbitrary: fc.constant('endpoint') },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 80, unit: 'binary' }) },
);
const rawBody = fc.oneof(fc.string({ maxLength: 300 }), fc.json(), fc.constant(`{"a":${'['.repeat(5_000)}`));
const contentType = fc.constantFrom(
  'application/json',
  'text/plain',
  'application/xml',
  'application/json; charset=latin1',
  '',
);

function requestOf(operation: Operation) {
  const query = operation.parameters.filter((one) => one.in === 'query');
  return fc.record({
    path: fc.array(pathValue, { minLength: 2, maxLength: 2 }),
    query: fc.record(Object.fromEntries(query.map((one) => [one.name, near(one.schema)])), {
      requiredKeys: [],
    }),
    body:
      operation.body === undefined
        ? fc.constant(undefined)
        : fc.oneof(
            { weight: 6, arbitrary: near(operation.body) },
            { weight: 3, arbitrary: fc.constantFrom(...operation.shown) },
            { weight: 1, arbitrary: fc.jsonValue() },
          ),
    raw: fc.oneof(
      { weight: 7, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.record({ payload: rawBody, contentType }) },
    ),
    headers: fc.record(
      {
        'if-match': fc.string({ maxLength: 20 }),
        'idempotency-key': fc.string({ minLength: 1, maxLength: 20 }),
      },
      { requiredKeys: [] },
    ),
  });
}

// biome-ignore lint/suspicious/noExplicitAny: as above
function shownIn(content: any): unknown[] {
  if (content === undefined) return [];
  const shown = content.schema.examples ?? [content.example];
  expect(shown).not.toContain(undefined); // what the document shows gets past its checks
  return shown;
}

/** What each operation is asked first: what the document shows, and a body that lacks everything. */
function plainRequests(operation: Operation) {
  const id = operation.method === 'DELETE' ? 'inc_0' : 'endpoint'; // the others need the endpoint
  const bodies = operation.body === undefined ? [undefined] : [operation.shown[0], {}];
  return bodies.map((body) => ({ path: [id, id], query: {}, body, raw: null, headers: {} }));
}

/** an endpoint’s id is drawn when the server makes it */
const pathPart = (text: string) => encodeURIComponent(text === 'endpoint' ? endpoint : text);
const printable = (text: string) => text.replace(/[^\x20-\x7e]/g, '?');

test('whatever is sent, the answer is one that the document tells of, and errors are problem details', async () => {
  expect(operations.length).toBeGreaterThan(25);
  const answered = new Set<string>();
  for (const operation of operations) {
    await fc.assert(
      fc.asyncProperty(requestOf(operation), async ({ path, query, body, raw, headers }) => {
        let place = 0;
        const url = operation.path.replace(/\{\w+\}/g, () => pathPart(path[place++]!));
        const asked = new URLSearchParams(
          Object.entries(query).map(([name, value]): [string, string] => [
            name,
            typeof value === 'string' ? value : JSON.stringify(value),
          ]),
        );
        const sent: Record<string, string> = { authorization: `Bearer ${key}` };
        for (const [name, value] of Object.entries(headers)) if (value) sent[name] = printable(value);
        const payload = raw !== null ? raw.payload : body === undefined ? undefined : JSON.stringify(body);
        if (payload !== undefined && operation.method !== 'GET')
          sent['content-type'] = raw?.contentType ?? 'application/json';
        const answer = await app.inject({
          method: operation.method as 'GET',
          url: `${url}?${asked}`,
          headers: sent,
          ...(payload === undefined || operation.method === 'GET' ? {} : { payload }),
        });
        const { statusCode } = answer;
        answered.add(`${operation.method} ${operation.path} ${statusCode}`);
        expect(statusCode).toBeLessThan(500);
        if (statusCode !== 404) expect(operation.statuses).toContain(String(statusCode));
        if (statusCode < 400) return;
        expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
        const problem = answer.json();
        expect(problem).toMatchObject({ status: statusCode, type: `urn:riskwire:problem:${problem.code}` });
        expect(problem.detail.length).toBeGreaterThan(5);
      }),
      { numRuns: RUNS, examples: plainRequests(operation).map((one): [typeof one] => [one]) },
    );
  }
  // It got past the checks of the schema, and not only into them.
  for (const wanted of [
    'POST /v1/endpoints 201',
    'POST /v1/endpoints 400',
    'PUT /v1/routes 400',
    'GET /v1/risks 200',
    'GET /v1/endpoints/{id} 200',
  ])
    expect([...answered]).toContain(wanted);
}, 120_000);
