import { DEFAULT_MAX_AGES, expiryOf, healthAfter, RateLimit } from './delivery-rules.js';

const HOUR = 3_600_000;

test('what is less severe is worth telling for less long, what is critical always', () => {
  expect(expiryOf('low', 1_000, DEFAULT_MAX_AGES)).toBe(1_000 + 6 * HOUR);
  expect(expiryOf('high', 1_000, DEFAULT_MAX_AGES)).toBe(1_000 + 72 * HOUR);
  expect(expiryOf('critical', 1_000, DEFAULT_MAX_AGES)).toBe(0);
});

test('the bucket gives a minute at once, then one each time it has refilled; a storm lasts until half of it is back', () => {
  const limit = new RateLimit(() => 6, 0);
  for (let i = 0; i < 6; i += 1) expect(limit.take(0)).toBe(0);
  expect(limit.storm).toBe(false);
  expect(limit.take(0)).toBe(10_000);
  expect(limit.storm).toBe(true);
  expect(limit.take(10_000)).toBe(0);
  expect(limit.storm).toBe(true);
  expect(limit.take(50_000)).toBe(0);
  expect(limit.storm).toBe(false);
});

test('an endpoint fails after ten failures in a row, is disabled after five days of them, and recovers at one success', () => {
  expect(healthAfter(undefined, 9, 5)).toEqual({ kind: 'nothing' });
  expect(healthAfter(undefined, 10, 5)).toEqual({ kind: 'failing', health: { failingSince: 5 } });
  const health = { failingSince: 0 };
  expect(healthAfter(health, 11, 120 * HOUR - 1)).toEqual({ kind: 'nothing' });
  expect(healthAfter(health, 12, 120 * HOUR)).toEqual({ kind: 'disable', failingSince: 0 });
  expect(healthAfter(health, 0, 120 * HOUR)).toEqual({ kind: 'recovered' });
  expect(healthAfter(undefined, 0, 0)).toEqual({ kind: 'nothing' });
});
