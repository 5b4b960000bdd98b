import type { DetectorBatch, StateBlock } from '../contract.js';
import { Random } from '../training/random.js';
import { initLevel, LEVEL_SIZE, learnLevel, levelScore, median, withinSeen } from './sensor-checks/level.js';
import {
  initOwnTail,
  learnOwnTail,
  OWN_TAIL_SIZE,
  ownSurprise,
  refitOwnTail,
} from './sensor-checks/own-tail.js';
import { GAP_SCORE } from './sensor-checks/sensor.js';
import { initSteps, learnStep, passTime, refitSteps, STEPS_SIZE, stepScale } from './sensor-checks/steps.js';
import { SensorChecks } from './sensor-checks.js';

const WEEK = 672;
const INTERVAL = 900;

/** a river's temperature: a daily wave, a slow walk, noise of the instrument, two decimals */
function river(rows: number, seed: number): number[] {
  const random = new Random(seed);
  let walk = 0;
  return Array.from({ length: rows }, (_, n) => {
    walk += 0.05 * (random.uniform() - 0.5);
    const value = 10 + walk + 2 * Math.sin((n * 2 * Math.PI) / 96) + 0.1 * (random.uniform() - 0.5);
    return Math.round(value * 100) / 100;
  });
}

function batchOf(
  columns: readonly (readonly number[])[],
  from: number,
  to: number,
  gaps?: readonly number[],
): DetectorBatch {
  const size = to - from;
  return {
    size,
    slots: new Int32Array(size),
    domains: new Int32Array(size),
    times: new Float64Array(size),
    gaps: Float64Array.from(
      { length: size },
      (_, i) => gaps?.[from + i] ?? (from + i === 0 ? Number.NaN : INTERVAL),
    ),
    ages: new Float64Array(size),
    hoursOfWeek: new Float32Array(size),
    x: new Float32Array(0),
    features: 0,
    raw: Float64Array.from({ length: size * columns.length }, (_, i) => {
      return columns[i % columns.length]![from + Math.floor(i / columns.length)]!;
    }),
    sensors: columns.length,
  };
}

function run(
  columns: readonly (readonly number[])[],
  cuts: readonly number[] = [],
  gaps?: readonly number[],
) {
  const checks = new SensorChecks({ sensors: columns.length, intervalSeconds: INTERVAL });
  const stride = checks.stateSize + 4;
  const state: StateBlock = { data: new Float32Array(stride).fill(77), stride, offset: 2 };
  checks.initState(state, 0);
  const rows = columns[0]!.length;
  const scores = new Float32Array(rows);
  let from = 0;
  for (const to of [...cuts, rows]) {
    if (to > from) checks.score(batchOf(columns, from, to, gaps), state, scores.subarray(from, to));
    from = to;
  }
  return { checks, state, scores };
}

type Plant = (values: readonly number[]) => number[];

const largest = (scores: Float32Array): number => scores.reduce((most, score) => Math.max(most, score), 0);
/** what a hundredth of ordinary rows lie above */
const barOf = (scores: Float32Array): number =>
  Float32Array.from(scores).sort()[Math.floor(scores.length * 0.99)]!;

describe('faults stand out from the weeks before them', () => {
  const rows = 6 * WEEK;
  const at = 5 * WEEK;
  const normal = river(rows, 1);
  const plain = run([normal]).scores;
  const bar = barOf(plain.subarray(2 * WEEK));

  const change =
    (from: number, to: number, by: (value: number, first: number) => number): Plant =>
    (values) =>
      values.map((value, n) => (n >= from && n < to ? by(value, values[from]!) : value));

  test.each<[string, Plant, number, string]>([
    ['a spike', change(at, at + 1, () => 25), at, 'high'],
    ['a drop', change(at, at + 1, () => 0.2), at, 'low'],
    ['an offset, in its second hour', change(at, rows, (x) => x + 9), at + 5, 'high'],
    ['a stuck reading, after half a day', change(at, rows, (_, first) => first), at + 48, 'stuck'],
    ['a missing reading', change(at, at + 1, () => Number.NaN), at, 'missing'],
    ["a logger's sentinel", change(at, at + 1, () => -9999), at, 'missing'],
    ['another unit', change(at, rows, (x) => x * 1.8 + 32), at, 'high'],
  ])('%s', (_, plant, row, direction) => {
    const values = plant(normal);
    const { checks, scores } = run([values], [row]);
    expect(scores[row]).toBeGreaterThan(1.5 * bar);
    expect(checks.explain(0, 1)[0]).toMatchObject({ index: 0, space: 'sensor', direction });
    expect([...scores.subarray(0, at)]).toEqual([...plain.subarray(0, at)]);
  });

  test('a missing reading ranks above everything', () => {
    const values = [...normal];
    values[at] = 1e12;
    values[at + 1] = Number.NaN;
    const { scores } = run([values]);
    expect(scores[at + 1]).toBe(GAP_SCORE);
    expect(scores[at]).toBeLessThan(GAP_SCORE);
  });

  test('a reading after an outage of hours is not held against the sensor', () => {
    const without = normal.slice(0, at).concat(normal.slice(at + 24));
    const gaps = without.map((_, n) => (n === at ? 25 * INTERVAL : INTERVAL));
    expect(run([without], [], gaps).scores[at]).toBeLessThan(bar * 1.5);
    // as if nothing had passed, the same jump is odd
    expect(run([without]).scores[at]).toBeGreaterThan(run([without], [], gaps).scores[at]!);
  });

  test('a level that stays is accepted in the end', () => {
    const values = normal.map((x, n) => (n >= 3 * WEEK ? x + 9 : x));
    const { scores } = run([values]);
    expect(scores[3 * WEEK + 2]).toBeGreaterThan(1.5 * bar);
    expect(barOf(scores.subarray(rows - 96))).toBeLessThan(1.2 * largest(plain.subarray(2 * WEEK)));
  });
});

test('the worst sensor gives the score and is named first', () => {
  const columns = [river(3 * WEEK, 2), river(3 * WEEK, 3), river(3 * WEEK, 4)];
  const at = 3 * WEEK - 1;
  columns[1]![at] = 30;
  const { checks, scores } = run(columns, [at]);
  expect(checks.explain(0, 3)[0]!.index).toBe(1);
  expect(scores[at]).toBe(Math.fround(checks.sensorScore(0, 1)));
  expect(checks.explain(0, 3).reduce((sum, { share }) => sum + share, 0)).toBeLessThanOrEqual(1 + 1e-9);
});

test('does not depend on where batches are cut, and all state is in its own block of the slab', () => {
  const columns = [river(2500, 5), river(2500, 6)];
  columns[0]!.fill(7, 1000, 1400);
  for (let n = 0; n < 2500; n += 131) columns[1]![n] = Number.NaN;
  const whole = run(columns);
  const cut = run(columns, [1, 2, 95, 96, 97, 1111, 2499]);
  expect(cut.scores).toEqual(whole.scores);
  expect(cut.state.data).toEqual(whole.state.data);
  expect([...whole.state.data.subarray(0, 2), ...whole.state.data.subarray(-2)]).toEqual([77, 77, 77, 77]);

  const first = run(columns.map((column) => column.slice(0, 1300)));
  const second = new SensorChecks({ sensors: 2, intervalSeconds: INTERVAL });
  const rest = new Float32Array(1200);
  second.score(batchOf(columns, 1300, 2500), { ...first.state, data: first.state.data.slice() }, rest);
  expect(rest).toEqual(whole.scores.subarray(1300));
});

test('an interval of nothing is refused', () => {
  expect(() => new SensorChecks({ sensors: 1, intervalSeconds: 0 })).toThrow(
    /interval of 0 s; give one above 0/,
  );
});

test('step scales are the 95% quantiles of steps over 1.96, and grow with the lag', () => {
  const data = new Float32Array(STEPS_SIZE);
  initSteps(data, 0);
  const random = new Random(7);
  let value = 0;
  const values: number[] = [];
  for (let n = 0; n < 4000; n++) {
    value += random.uniform() - 0.5;
    values.push(value);
    passTime(data, 0, 1);
    learnStep(data, 0, value);
  }
  expect(stepScale(data, 0, 1)).toBeNaN();
  refitSteps(data, 0, 1);
  for (const lag of [1, 4, 16, 64]) {
    const steps = values
      .slice(lag)
      .map((x, n) => Math.abs(x - values[n]!))
      .sort((a, b) => a - b);
    const exact = steps[Math.floor(0.95 * steps.length)]! / 1.96;
    expect(stepScale(data, 0, lag) / exact).toBeGreaterThan(0.93);
    expect(stepScale(data, 0, lag) / exact).toBeLessThan(1.07);
  }
  expect(stepScale(data, 0, 8)).toBeGreaterThan(stepScale(data, 0, 4));
  expect(stepScale(data, 0, 1024) / stepScale(data, 0, 64)).toBeCloseTo(2, 5);
});

test('level: median and span of the week, in any order of values', () => {
  const data = new Float32Array(LEVEL_SIZE);
  initLevel(data, 0);
  expect(levelScore(data, 0, 1, 0)).toBeNaN();
  const random = new Random(8);
  for (let n = 0; n < 5 * WEEK; n++) learnLevel(data, 0, 100 + 10 * random.uniform(), WEEK);
  expect(median(data, 0)).toBeGreaterThan(104);
  expect(median(data, 0)).toBeLessThan(106);
  expect(levelScore(data, 0, 123, 0)).toBeGreaterThan(1.8);
  expect(levelScore(data, 0, 123, 0)).toBeLessThan(2.2);
  expect(withinSeen(data, 0, 119)).toBe(true);
  expect(withinSeen(data, 0, 121)).toBe(false);
});

test('own tails: an exponential in ln(1 + score) comes out as it is', () => {
  const data = new Float32Array(OWN_TAIL_SIZE);
  initOwnTail(data, 0);
  expect(ownSurprise(data, 0, 5)).toBe(0);
  const random = new Random(9);
  for (let n = 0; n < 20_000; n++) learnOwnTail(data, 0, Math.expm1(-0.5 * Math.log(1 - random.uniform())));
  refitOwnTail(data, 0, 1);
  for (const p of [0.3, 0.1, 0.03, 1e-3, 1e-6]) {
    const surprise = ownSurprise(data, 0, Math.expm1(-0.5 * Math.log(p)));
    expect(Math.abs(surprise + Math.log10(p))).toBeLessThan(0.05 + 0.05 * -Math.log10(p));
  }
  expect(ownSurprise(data, 0, 1e300)).toBe(12);
});
