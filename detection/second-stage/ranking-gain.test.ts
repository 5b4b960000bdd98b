import { GAIN_STATE_SIZE, RankingGain } from './ranking-gain.js';

test('counts the labels of both kinds by what each stands for', () => {
  const gain = new RankingGain();
  gain.add(1, 0, true, 1);
  gain.add(1, 0, false, 2.5);
  expect([gain.risks, gain.others]).toEqual([1, 2.5]);
});

test('average precision is 1 for a ranking that is right, and the share of risks for one that says nothing', () => {
  const gain = new RankingGain();
  expect([gain.firstAp, gain.secondAp]).toEqual([0, 0]);
  for (let i = 0; i < 1000; i++) gain.add(2, i % 10 === 0 ? 5 : -5, i % 10 === 0, 1);
  expect(gain.firstAp).toBeCloseTo(0.1, 2);
  expect(gain.secondAp).toBeCloseTo(1, 6);
});

test('an event that stands for many weighs as many', () => {
  const gain = new RankingGain();
  gain.add(3, 3, true, 1);
  gain.add(5, 1, false, 9);
  expect(gain.firstAp).toBeCloseTo(0.1, 2);
  expect(gain.secondAp).toBe(1);
});

test('forgets what lies behind its memory', () => {
  const gain = new RankingGain(2000);
  const rounds = (second: number) => {
    for (let i = 0; i < 10_000; i++) gain.add(1, i % 10 === 0 ? second : 0, i % 10 === 0, 1);
  };
  rounds(-5);
  expect(gain.secondAp).toBeLessThan(0.11);
  rounds(5);
  expect(gain.secondAp).toBeGreaterThan(0.8);
});

test('what lies beyond its scale is counted at the ends', () => {
  const gain = new RankingGain();
  gain.add(1e9, Number.NaN, true, 1);
  gain.add(-1e9, 1e9, false, 1);
  expect(gain.firstAp).toBe(1);
  expect(gain.secondAp).toBe(0.5);
});

test('goes on from a saved state as if nothing had happened', () => {
  const gain = new RankingGain(1000);
  const again = new RankingGain(1000);
  const one = (to: RankingGain, i: number) => to.add(i % 7, (i % 5) - 2, i % 3 === 0, 1 + (i % 2));
  for (let i = 0; i < 700; i++) one(gain, i);
  const state = new Float32Array(GAIN_STATE_SIZE + 5);
  gain.saveTo(state, 5);
  again.load(state, 5);
  for (let i = 700; i < 1500; i++) for (const to of [gain, again]) one(to, i);
  expect([again.firstAp, again.secondAp, again.risks]).toEqual([gain.firstAp, gain.secondAp, gain.risks]);
});
