import { endOfSpan, isTimeZone } from './calendar.js';
import { fits } from './matching.js';

const night = { timeZone: 'Europe/Berlin', from: '22:00', to: '07:00' };
const iso = (time: number | undefined) => (time === undefined ? undefined : new Date(time).toISOString());

test.each([
  ['2026-01-05T20:59:59Z', undefined],
  ['2026-01-05T21:00:00Z', '2026-01-06T06:00:00.000Z'],
  ['2026-01-06T05:59:30Z', '2026-01-06T06:00:00.000Z'],
  ['2026-01-06T06:00:00Z', undefined],
  // the clocks go forward at 01:00 UTC of 29 March, back at 01:00 UTC of 25 October
  ['2026-03-28T22:00:00Z', '2026-03-29T05:00:00.000Z'],
  ['2026-10-24T21:00:00Z', '2026-10-25T06:00:00.000Z'],
])('%s: the night of Berlin ends %s', (now, end) => {
  expect(iso(endOfSpan(night, Date.parse(now)))).toBe(end);
});

test('days are those on which it begins; a span may be the whole day', () => {
  const friday = { ...night, days: [5] };
  expect(endOfSpan(friday, Date.parse('2026-01-10T03:00:00Z'))).toBeDefined(); // Saturday morning
  expect(endOfSpan(friday, Date.parse('2026-01-09T03:00:00Z'))).toBeUndefined(); // Friday morning
  const day = { timeZone: 'UTC', days: [6], from: '00:00', to: '00:00' };
  expect(iso(endOfSpan(day, Date.parse('2026-01-10T12:00:00Z')))).toBe('2026-01-11T00:00:00.000Z');
  expect(endOfSpan(day, Date.parse('2026-01-11T00:00:00Z'))).toBeUndefined();
});

test('time zones are known or not', () => {
  expect([isTimeZone('Asia/Shanghai'), isTimeZone('Mars/Olympus')]).toEqual([true, false]);
});

test.each([
  ['pump-*', 'pump-7', true],
  ['*-7', 'pump-7', true],
  ['p?mp*', 'pump', true],
  ['pump', 'pump-7', false],
  ['*', '', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c', false],
  ['?', '', false],
  ['.*', 'x', false],
])('%s fits %s: %s', (pattern, text, expected) => {
  expect(fits(pattern, text)).toBe(expected);
});

test('no pattern takes long', () => {
  const started = performance.now();
  expect(fits('*a'.repeat(100), `${'a'.repeat(2_000)}b`)).toBe(false);
  expect(performance.now() - started).toBeLessThan(1_000);
});
