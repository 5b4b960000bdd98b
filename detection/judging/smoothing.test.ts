import { Smoothing } from './smoothing.js';

/** the columns after each score of one entity: rows x 3 */
function smoothed(scores: readonly number[]): number[][] {
  const smoothing = new Smoothing(1, [1, 0.2, 0.05], [1]);
  const state = { data: new Float32Array(smoothing.stateSize), stride: smoothing.stateSize, offset: 0 };
  smoothing.initState(state, 0);
  return scores.map((score) => {
    const out = new Float32Array(3);
    smoothing.smooth(Float32Array.of(score), 1, Int32Array.of(0), state, out);
    return [...out];
  });
}

const repeated = (score: number, times: number): number[] => new Array<number>(times).fill(score);

test('a small shift that stays adds up in the slow means', () => {
  const rows = smoothed([...repeated(1, 50), ...repeated(1.4, 100)]);
  expect(rows[49]).toEqual([1, 1, 1]);
  expect(rows[149]![1]).toBeCloseTo(1.4, 3);
  expect(rows[149]![2]).toBeCloseTo(1.4, 2);
  expect(rows[60]![2]).toBeLessThan(1.2);
});

test('after a fault, however extreme, the means are ordinary again within twenty events', () => {
  for (const extreme of [30, 1e4, 1e9]) {
    const rows = smoothed([...repeated(1, 20), ...repeated(extreme, 60), ...repeated(1, 40)]);
    expect(rows[79]![2]).toBeGreaterThan(0.5 * extreme);
    expect(rows[80]![1]).toBeLessThanOrEqual(3);
    const back = rows.slice(80).findIndex((row) => Math.max(...row) < 2);
    expect(back).toBeGreaterThanOrEqual(0);
    expect(back).toBeLessThan(20);
  }
});

test('a score that is missing leaves the means as they are', () => {
  const rows = smoothed([2, Number.NaN, 2]);
  expect(rows[1]!.every(Number.isNaN)).toBe(true);
  expect(rows[2]![1]).toBeCloseTo(1.36, 5);
});
