import type { Visits } from './records.js';
import { VisitsStore } from './visits-store.js';

const visits = (entities: number, count: (i: number) => number = (i) => 1 + (i % 3)): Visits => {
  const of = (value: (i: number) => number) => Uint32Array.from({ length: entities }, (_, i) => value(i));
  const hashes = of((i) => i * 80_000);
  return {
    type: 'visits',
    id: `v${entities}`,
    field: 0,
    from: 0,
    to: 86_400,
    hashes,
    checks: of((i) => 0xffffffff - i),
    counts: of(count),
    effectiveAt: 90_000,
  };
};
const plain = ({ hashes, checks, counts, ...rest }: Visits) => ({
  ...rest,
  ...{ hashes: [...hashes], checks: [...checks], counts: [...counts] },
});

test('a window is kept as it is, whatever its counts', () => {
  const store = new VisitsStore();
  for (const one of [visits(0), visits(3), visits(5000), visits(3000, (i) => (i === 7 ? 70_000 : 255))])
    expect(plain(store.keep(one))).toEqual(plain(one));
});

test('a window that is no longer kept gives its memory to the next one of about its size', () => {
  const store = new VisitsStore();
  const first = store.keep(visits(3000));
  store.release(first);
  const next = store.keep(visits(3060, () => 2));
  expect(next.hashes.buffer).toBe(first.hashes.buffer);
  expect(plain(next)).toEqual(plain(visits(3060, () => 2)));
  expect(store.keep(visits(3060)).hashes.buffer).not.toBe(next.hashes.buffer);
});

test('a count takes a byte, and a window little more than its entities', () => {
  const bytes = (one: Visits) => new VisitsStore().keep(one).hashes.buffer.byteLength;
  expect(bytes(visits(4096))).toBe(9 * 4096);
  expect(bytes(visits(4096, () => 256))).toBe(12 * 4096);
  expect(bytes(visits(50))).toBe(9 * 56);
  expect(bytes(visits(1))).toBe(9 * 8);
  expect(bytes(visits(0))).toBe(0);
});
