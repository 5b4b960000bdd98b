import { hashString } from '../features/hash.js';
import { SeenEntities } from './seen-entities.js';

test('counts entities once, however often they come, few or many', () => {
  const seen = new SeenEntities();
  expect(seen.size).toBe(0);
  let known = 0;
  for (const size of [1, 100, 10_000, 1_000_000]) {
    for (; known < size; known++) seen.add(hashString(`terminal-${known}`));
    for (let again = 0; again < Math.min(size, 1000); again++) seen.add(hashString(`terminal-${again}`));
    expect(Math.abs(seen.size - size) / size).toBeLessThan(0.003);
  }
});

test('a full table still gives a number', () => {
  const seen = new SeenEntities();
  for (let hash = 0; hash < 2 ** 32; hash += 1 << 10) seen.add(hash);
  expect(seen.size).toBeGreaterThan(6e7);
  expect(Number.isFinite(seen.size)).toBe(true);
});
