import type { TrainingSet } from '../contract.js';
import type { FeatureInfo } from '../features/spec.js';
import { Random } from '../training/random.js';
import { Margins, marginFeatures, trainMargins } from './margins.js';

const FEATURES: FeatureInfo[] = [
  { name: 'amount', field: 'amount', kind: 'value', number: 0 },
  { name: 'amount.habit', field: 'amount', kind: 'habit', number: 0 },
  { name: 'amount.ratio', field: 'amount', kind: 'ratio', number: 0 },
];
const ROWS = 20_000;

/** Normal numbers of deviation 1; every hundredth row is an anomaly of `far`. */
function set(far: number, seed = 1): TrainingSet {
  const random = new Random(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(6.283 * random.uniform());
  const x = new Float32Array(ROWS * FEATURES.length);
  for (let i = 0; i < x.length; i++) x[i] = normal();
  for (let row = 0; row < ROWS; row += 100) x[row * FEATURES.length] = far;
  const times = Float64Array.from({ length: ROWS }, (_, i) => i);
  return {
    ...{ rows: ROWS, features: FEATURES.length, sensors: 0, x, raw: new Float64Array(0), times },
    ...{ entities: new Int32Array(ROWS), domains: new Int32Array(ROWS), gaps: new Float64Array(ROWS) },
    ...{ ages: new Float64Array(ROWS), hoursOfWeek: new Float32Array(ROWS) },
  };
}

function scores(detector: Margins, rows: readonly (readonly number[])[]): number[] {
  const out = new Float32Array(rows.length);
  const size = rows.length;
  detector.score(
    {
      ...{ size, slots: new Int32Array(size), domains: new Int32Array(size), times: new Float64Array(size) },
      ...{ gaps: new Float64Array(size), ages: new Float64Array(size), sensors: 0, raw: new Float64Array(0) },
      ...{
        hoursOfWeek: new Float32Array(size),
        x: Float32Array.from(rows.flat()),
        features: FEATURES.length,
      },
    },
    undefined,
    out,
  );
  return [...out];
}

test('watches numbers and their ratio to the habit, and refuses a pipeline without numbers', () => {
  expect(marginFeatures(FEATURES)).toEqual([0, 2]);
  expect(() => trainMargins(set(4), [FEATURES[1]!], new Set())).toThrow(/watch numbers/);
});

test('anomalies in the training don’t make their own kind common', () => {
  const clean = Margins.fromWeights(trainMargins(set(0.5), FEATURES, new Set()).weights);
  const dirty = Margins.fromWeights(trainMargins(set(6), FEATURES, new Set()).weights);
  expect(scores(clean, [[6, 0, 0]])[0]).toBeGreaterThan(12);
  // One row in a hundred is such a one: taken at their share they would get 2 x 2.
  expect(scores(dirty, [[6, 0, 0]])[0]).toBeGreaterThan(7);
});

test('one number alone is enough, and what is between them doesn’t add up', () => {
  const detector = Margins.fromWeights(trainMargins(set(0.5), FEATURES, new Set()).weights);
  const [one, other, both, habit] = scores(detector, [
    [4, 0, 0],
    [0, 0, 3],
    [4, 0, 3],
    [0, 9, 0],
  ]);
  expect(both).toBe(Math.max(one!, other!));
  expect(habit).toBeLessThan(1);
});

test('its score is so many times -log10 p as its emphasis says', () => {
  const detector = Margins.fromWeights(trainMargins(set(0.5), FEATURES, new Set()).weights);
  expect(detector.nominal).toBe(true);
  // P(Z > 3.09) = 0.001
  expect(scores(detector, [[3.09, 0, 0]])[0]! / detector.emphasis).toBeCloseTo(3, 0);
});

test('where only what is high is a risk, low numbers say nothing, on either way of knowing the tail', () => {
  const { weights } = trainMargins(set(0.5), FEATURES, new Set(), { side: 'high' });
  const both = trainMargins(set(0.5), FEATURES, new Set()).weights;
  const rows = [[-5, 0, -5]];
  expect(scores(Margins.fromWeights(both), rows)[0]).toBeGreaterThan(6);
  expect(scores(Margins.fromWeights(weights), rows)).toEqual([0]);
  const { normal: _, ...former } = weights;
  expect(scores(Margins.fromWeights(former), rows)).toEqual([0]);
  expect(Margins.fromWeights(former).nominal).toBe(false);
});

test('names the number and its direction', () => {
  const detector = Margins.fromWeights(trainMargins(set(0.5), FEATURES, new Set()).weights);
  scores(detector, [[0.1, 0, -5]]);
  expect(detector.explain(0, 1)).toMatchObject([{ index: 2, space: 'feature', direction: 'low' }]);
});
