import { delaysOf, dueAt, positionOf } from './delays.js';

const schedule = { at: 1_000_000, from: 500 };

test('an event is due by its place in the schedule alone', () => {
  expect(dueAt(500, schedule, 100)).toBe(1_000_000);
  expect(dueAt(600, schedule, 100)).toBe(1_001_000);
});

test('what is late because of the sender is late too, and what came before the schedule is left out', () => {
  const moments = new Map([
    [499, 999_999],
    [500, 1_000_005],
    [600, 1_003_000],
  ]);
  expect(delaysOf(moments, schedule, 100)).toEqual([5, 2000]);
});

test('positions are read from ids', () => {
  expect(positionOf('p17')).toBe(17);
  expect(positionOf('')).toBeUndefined();
  expect(positionOf('x-p17')).toBeUndefined();
});
