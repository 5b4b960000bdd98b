import { memoryGrowth } from './memory.js';

const run = (minutes: number, bytes: (minute: number) => number) =>
  Array.from({ length: minutes * 12 + 1 }, (_, i) => ({ minutes: i / 12, bytes: bytes(i / 12) }));

test('what grows before memory has settled does not count', () => {
  const { fromMinute, from, to, growth } = memoryGrowth(run(30, (minute) => (minute < 4 ? 100 : 400)));
  expect({ fromMinute, from, to, growth }).toEqual({ fromMinute: 5, from: 400, to: 400, growth: 0 });
});

test('a leak shows', () => {
  const { growth, most } = memoryGrowth(run(30, (minute) => 400 + 4 * minute));
  expect(growth).toBeCloseTo(0.235, 2);
  expect(most).toBe(520);
});

test('a short run is compared with its first sixth', () => {
  expect(memoryGrowth(run(6, () => 7))).toEqual({ fromMinute: 1, from: 7, to: 7, most: 7, growth: 0 });
});
