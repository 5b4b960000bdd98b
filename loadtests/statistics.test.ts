import { median, spread } from './statistics.js';

test('the median is the middle value, or the mean of the two middle ones', () => {
  expect(median([30, 10, 20])).toBe(20);
  expect(median([40, 10, 20, 30])).toBe(25);
  expect(median([])).toBeNaN();
});

test('the spread is the smallest and the largest value', () => {
  expect(spread([30, 10, 20], String)).toBe('10 – 30');
});
