import type { StateBlock } from '../contract.js';
import { Random } from '../training/random.js';
import { AlertBudget, BUDGET_STATE_SIZE, type BudgetOptions, severityOf } from './budget.js';
import { TailCalibration } from './tail.js';
import { fitTailPrior } from './tail-prior.js';

const DAY = 86_400;
const START = 1_700_000_000;

function entities(budget: AlertBudget, count: number): StateBlock {
  const state = { data: new Float32Array(count * budget.stateSize), stride: budget.stateSize, offset: 0 };
  for (let slot = 0; slot < count; slot++) budget.initState(state, slot);
  return state;
}

/** alerts a day after the first tenth of the time, on events of random entities at random times */
function alertsPerDay(
  options: BudgetOptions,
  eventsPerDay: number,
  days: number,
  surprise: (random: Random) => number,
): number {
  const random = new Random(7);
  const budget = new AlertBudget(options);
  const state = entities(budget, 500);
  let time = START;
  let alerts = 0;
  const settled = START + (days * DAY) / 10;
  const end = START + days * DAY;
  while (time < end) {
    time += (-Math.log(1 - random.uniform()) * DAY) / eventsPerDay;
    if (budget.decide(surprise(random), time, state, random.below(500)) === 'alert' && time > settled)
      alerts++;
  }
  return alerts / (days * 0.9);
}

const calibrated = (random: Random): number => -Math.log10(1 - random.uniform());

describe('the budget is kept within a quarter on stationary streams', () => {
  test.each([
    [1, 500, 120],
    [4, 2_000, 50],
    [20, 10_000, 12],
    [100, 20_000, 6],
    [1000, 100_000, 2],
  ])('%d alerts a day of %d events', (alerts, eventsPerDay, days) => {
    const options = { alertsPerDay: alerts, quietSeconds: 600 };
    for (const known of [0, eventsPerDay]) {
      const count = alertsPerDay({ ...options, eventsPerDay: known }, eventsPerDay, days, calibrated);
      expect(count).toBeGreaterThan(alerts * 0.75);
      expect(count).toBeLessThan(alerts * 1.25);
    }
  });

  test('also where p is twice too small or too large', () => {
    for (const bias of [-0.3, 0.3]) {
      const count = alertsPerDay(
        { alertsPerDay: 20, quietSeconds: 600, eventsPerDay: 20_000 },
        20_000,
        20,
        (random) => Math.max(0, calibrated(random) + bias),
      );
      expect(count).toBeGreaterThan(15);
      expect(count).toBeLessThan(25);
    }
  });

  test.each([
    ['far too few are surprising', (random: Random) => 0.4 * calibrated(random)],
    ['far too many are', (random: Random) => 3 * calibrated(random)],
  ])('also where %s', (_, surprise) => {
    const options = { alertsPerDay: 20, quietSeconds: 600, eventsPerDay: 20_000 };
    const count = alertsPerDay(options, 20_000, 20, surprise);
    expect(count).toBeGreaterThan(15);
    expect(count).toBeLessThan(25);
  });

  test('soon again after the stream has moved', () => {
    let calls = 0;
    // the first ten days as they should be, from then on a p that is thirty times too small
    const surprise = (random: Random): number => calibrated(random) + (calls++ > 100_000 ? 1.5 : 0);
    const options = { alertsPerDay: 20, quietSeconds: 600, eventsPerDay: 10_000 };
    const budget = new AlertBudget(options);
    const state = entities(budget, 500);
    const random = new Random(8);
    const days = new Array<number>(20).fill(0);
    for (let i = 0; i < 200_000; i++) {
      const decision = budget.decide(surprise(random), START + (i * DAY) / 10_000, state, random.below(500));
      if (decision === 'alert') days[Math.floor(i / 10_000)]!++;
    }
    const mean = (from: number, to: number): number =>
      days.slice(from, to).reduce((sum, alerts) => sum + alerts, 0) / (to - from);
    expect(mean(2, 10)).toBeLessThan(25);
    expect(mean(10, 11)).toBeGreaterThan(100);
    expect(mean(14, 20)).toBeGreaterThan(15);
    expect(mean(14, 20)).toBeLessThan(25);
  });

  test('through a tail calibration that learns the scores', () => {
    const random = new Random(3);
    const score = (): number => (-2 * Math.log(1 - random.uniform())) ** 1.3;
    const tail = new TailCalibration(fitTailPrior(Float64Array.from({ length: 20_000 }, score)));
    const count = alertsPerDay(
      { alertsPerDay: 20, quietSeconds: 600, eventsPerDay: 20_000 },
      20_000,
      20,
      () => tail.observe(score()),
    );
    expect(count).toBeGreaterThan(15);
    expect(count).toBeLessThan(25);
  });
});

test('an episode costs one alert, however many risks it has', () => {
  const budget = new AlertBudget({ alertsPerDay: 10, quietSeconds: 600, eventsPerDay: 10_000 });
  const state = entities(budget, 2);
  const decisions = Array.from({ length: 5 }, (_, i) => budget.decide(8, START + i * 60, state, 0));
  expect(decisions).toEqual(['alert', 'risk', 'risk', 'risk', 'risk']);
  expect(budget.decide(8, START + 300, state, 1)).toBe('alert');
  expect(budget.decide(8, START + 240 + 600, state, 0)).toBe('alert');
});

test('an entity in an episode has to pass a higher bar each time, and the bar sinks back', () => {
  const budget = new AlertBudget({ alertsPerDay: 10, quietSeconds: 600, eventsPerDay: 10_000 });
  const state = entities(budget, 2);
  for (let i = 0; i < 5000; i++) budget.decide(0, START - 3600 + i * 0.7, state, 1);
  const bars = Array.from({ length: 4 }, (_, i) => {
    budget.decide(9, START + i, state, 0);
    return budget.threshold;
  });
  for (let i = 1; i < bars.length; i++) expect(bars[i]).toBeGreaterThan(bars[i - 1]! + 0.09);
  budget.decide(9, START + DAY, state, 0);
  expect(budget.threshold).toBeLessThan(bars[1]!);
});

test('a storm of faults comes through, hours of it', () => {
  const budget = new AlertBudget({ alertsPerDay: 10, quietSeconds: 600, eventsPerDay: 10_000 });
  const count = 6000;
  const state = entities(budget, count + 500);
  const random = new Random(2);
  let time = START;
  for (let i = 0; i < 50_000; i++) {
    time += 8.64;
    budget.decide(calibrated(random), time, state, count + random.below(500));
  }
  const before = budget.threshold;
  let alerts = 0;
  for (let slot = 0; slot < count; slot++) {
    time += 4;
    if (budget.decide(5 + random.uniform(), time, state, slot) === 'alert') alerts++;
  }
  expect(alerts).toBeGreaterThan(0.7 * count);
  expect(budget.threshold).toBeGreaterThan(before);
});

test('a silence owes no alerts', () => {
  const budget = new AlertBudget({ alertsPerDay: 10, quietSeconds: 600, eventsPerDay: 10_000 });
  const state = entities(budget, 500);
  const random = new Random(2);
  const day = (from: number): number => {
    let alerts = 0;
    for (let i = 0; i < 10_000; i++)
      if (budget.decide(calibrated(random), from + i * 8.64, state, random.below(500)) === 'alert') alerts++;
    return alerts;
  };
  for (let d = 0; d < 5; d++) day(START + d * DAY);
  expect(day(START + 60 * DAY)).toBeLessThan(30);
});

test('measures events a day in event time, over days with quiet nights', () => {
  const budget = new AlertBudget({ alertsPerDay: 10, quietSeconds: 600 });
  const state = entities(budget, 1);
  for (let day = 0; day < 10; day++) {
    for (let i = 0; i < 5000; i++) budget.decide(0, START + day * DAY + (i * DAY) / 10_000, state, 0);
  }
  budget.decide(0, START + 10 * DAY, state, 0);
  expect(budget.eventsPerDay).toBeGreaterThan(4500);
  expect(budget.eventsPerDay).toBeLessThan(5500);
});

test('state is exact: saved and loaded between any two events, it decides the same', () => {
  const options = { alertsPerDay: 50, quietSeconds: 600 };
  const random = new Random(1);
  const whole = new AlertBudget(options);
  let parts = new AlertBudget(options);
  const wholeState = entities(whole, 20);
  const partsState = entities(parts, 20);
  let time = START;
  for (let i = 0; i < 5000; i++) {
    time += 100 * random.uniform();
    const surprise = calibrated(random);
    const slot = random.below(20);
    if (i % 97 === 0) {
      const saved = parts.save();
      expect(saved).toHaveLength(BUDGET_STATE_SIZE);
      parts = new AlertBudget(options);
      parts.load(saved);
    }
    expect(parts.decide(surprise, time, partsState, slot)).toBe(
      whole.decide(surprise, time, wholeState, slot),
    );
    expect(parts.threshold).toBe(whole.threshold);
  }
  expect(partsState.data).toEqual(wholeState.data);
});

test('the state of another version is left alone', () => {
  const options = { alertsPerDay: 50, quietSeconds: 600, eventsPerDay: 10_000 };
  const fresh = new AlertBudget(options);
  const loaded = new AlertBudget(options);
  loaded.load(new Float64Array(8).fill(1));
  expect(loaded.save()).toEqual(fresh.save());
});

test('severity grows a step with each decade beyond the bar', () => {
  expect([3.1, 4.1, 5.5, 9].map((surprise) => severityOf(surprise, 3))).toEqual([
    'low',
    'medium',
    'high',
    'critical',
  ]);
});

test('a budget of nothing is refused', () => {
  expect(() => new AlertBudget({ alertsPerDay: 0, quietSeconds: 60 })).toThrow(
    /0 a day; give a number above 0/,
  );
});
