import { median, medianRatio, quantile, spread, summary } from './statistics.js';

test('the median is the middle value, or the mean of the two middle ones', () => {
  expect(median([30, 10, 20])).toBe(20);
  expect(median([40, 10, 20, 30])).toBe(25);
  expect(median([])).toBeNaN();
});

test('quantiles lie between the values around them', () => {
  const values = Array.from({ length: 101 }, (_, i) => i);
  expect(quantile(values, 0.99)).toBeCloseTo(99);
  expect(quantile([10, 20], 0.25)).toBeCloseTo(12.5);
  expect(quantile([5], 0.999)).toBe(5);
});

test('the spread is the smallest and the largest value', () => {
  expect(spread([30, 10, 20], String)).toBe('10 – 30');
  expect(summary([30, 10, 20])).toEqual({ median: 20, min: 10, max: 30 });
});

test('a ratio is taken round by round', () => {
  // In the second round the machine was half as fast for both.
  expect(medianRatio([40, 20, 40], [100, 50, 100])).toBeCloseTo(0.4);
  expect(medianRatio([40], [])).toBeNaN();
});
