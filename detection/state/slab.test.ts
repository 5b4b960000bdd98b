import { Slab } from './slab.js';

test('a batch of many events about one key makes room for one row, not for the batch', () => {
  const slab = new Slab([{ name: 'memory', size: 50_000 }], 100_000, 4);
  for (let batch = 0; batch < 3; batch++) {
    slab.beginBatch();
    for (let row = 0; row < 1024; row++) slab.slotOf('unit-1', () => {});
  }
  expect(slab.size).toBe(1);
  expect(slab.data.length).toBe(4 * 50_000);
});

test('keys that a batch touches are not evicted while it is open', () => {
  const slab = new Slab([{ name: 'x', size: 1 }], 3, 1);
  slab.beginBatch();
  for (const key of ['a', 'b', 'c']) slab.slotOf(key, () => {});
  expect(() => slab.slotOf('d', () => {})).toThrow('raise the limit');
  slab.beginBatch();
  slab.slotOf('b', () => {});
  slab.slotOf('d', () => {});
  slab.slotOf('e', () => {});
  expect(slab.find('b')).toBe(1);
  expect(slab.evicted).toBe(2);
});
