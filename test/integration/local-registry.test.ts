import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RegistryClient } from '../../lib/registry.js';
import { type LocalRegistry, startRegistry } from '../../services/local/schema-http.js';

let registry: LocalRegistry;
beforeEach(async () => {
  registry = await startRegistry({});
});
afterEach(() => registry.stop());

const TYPE = 'application/vnd.schemaregistry.v1+json';

interface Field {
  name: string;
  type: unknown;
  default?: unknown;
}
const record = (...fields: Field[]) => JSON.stringify({ type: 'record', name: 'Reading', fields });
const ID: Field = { name: 'id', type: 'string' };
const LEVEL: Field = { name: 'level', type: 'double' };
const NOTE: Field = { name: 'note', type: ['null', 'string'], default: null };

async function call(method: string, path: string, body?: object): Promise<{ status: number; body: unknown }> {
  const response = await fetch(registry.url + path, {
    method,
    headers: body ? { 'content-type': TYPE } : {},
    body: body && JSON.stringify(body),
  });
  expect(response.headers.get('content-type')).toBe(TYPE);
  return { status: response.status, body: await response.json() };
}

const register = (subject: string, schema: string) =>
  call('POST', `/subjects/${subject}/versions`, { schema });
const refused = (status: number, code: number) => ({
  status,
  body: { error_code: code, message: expect.any(String) },
});

test('one schema has one id, whatever the subject and the white space', async () => {
  expect(await register('a-value', record(ID))).toEqual({ status: 200, body: { id: 1 } });
  expect(await register('a-value', record(ID, NOTE))).toEqual({ status: 200, body: { id: 2 } });
  expect(await register('b-value', JSON.stringify(JSON.parse(record(ID)), null, 2))).toEqual({
    status: 200,
    body: { id: 1 },
  });
  expect(await register('a-value', record(ID))).toEqual({ status: 200, body: { id: 1 } });
  expect((await call('GET', '/subjects')).body).toEqual(['a-value', 'b-value']);
  expect((await call('GET', '/subjects/a-value/versions')).body).toEqual([1, 2]);
  expect((await call('GET', '/schemas/ids/2')).body).toEqual({ schema: record(ID, NOTE) });
  expect((await call('GET', '/schemas/ids/1/versions')).body).toEqual([
    { subject: 'a-value', version: 1 },
    { subject: 'b-value', version: 1 },
  ]);
  const newest = { subject: 'a-value', version: 2, id: 2, schema: record(ID, NOTE) };
  expect((await call('GET', '/subjects/a-value/versions/latest')).body).toEqual(newest);
  expect((await call('POST', '/subjects/a-value', { schema: record(ID, NOTE) })).body).toEqual(newest);
});

test('what isn’t there is told apart by its code', async () => {
  await register('a', record(ID));
  expect(await call('GET', '/subjects/none/versions')).toEqual(refused(404, 40401));
  expect(await call('GET', '/subjects/a/versions/9')).toEqual(refused(404, 40402));
  expect(await call('GET', '/schemas/ids/9')).toEqual(refused(404, 40403));
  expect(await call('POST', '/subjects/a', { schema: record(LEVEL) })).toEqual(refused(404, 40403));
  expect(await call('GET', '/subjects/a/versions/first')).toEqual(refused(422, 42202));
  expect(await call('GET', '/no/such/path')).toEqual(refused(404, 404));
});

test.each([
  ['no JSON', { schema: '{' }],
  ['no Avro', { schema: '{"type":"recrod"}' }],
  ['nothing', {}],
  ['another type', { schema: '{}', schemaType: 'PROTOBUF' }],
])('a schema that is %s is refused', async (_what, body) => {
  expect(await call('POST', '/subjects/a/versions', body)).toEqual(refused(422, 42201));
});

const CASES: [level: string, before: Field[], after: Field[], fits: boolean][] = [
  ['BACKWARD', [ID], [ID, NOTE], true],
  ['BACKWARD', [ID], [ID, LEVEL], false],
  ['BACKWARD', [ID, LEVEL], [ID], true],
  ['FORWARD', [ID], [ID, LEVEL], true],
  ['FORWARD', [ID, LEVEL], [ID], false],
  ['FULL', [ID], [ID, NOTE], true],
  ['FULL', [ID, LEVEL], [ID], false],
  ['NONE', [ID], [LEVEL], true],
];

test.each(CASES)('%s compatibility, case %#', async (level, before, after, fits) => {
  await register('a', record(...before));
  expect((await call('PUT', '/config/a', { compatibility: level })).body).toEqual({ compatibility: level });
  const check = await call('POST', '/compatibility/subjects/a/versions/latest?verbose=true', {
    schema: record(...after),
  });
  expect(check.body).toMatchObject({ is_compatible: fits, messages: fits ? [] : [expect.any(String)] });
  expect(await register('a', record(...after))).toEqual(
    fits ? { status: 200, body: { id: 2 } } : refused(409, 409),
  );
});

test('a transitive level looks at all versions', async () => {
  await call('PUT', '/config', { compatibility: 'NONE' });
  await register('a', record(ID, { ...LEVEL, type: 'string' }));
  await register('a', record(ID));
  await call('PUT', '/config/a', { compatibility: 'BACKWARD' });
  const next = record(ID, { ...LEVEL, default: 0 });
  expect((await call('POST', '/compatibility/subjects/a/versions', { schema: next })).body).toEqual({
    is_compatible: true,
  });
  await call('PUT', '/config/a', { compatibility: 'BACKWARD_TRANSITIVE' });
  expect(await register('a', next)).toEqual(refused(409, 409));
});

test('levels: the global one, a subject’s own, wrong ones', async () => {
  expect((await call('GET', '/config')).body).toEqual({ compatibilityLevel: 'BACKWARD' });
  expect(await call('GET', '/config/a')).toEqual(refused(404, 40408));
  expect((await call('GET', '/config/a?defaultToGlobal=true')).body).toEqual({
    compatibilityLevel: 'BACKWARD',
  });
  expect(await call('PUT', '/config', { compatibility: 'SOMETIMES' })).toEqual(refused(422, 42203));
});

test('deleted versions don’t come back, their numbers neither; ids stay', async () => {
  await register('a', record(ID));
  expect((await call('DELETE', '/subjects/a/versions/1')).body).toBe(1);
  expect(await call('GET', '/subjects/a/versions')).toEqual(refused(404, 40401));
  await register('a', record(ID, NOTE));
  expect((await call('GET', '/subjects/a/versions')).body).toEqual([2]);
  expect((await call('DELETE', '/subjects/a')).body).toEqual([2]);
  expect((await call('GET', '/subjects')).body).toEqual([]);
  expect((await call('GET', '/schemas/ids/1')).body).toEqual({ schema: record(ID) });
});

test('our own client registers and finds, with a user that nobody checks', async () => {
  const client = new RegistryClient({ url: registry.url, user: 'somebody', password: 'secret' });
  const id = await client.register('payments/é-value', record(ID));
  expect(await client.schemaById(id)).toEqual({ schema: record(ID) });
  expect(await client.latest('payments/é-value')).toMatchObject({ id, version: 1 });
  expect(await client.schemaById(77)).toBeUndefined();
  expect(await client.latest('none')).toBeUndefined();
});

test('a folder keeps schemas, versions and levels across starts', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'riskwire-test-'));
  try {
    await registry.stop();
    registry = await startRegistry({ dataDir });
    await Promise.all([
      register('a', record(ID)),
      register('b', record(LEVEL)),
      call('PUT', '/config/a', { compatibility: 'FULL' }),
    ]);
    const before = await call('GET', '/subjects/b/versions/latest');
    await registry.stop();
    registry = await startRegistry({ dataDir });
    expect(await call('GET', '/subjects/b/versions/latest')).toEqual(before);
    expect((await call('GET', '/config/a')).body).toEqual({ compatibilityLevel: 'FULL' });
    expect(await register('a', record(ID))).toEqual({ status: 200, body: { id: expect.any(Number) } });
  } finally {
    await rm(dataDir, { recursive: true });
  }
});
