import { formatDuration, parseDuration } from './duration.js';

test.each([
  ['500ms', 500],
  ['1.5s', 1_500],
  ['15m', 900_000],
  ['1h', 3_600_000],
  [' 7d ', 604_800_000],
])('%s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '15', 'm', '15 m', '-1s', '1w', '1h30m'])('"%s" is refused with what is accepted', (text) => {
  expect(() => parseDuration(text)).toThrow('write a number and a unit, such as 500ms');
});

test.each([
  [900_000, '15m'],
  [90_000, '90s'],
  [86_400_000, '1d'],
  [1_500, '1500ms'],
  [0, '0ms'],
])('%i ms is written %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
  expect(parseDuration(text)).toBe(ms);
});
