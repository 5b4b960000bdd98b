import { Random } from '../training/random.js';
import { paretoFromMoments } from './pareto.js';
import { TAIL_STATE_SIZE, TailCalibration } from './tail.js';
import { exponentialTailPrior, fitTailPrior } from './tail-prior.js';

const P = 1e-3;

/** numbers in (0, 1] from a seed */
const uniforms = (seed: number): (() => number) => {
  const random = new Random(seed);
  return () => 1 - random.uniform();
};

type Draw = (u: number) => number;
const exponential: Draw = (u) => -Math.log(u);
function halfNormals(count: number, seed: number): Float64Array {
  const next = uniforms(seed);
  return Float64Array.from({ length: count }, () =>
    Math.abs(Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next())),
  );
}
const draws = (draw: Draw, count: number, seed: number): Float64Array => {
  const next = uniforms(seed);
  return Float64Array.from({ length: count }, () => draw(next()));
};
const pareto =
  (alpha: number): Draw =>
  (u) =>
    u ** (-1 / alpha) - 1;

/** share of `scores` that come out below p while being learned */
function shareBelow(calibration: TailCalibration, scores: Float64Array, p: number): number {
  let below = 0;
  const bar = -Math.log10(p);
  for (const score of scores) if (calibration.observe(score) > bar) below++;
  return below / scores.length;
}

/** four standard errors of a share p in n draws, and of the threshold fitted on m */
const tolerance = (p: number, n: number, m: number): number => 4 * Math.sqrt(p / n + p / m);

describe.each([
  ['exponential', (n: number, seed: number) => draws(exponential, n, seed)],
  ['half normal', halfNormals],
  ['Pareto, alpha 3', (n: number, seed: number) => draws(pareto(3), n, seed)],
  ['Pareto, alpha 2', (n: number, seed: number) => draws(pareto(2), n, seed)],
] as const)('%s scores', (_, make) => {
  const train = make(100_000, 1);
  const fresh = make(200_000, 2);

  test.each([1e-1, 1e-2, 1e-3])('a share of %d is below that p', (p) => {
    const share = shareBelow(new TailCalibration(fitTailPrior(train)), fresh, p);
    expect(Math.abs(share - p)).toBeLessThan(tolerance(p, fresh.length, train.length));
  });

  test('beyond what was seen, p is within a factor of three of the truth', () => {
    const short = make(20_000, 3);
    const calibration = new TailCalibration(fitTailPrior(short));
    const sorted = Float64Array.from(make(1_000_000, 4)).sort();
    const far = sorted[sorted.length - 20]!; // p = 2e-5, one in 50,000
    expect(Math.abs(calibration.surprise(far) - -Math.log10(2e-5))).toBeLessThan(Math.log10(3) + 0.25);
  });

  test('a domain that starts from a prior of another scale comes to its own', () => {
    const calibration = new TailCalibration(fitTailPrior(train.map((score) => 3 * score)));
    for (const score of make(60_000, 5)) calibration.observe(score);
    const share = shareBelow(calibration, fresh, P);
    expect(Math.abs(share - P)).toBeLessThan(tolerance(P, fresh.length, 60_000));
  });
});

test('the first events of a domain are judged by the prior', () => {
  const prior = fitTailPrior(draws(exponential, 100_000, 1));
  const calibration = new TailCalibration(prior);
  for (const score of draws((u) => 2 * exponential(u), 50, 2)) calibration.observe(score);
  expect(calibration.surprise(Math.log(1000))).toBeCloseTo(3, 0);
});

test('surprise never falls as the score rises, and is finite', () => {
  const calibration = new TailCalibration(fitTailPrior(draws(pareto(2), 5000, 1)));
  for (const score of draws(exponential, 3000, 2)) calibration.observe(score);
  let before = 0;
  for (let exponent = -6; exponent < 12; exponent += 0.01) {
    const surprise = calibration.surprise(10 ** exponent);
    expect(surprise).toBeGreaterThanOrEqual(before);
    expect(Number.isFinite(surprise)).toBe(true);
    before = surprise;
  }
  expect(calibration.surprise(0)).toBe(0);
  expect(calibration.surprise(-5)).toBe(0);
  expect(calibration.surprise(Number.POSITIVE_INFINITY)).toBeGreaterThan(10);
});

test('follows a drift of the scale within six memories', () => {
  const memory = 20_000;
  const calibration = new TailCalibration(fitTailPrior(draws(exponential, 50_000, 1)), { memory });
  for (const score of draws(exponential, 50_000, 2)) calibration.observe(score);
  for (const score of draws((u) => 1.5 * exponential(u), 6 * memory, 3)) calibration.observe(score);
  const share = shareBelow(
    calibration,
    draws((u) => 1.5 * exponential(u), 200_000, 4),
    P,
  );
  expect(share).toBeGreaterThan(P / 1.6);
  expect(share).toBeLessThan(P * 1.6);
});

test('a jump of the whole stream is taken for a change of the stream, not for anomalies', () => {
  const memory = 20_000;
  const calibration = new TailCalibration(fitTailPrior(draws(exponential, 50_000, 1)), { memory });
  for (const score of draws((u) => 20 + exponential(u), 5 * memory, 3)) calibration.observe(score);
  const share = shareBelow(
    calibration,
    draws((u) => 20 + exponential(u), 100_000, 4),
    P,
  );
  expect(share).toBeGreaterThan(P / 2);
  expect(share).toBeLessThan(P * 2);
});

describe('two in a hundred events are anomalies', () => {
  const normal = draws(exponential, 100_000, 2);
  const next = uniforms(9);
  const poisoned = normal.map((score) => (next() < 0.02 ? 30 + 10 * next() : score));

  test('they stay surprising and ordinary events keep their p', () => {
    const calibration = new TailCalibration(fitTailPrior(draws(exponential, 100_000, 1)));
    for (const score of poisoned) calibration.observe(score);
    expect(calibration.surprise(35)).toBeGreaterThan(2.5);
    for (const [score, p] of [
      [Math.log(10), 0.1],
      [Math.log(100), 0.01],
    ] as const) {
      expect(Math.abs(calibration.surprise(score) - -Math.log10(p))).toBeLessThan(0.12);
    }
  });

  test('without the guard they would not', () => {
    const sorted = Float64Array.from(poisoned).sort();
    const share = 1 - sorted.findIndex((score) => score >= 30) / sorted.length;
    expect(-Math.log10(share)).toBeLessThan(1.8); // what counting all of them would give
  });
});

test('state is exact: a run that is saved and loaded at any point gives the same surprises', () => {
  const prior = fitTailPrior(draws(pareto(3), 20_000, 1));
  const scores = draws(pareto(2), 20_000, 2);
  const whole = new TailCalibration(prior, { memory: 8192 });
  let parts = new TailCalibration(prior, { memory: 8192 });
  const cuts = new Set([1, 63, 64, 65, 1000, 2049, 4095, 4096, 4097, 9999, 16384]);
  scores.forEach((score, index) => {
    if (cuts.has(index)) {
      const saved = parts.save();
      expect(saved).toHaveLength(TAIL_STATE_SIZE);
      parts = new TailCalibration(prior, { memory: 8192 });
      parts.load(saved);
    }
    expect(parts.observe(score)).toBe(whole.observe(score));
  });
  expect(parts.save()).toEqual(whole.save());
});

test('an untrained prior is exponential with its mean', () => {
  const calibration = new TailCalibration(exponentialTailPrior(2));
  expect(calibration.surprise(2 * Math.log(10))).toBeCloseTo(1, 1);
  expect(calibration.surprise(2 * Math.log(1e4))).toBeCloseTo(4, 0);
});

test('moments of a known tail give its parameters', () => {
  // exponential with mean 2: a0 = 2, a1 = E[X(1-F)] = 2/4
  expect(paretoFromMoments(2, 0.5, 0)).toEqual({ shape: 0, scale: 2 });
  // shape 0.25, scale 1: a0 = 1/0.75, a1 = 1/(2·1.75)
  const tail = paretoFromMoments(1 / 0.75, 1 / (2 * (2 - 0.25)), 0);
  expect(tail.shape).toBeCloseTo(0.25, 10);
  expect(tail.scale).toBeCloseTo(1, 10);
});

test('a prior of the wrong length is refused with the remedy', () => {
  expect(() => new TailCalibration(new Float32Array(3))).toThrow(/3 floats.*fitTailPrior/);
  expect(() => new TailCalibration(exponentialTailPrior(1)).load(new Float32Array(5))).toThrow(/5 floats/);
});

describe('one long fault of the only entity of a domain', () => {
  const quiet = draws(exponential, 160, 11);
  const fault = draws((u) => 12 + exponential(u), 800, 12);

  test('does not make itself normal where training knew the domain, however short the training was', () => {
    const calibration = new TailCalibration(fitTailPrior(draws(exponential, 480, 10)));
    const before = calibration.surprise(12);
    for (const score of [...quiet, ...fault]) calibration.observe(score);
    expect(calibration.surprise(12)).toBe(before);
  });

  test('is taken for the domain itself where it is there from the first event on', () => {
    const calibration = new TailCalibration(fitTailPrior(draws(exponential, 480, 10)));
    for (const score of fault) calibration.observe(score);
    expect(calibration.surprise(12)).toBeLessThan(1);
  });
});

test('a calibration that does not learn stays as it was', () => {
  const prior = fitTailPrior(draws(exponential, 5000, 1));
  const calibration = new TailCalibration(prior, { learns: false });
  const fresh = calibration.save();
  for (const score of draws((u) => 5 + exponential(u), 10_000, 2)) calibration.observe(score);
  expect(calibration.save()).toEqual(fresh);
});
