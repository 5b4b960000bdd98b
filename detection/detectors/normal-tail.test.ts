import { fitNormalTail, normalSurprise } from './normal-tail.js';

/** quantiles of the exponential distribution, and some values far out among them */
function exponential(count: number, anomalies: readonly number[] = []): number[] {
  return [...Array.from({ length: count }, (_, i) => -Math.log((i + 0.5) / count)), ...anomalies];
}

test('carries the tail of normal values on beyond the largest', () => {
  const tail = fitNormalTail(exponential(10_000))!;
  // The chance of more than v is e^-v.
  for (const value of [2, 4, 12]) expect(normalSurprise(tail, 0, value)).toBeCloseTo(value * Math.LOG10E, 0);
});

test('anomalies in the training leave the tail as it is', () => {
  const tail = fitNormalTail(
    exponential(
      10_000,
      Array.from({ length: 50 }, (_, i) => 20 + i),
    ),
  )!;
  // By the values themselves 40 of 10,050 lie beyond 30, which would be 2.4.
  expect(normalSurprise(tail, 0, 30)).toBeGreaterThan(10);
});

test('rises with the value, also below the tail', () => {
  const tail = fitNormalTail(exponential(10_000))!;
  const surprises = [0, 0.5, 1, 1.6, 1.7, 3, 9].map((value) => normalSurprise(tail, 0, value));
  expect(surprises).toEqual([...surprises].sort((a, b) => a - b));
  expect(surprises[0]).toBe(0);
});

test('few values, or few different ones, have no tail', () => {
  expect(fitNormalTail(exponential(500))).toBeUndefined();
  expect(fitNormalTail(Array.from({ length: 5000 }, (_, i) => i % 2))).toBeUndefined();
});
