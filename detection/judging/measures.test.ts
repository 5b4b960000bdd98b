import { averagePrecision, eventRecall, flaggedEvents, rates, rocAuc } from './measures.js';

const labels = [0, 0, 1, 1, 0, 1, 0, 0, 0, 0];

test('a perfect ranking, a useless one, and one upside down', () => {
  expect(rocAuc(labels, labels)).toBe(1);
  expect(
    rocAuc(
      labels.map(() => 5),
      labels,
    ),
  ).toBe(0.5);
  expect(
    rocAuc(
      labels.map((label) => -label),
      labels,
    ),
  ).toBe(0);
  expect(averagePrecision(labels, labels)).toBe(1);
  expect(
    averagePrecision(
      labels.map(() => 5),
      labels,
    ),
  ).toBeCloseTo(0.3, 12);
});

test('values counted by hand', () => {
  const scores = [1, 9, 8, 3, 3, 7, 0, 0, 0, 0];
  // falling: 9 no, 8 yes, 7 yes, 3 yes and no tied; positives 3, negatives 7
  expect(rocAuc(scores, labels)).toBeCloseTo((6 + 6 + 5.5) / 21, 12);
  expect(averagePrecision(scores, labels)).toBeCloseTo((1 / 2 + 2 / 3 + 3 / 5) / 3, 12);
});

test('an event is found by any of its rows above the share of false positives allowed', () => {
  const scores = [1, 9, 8, 3, 3, 7, 0, 0, 0, 0];
  expect(eventRecall(scores, labels, 0)).toBe(0);
  expect(eventRecall(scores, labels, 0.2)).toBe(1);
  expect(eventRecall([0, 1, 5, 0, 0, 0, 0, 0, 0, 0], labels, 0.01)).toBe(0.5);
});

test('rates of a decision, row by row', () => {
  const flagged = [0, 1, 1, 0, 0, 0, 0, 0, 0, 0];
  const { f1, farPercent, marPercent } = rates(flagged, labels);
  expect(f1).toBeCloseTo(0.4);
  expect(farPercent).toBeCloseTo(100 / 7);
  expect(marPercent).toBeCloseTo(200 / 3);
  expect(rates(new Array(10).fill(0), labels).f1).toBe(0);
});

test('an event counts once, and apart for each entity', () => {
  const entities = ['a', 'b', 'a', 'b', 'a', 'b', 'a'];
  const marked = [1, 1, 1, 0, 0, 1, 1];
  expect(flaggedEvents([1, 0, 1, 0, 0, 0, 1], marked, entities)).toEqual({ events: 4, found: 2 });
});
