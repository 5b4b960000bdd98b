import { type Look, lookIn, steady } from './looks.js';

/** slow until a quarter is done, then 1,000 events a second at 2 µs each, and slow again at the end */
const looks: Look[] = [
  { done: 100, at: 0, cpu: 0 },
  { done: 200, at: 10_000, cpu: 9 },
  { done: 600, at: 10_400, cpu: 9.0008 },
  { done: 900, at: 10_700, cpu: 9.0014 },
  { done: 1000, at: 60_000, cpu: 9.5 },
];

test('neither warming up nor the end counts', () => {
  const { eventsPerSecond, microsPerEvent } = steady(looks, 1000);
  expect(eventsPerSecond).toBeCloseTo(1000);
  expect(microsPerEvent).toBeCloseTo(2);
});

test('a rate of too few looks is refused', () => {
  expect(() => steady([looks[0]!, looks[4]!], 1000)).toThrow(/take more with --events/);
  expect(() => steady([], 1000)).toThrow(/too fast/);
});

test('without CPU times there is a rate alone', () => {
  const bare = looks.map(({ done, at }) => ({ done, at }));
  expect(steady(bare, 1000)).toEqual({ eventsPerSecond: 1000, microsPerEvent: undefined });
});

test('looks are told from other output', () => {
  expect(lookIn('{"done":5,"at":17.5}')).toEqual({ done: 5, at: 17.5 });
  expect(lookIn('INFO starting')).toBeUndefined();
  expect(() => lookIn('{"done":"5"}')).toThrow(/not a look/);
});
