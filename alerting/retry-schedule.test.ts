import { JITTER, MOST_RETRY_AFTER, parseRetryAfter, STANDARD_WAITS, waitAfter } from './retry-schedule.js';

test('ten tries in about three days, then no more', () => {
  const waits = Array.from({ length: 10 }, (_, i) => waitAfter(i + 1, 0.5));
  expect(waits.slice(0, 9)).toEqual(STANDARD_WAITS);
  expect(waits[9]).toBeUndefined();
  expect(STANDARD_WAITS.reduce((sum, wait) => sum + wait, 0) / 3_600_000).toBeCloseTo(75.6, 1);
});

test('waits are jittered in both directions', () => {
  expect(waitAfter(2, 0)).toBe(300_000 * (1 - JITTER));
  expect(waitAfter(2, 1)).toBe(300_000 * (1 + JITTER));
});

test('Retry-After makes a wait longer, never shorter, and not endless', () => {
  expect(waitAfter(1, 0.5, 60_000)).toBe(60_000);
  expect(waitAfter(3, 0.5, 60_000)).toBe(1_800_000);
  expect(waitAfter(1, 0.5, 1e12)).toBe(MOST_RETRY_AFTER);
});

test.each([
  [undefined, 0],
  ['120', 120_000],
  [' 7 ', 7_000],
  ['Wed, 21 Oct 2026 07:28:00 GMT', 30_000],
  ['Wed, 21 Oct 2026 07:00:00 GMT', 0],
  ['soon', 0],
  ['-5', 0],
])('Retry-After: %s', (header, expected) => {
  expect(parseRetryAfter(header, Date.UTC(2026, 9, 21, 7, 27, 30))).toBe(expected);
});
