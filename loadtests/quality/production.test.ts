import { productionFigures } from './production.js';

const ROWS = 960;
const ONSET = 160;

/** scores of a normal run, and of 21 faults of which those in `found` are seen from `delay` rows on */
function scores(found: (fault: number) => boolean, delay: number) {
  const normal = Float32Array.from({ length: ROWS }, (_, row) => (row * 7919) % ROWS);
  const faults = Array.from({ length: 21 }, (_, i) =>
    Float32Array.from({ length: ROWS }, (_, row) => (found(i + 1) && row >= ONSET + delay ? 5000 : 100)),
  );
  return { normal, faults };
}

test('all faults found late: rates, delay and no false alarm', () => {
  const figures = productionFigures(scores(() => true, 8));
  expect(figures.fdr21).toBeCloseTo(0.99, 6);
  expect(figures.fdr18).toBeCloseTo(0.99, 6);
  expect(figures.far).toBe(0);
  expect(figures.medianDelay).toBe(8);
  expect(figures.auc18).toBeCloseTo(0.99 + 0.01 / 2, 6);
});

test('faults 3, 9 and 15 count among the 21 and not among the 18', () => {
  const figures = productionFigures(scores((fault) => ![3, 9, 15].includes(fault), 0));
  expect(figures.fdr21).toBeCloseTo(18 / 21, 6);
  expect(figures.fdr18).toBe(1);
});
