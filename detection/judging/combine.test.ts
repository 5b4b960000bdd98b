import type { StateBlock } from '../contract.js';
import { Random } from '../training/random.js';
import type { JudgementLayout } from './chain.js';
import { Judgement } from './combine.js';
import { fitJudgement, type JudgementPriors, priorsNeeded, untrainedPriors } from './fit-judgement.js';
import { Smoothing } from './smoothing.js';
import { TailCalibration } from './tail.js';

const THREE: JudgementLayout = {
  detectors: [
    { name: 'autoencoder', group: 'entity' },
    { name: 'sequence', group: 'entity' },
    { name: 'sensor-checks', group: 'sensor' },
  ],
  lambdas: 1,
};
const DETECTORS = THREE.detectors.length;

/** rows x 3 raw scores, the first two correlated, of different scale and shape */
function rawScores(rows: number, seed: number): Float32Array {
  const random = new Random(seed);
  const draw = (): number => -Math.log(1 - random.uniform());
  const scores = new Float32Array(rows * DETECTORS);
  for (let row = 0; row < rows; row++) {
    const common = draw();
    scores[row * DETECTORS] = common + draw();
    scores[row * DETECTORS + 1] = 100 * (common + draw()) ** 2;
    scores[row * DETECTORS + 2] = random.uniform() < 0.7 ? 0 : draw();
  }
  return scores;
}

const ROWS = 60_000;
let priors: JudgementPriors;
beforeAll(() => {
  priors = fitJudgement(THREE, rawScores(ROWS, 1), ROWS);
});

/** the surprises of rows x detectors, one entity each 64 rows where `spread` */
function judge(judgement: Judgement, scores: Float32Array, rows: number, spread = false): Float32Array {
  const joined = new Float64Array(rows);
  const own = new Float32Array(scores.length);
  const order = Int32Array.from({ length: rows }, (_, row) => row);
  const state = { data: Float32Array.from({ length: 64 }, (_, slot) => slot), stride: 1, offset: 0 };
  const buckets = { state, slots: order.map((row) => row % 64) };
  judgement.judge({ smoothed: scores, own, joined }, order, 0, rows, spread ? buckets : undefined);
  return Float32Array.from(joined);
}

/** one row's surprise; `own` receives the detectors' */
function one(judgement: Judgement, scores: Float32Array, own = new Float32Array(scores.length)): number {
  const joined = new Float64Array(1);
  judgement.judge({ smoothed: scores, own, joined }, Int32Array.of(0), 0, 1);
  return joined[0]!;
}

test('stages with one member fall away', () => {
  const one: JudgementLayout = { detectors: [{ name: 'memory', group: 'entity' }], lambdas: 1 };
  expect(priorsNeeded(one)).toBe(1);
  expect(priorsNeeded(THREE)).toBe(3 + 1 + 1);
  expect(priorsNeeded({ ...THREE, lambdas: 3 })).toBe(9 + 3 + 1 + 1);
});

test.each([1e-1, 1e-2, 1e-3])(
  'joined surprises are calibrated: a share of %d of normal events is below that p',
  (p) => {
    const surprises = judge(new Judgement(THREE, priors), rawScores(ROWS, 2), ROWS);
    const share = surprises.filter((surprise) => surprise > -Math.log10(p)).length / surprises.length;
    expect(Math.abs(share - p)).toBeLessThan(4 * Math.sqrt((2 * p) / ROWS));
  },
);

test('each cause alone is enough, and two detectors of a group that agree say more than one', () => {
  const surprise = (...scores: number[]): number =>
    one(new Judgement(THREE, priors), Float32Array.from(scores));
  const ordinary = surprise(2, 400, 0);
  expect(ordinary).toBeLessThan(1);
  expect(surprise(2, 400, 14)).toBeGreaterThan(3);
  expect(surprise(18, 32_000, 0)).toBeGreaterThan(3);
  expect(surprise(18, 32_000, 0)).toBeGreaterThan(surprise(18, 400, 0));
});

test('a detector that failed is left out, and the rest judge', () => {
  const own = new Float32Array(DETECTORS);
  const failed = Float32Array.of(Number.NaN, Number.NaN, 14);
  expect(one(new Judgement(THREE, priors), failed, own)).toBeGreaterThan(3);
  expect(own[0]).toBeNaN();
  expect(own[2]).toBeGreaterThan(3);
  expect(one(new Judgement(THREE, priors), new Float32Array(3).fill(Number.NaN))).toBe(0);
});

test('state is exact', () => {
  const scores = rawScores(12_000, 3);
  const whole = judge(new Judgement(THREE, priors), scores, 12_000);
  const first = new Judgement(THREE, priors);
  judge(first, scores, 5000);
  const second = new Judgement(THREE, priors);
  second.load(first.save());
  expect(judge(second, scores.subarray(5000 * DETECTORS), 7000)).toEqual(whole.subarray(5000));
});

test('rows that are judged together are judged as one after another, whatever the stream does meanwhile', () => {
  const scores = rawScores(6000, 4);
  // from row 3000 on all entities score higher: the calibrations follow, at the end of a period
  for (let i = 3000 * DETECTORS; i < scores.length; i++) scores[i] = 3 * scores[i]!;
  const state = { data: Float32Array.from({ length: 64 }, (_, slot) => slot), stride: 1, offset: 0 };
  const order = Int32Array.from({ length: 6000 }, (_, row) => row);
  const slots = order.map((row) => (row * 7) % 64);
  const judged = (...cuts: number[]) => {
    const judgement = new Judgement(THREE, priors);
    const batch = { smoothed: scores, own: new Float32Array(scores.length), joined: new Float64Array(6000) };
    for (let from = 0, i = 0; from < 6000; i++) {
      const to = Math.min(6000, from + cuts[i % cuts.length]!);
      judgement.judge(batch, order, from, to, { state, slots });
      from = to;
    }
    return batch;
  };
  const follow = jest.spyOn(TailCalibration.prototype, 'follow');
  const alone = judged(1);
  expect(follow.mock.calls.some(([movement]) => movement === 'moved')).toBe(true);
  follow.mockRestore();
  expect(judged(6000)).toEqual(alone);
  expect(judged(7, 600, 512)).toEqual(alone);
});

test('untrained priors judge by the means given', () => {
  const judgement = new Judgement(THREE, untrainedPriors(THREE, [1, 100, 1]));
  const own = new Float32Array(DETECTORS);
  one(judgement, Float32Array.of(Math.log(1000), 100 * Math.log(1000), 0), own);
  expect(own[0]).toBeCloseTo(3, 0);
  expect(own[1]).toBeCloseTo(3, 0);
});

test('priors that do not fit the detectors are refused', () => {
  expect(() => new Judgement(THREE, [])).toThrow(/0 tail priors for 3 detectors in 2 groups; expected 5/);
});

describe('smoothing', () => {
  const smoothing = new Smoothing(2, [1, 0.2, 0.05], [1, 10]);
  const block = (): StateBlock => {
    const state = { data: new Float32Array(3 * smoothing.stateSize), stride: smoothing.stateSize, offset: 0 };
    for (let slot = 0; slot < 3; slot++) smoothing.initState(state, slot);
    return state;
  };

  test('starts from an ordinary score and follows each entity by itself', () => {
    const state = block();
    const out = new Float32Array(2 * smoothing.columns);
    smoothing.smooth(Float32Array.of(2, 10, 1, 20), 2, Int32Array.of(0, 1), state, out);
    const expected = [2, 1.2, 1.05, 10, 10, 10, 1, 1, 1, 20, 12, 10.5];
    expected.forEach((value, index) => {
      expect(out[index]).toBeCloseTo(value, 5);
    });
  });

  test('does not depend on where batches are cut', () => {
    const random = new Random(1);
    const rows = 60;
    const scores = Float32Array.from({ length: rows * 2 }, () => random.uniform());
    const slots = Int32Array.from({ length: rows }, () => random.below(3));
    const whole = new Float32Array(rows * smoothing.columns);
    smoothing.smooth(scores, rows, slots, block(), whole);
    const state = block();
    const parts = new Float32Array(rows * smoothing.columns);
    for (let from = 0; from < rows; from += 7) {
      const size = Math.min(7, rows - from);
      const out = parts.subarray(from * smoothing.columns);
      smoothing.smooth(scores.subarray(from * 2), size, slots.subarray(from), state, out);
    }
    expect(parts).toEqual(whole);
  });

  test('a failed score leaves the means as they are', () => {
    const state = block();
    const before = state.data.slice();
    const out = new Float32Array(smoothing.columns);
    smoothing.smooth(Float32Array.of(Number.NaN, 10), 1, Int32Array.of(0), state, out);
    expect(out.subarray(0, 3).every(Number.isNaN)).toBe(true);
    expect(state.data).toEqual(before);
  });
});

test('one cause beyond doubt outranks several that are moderately strange', () => {
  const layout: JudgementLayout = {
    detectors: ['a', 'b', 'c'].map((name) => ({ name, group: name, nominal: true })),
    lambdas: 1,
  };
  const random = new Random(3);
  const scores = Float32Array.from({ length: 3 * 20_000 }, () => -Math.log10(1 - random.uniform()));
  const judgement = new Judgement(layout, fitJudgement(layout, scores, 20_000), { learns: false });
  const judged = (...row: number[]) => one(judgement, Float32Array.from(row));
  expect(judged(6.5, 0, 0)).toBeGreaterThan(judged(5.5, 5.5, 5.5));
  expect(judged(5.5, 5.5, 5.5)).toBeGreaterThan(judged(5.5, 0, 0));
});

test('what a tail is continued to, beyond all that was counted, does not outrank a rule that tells', () => {
  const layout: JudgementLayout = {
    detectors: [
      { name: 'counted', group: 'counted' },
      { name: 'rule', group: 'rule', nominal: true },
    ],
    lambdas: 1,
  };
  const random = new Random(4);
  const scores = Float32Array.from({ length: 2 * 20_000 }, () => -Math.log10(1 - random.uniform()));
  const judgement = new Judgement(layout, fitJudgement(layout, scores, 20_000), { learns: false });
  const own = new Float32Array(2);
  const judged = (...row: number[]) => one(judgement, Float32Array.from(row), own);
  const continued = judged(20, 0);
  expect(own[0]).toBeGreaterThan(12);
  expect(judged(0, 7)).toBeGreaterThan(continued);
  expect(judged(30, 0)).toBeGreaterThan(continued);
});

test('a score that counts double is no sign of a stream that has moved', () => {
  const layout = (emphasis: number): JudgementLayout => ({
    detectors: [
      { name: 'counted', group: 'counted' },
      { name: 'rule', group: 'rule', nominal: true, emphasis },
    ],
    lambdas: 1,
  });
  const random = new Random(5);
  const rows = 20_000;
  const scores = new Float32Array(2 * rows);
  for (let row = 0; row < rows; row++) {
    scores[2 * row] = -Math.log10(1 - random.uniform());
    scores[2 * row + 1] = -2 * Math.log10(1 - random.uniform());
  }
  const priors = fitJudgement(layout(1), scores, rows);
  const moved = (emphasis: number): number => {
    const follow = jest.spyOn(TailCalibration.prototype, 'follow');
    const judgement = new Judgement(layout(emphasis), priors);
    judge(judgement, scores, rows, true);
    const count = follow.mock.calls.filter(([movement]) => movement === 'moved').length;
    follow.mockRestore();
    return count;
  };
  expect(moved(2)).toBe(0);
  expect(moved(1)).toBeGreaterThan(0);
});

test('a member of a group counts by its weight', () => {
  const weights = (weight: number): JudgementLayout => ({
    ...THREE,
    detectors: THREE.detectors.map((detector) =>
      detector.name === 'sequence' ? { ...detector, weight } : detector,
    ),
  });
  const raised = (layout: JudgementLayout) => {
    const judgement = new Judgement(layout, fitJudgement(layout, rawScores(10_000, 1), 10_000));
    const usual = [2, 400, 0];
    // the second detector alone finds the row unusual
    const row = Float32Array.from(usual.map((value, i) => (i === 1 ? 20_000 : value)));
    return one(judgement, row);
  };
  expect(raised(weights(1))).toBeCloseTo(raised(THREE), 6);
  expect(raised(weights(0.1))).toBeLessThan(raised(THREE) - 0.3);
});
