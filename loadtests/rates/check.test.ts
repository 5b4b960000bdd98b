import { comparedWith, type Recorded, TOLERANCE, worseThan } from './check.js';

const recorded: Recorded = {
  ratios: { 'scorer/rawConsume': 0.4, 'scorer/decode': 0.5 },
  partShares: { sequence: 0.2 },
  tolerance: TOLERANCE,
  recorded: {},
};

test('what is as fast or faster passes, and a little noise does', () => {
  const same = {
    ratios: { 'scorer/rawConsume': 0.35, 'scorer/decode': 0.9 },
    partShares: { sequence: 0.25 },
  };
  expect(worseThan(recorded, same)).toEqual([]);
});

test('a slower scorer and a dearer part are named with what is allowed', () => {
  const worse = { ratios: { 'scorer/rawConsume': 0.33 }, partShares: { sequence: 0.27 } };
  expect(worseThan(recorded, worse)).toEqual([
    'scorer/rawConsume is 0.33 and was 0.4; at least 0.340 is allowed',
    'the part sequence takes 0.27 of the scorer’s time and took 0.2; at most 0.260 is allowed',
  ]);
});

test('only what both have is compared', () => {
  expect(comparedWith(recorded, { ratios: { 'scorer/decode': 0.1 }, partShares: {} })).toBe(1);
  expect(comparedWith(recorded, { ratios: { 'scorer/river': 9 }, partShares: {} })).toBe(0);
  expect(worseThan(recorded, { ratios: {}, partShares: {} })).toEqual([]);
});
