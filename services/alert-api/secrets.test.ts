import { randomBytes } from 'node:crypto';
import { authenticate, bootstrapKey, newApiKey, parseKey } from './api-keys.js';
import { activeSecrets, type Endpoint, newSecret, rotate } from './endpoints.js';
import { createSecretBox } from './secret-box.js';

const [first, second] = [randomBytes(32), randomBytes(32)];
const secret = randomBytes(32);

describe('secret box', () => {
  test('what is sealed opens, for its owner alone, and two seals differ', () => {
    const box = createSecretBox([first]);
    const sealed = box.seal(secret, 'ep_1');
    expect(box.open(sealed, 'ep_1')).toEqual(secret);
    expect(sealed).not.toBe(box.seal(secret, 'ep_1'));
    expect(() => box.open(sealed, 'ep_2')).toThrow(/rotate the secret/);
  });

  test('a changed character is noticed', () => {
    const box = createSecretBox([first]);
    const parts = box.seal(secret, 'ep_1').split('.');
    parts[3] = `${parts[3]!.startsWith('A') ? 'B' : 'A'}${parts[3]!.slice(1)}`;
    expect(() => box.open(parts.join('.'), 'ep_1')).toThrow(/changed since/);
  });

  test('after a key rotation old seals open while the old key is kept', () => {
    const sealed = createSecretBox([first]).seal(secret, 'ep_1');
    expect(createSecretBox([second, first]).open(sealed, 'ep_1')).toEqual(secret);
    expect(() => createSecretBox([second]).open(sealed, 'ep_1')).toThrow(/RISKWIRE_SECRET_KEY/);
  });
});

test('a rotation keeps one former secret until its time is over', () => {
  const box = createSecretBox([first]);
  const stored = () => newSecret('ep_1', box, 0).stored;
  const endpoint = { id: 'ep_1', secrets: [stored()] } as unknown as Endpoint;
  const twice = rotate(rotate(endpoint, stored(), 100, 1_000), stored(), 200, 1_000);
  expect(activeSecrets(twice, 300)).toHaveLength(2);
  expect(activeSecrets(twice, 1_200)).toHaveLength(1);
});

test('only the right key of a known id is let in', () => {
  const { key, record } = newApiKey('ops', 'operator', 'ann', 0);
  const find = (id: string) => (id === record.id ? record : undefined);
  expect(authenticate(`Bearer ${key}`, find)).toEqual({
    keyId: record.id,
    name: 'ops',
    role: 'operator',
    domains: [],
  });
  expect(authenticate(`bearer ${key}`, find)).toBeDefined();
  for (const header of [
    undefined,
    '',
    key,
    `Basic ${key}`,
    `Bearer ${key}x`,
    `Bearer ${key.slice(0, -1)}`,
    `Bearer rw_other_${parseKey(key)!.secret}`,
    'Bearer rw__',
  ]) {
    expect(authenticate(header, find)).toBeUndefined();
  }
  expect(record.hash).not.toContain(parseKey(key)!.secret);
  expect(bootstrapKey('rw_ci_0123456789abcdefghijklmn', 0)).toMatchObject({ id: 'ci', role: 'admin' });
  expect(bootstrapKey('', 0)).toBeUndefined();
});
