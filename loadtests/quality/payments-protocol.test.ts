import { judgeNewCards, judgeWeek, type PaymentLog, TRAIN_STARTS } from './payments-protocol.js';
import { Knowable } from './payments-stream.js';

/** Payments as [day, card, kind], in the order of their days. */
function logOf(payments: readonly (readonly [day: number, card: number, kind: number])[]): PaymentLog {
  return {
    size: payments.length,
    days: Int16Array.from(payments, ([day]) => day),
    cards: Int32Array.from(payments, ([, card]) => card),
    kinds: Uint8Array.from(payments, ([, , kind]) => kind),
  };
}

const START = 100;
const TEST = START + 14;

test('judges the week after training and delay alone', () => {
  const log = logOf([
    [START + 13, 1, 1],
    [TEST, 2, 0],
    [TEST, 3, 2],
    [TEST + 6, 4, 0],
    [TEST + 7, 5, 1],
  ]);
  const { auc, ap, byKind } = judgeWeek(log, Float32Array.of(0, 1, 2, 3, 0), START, 2);
  // Of the three payments the fraud ranks second.
  expect(auc).toBe(0.5);
  expect(ap).toBe(0.5);
  expect(byKind[1]).toBe(0.5);
});

test('leaves out cards that are known to be bad, from the day that it is known on', () => {
  const week = (payments: Parameters<typeof logOf>[0]) => {
    const log = logOf(payments);
    return judgeWeek(log, new Float32Array(log.size).fill(1), START, 1).cp100;
  };
  // A card with a fraud in the training week is out for good.
  expect(
    week([
      [START + 3, 1, 1],
      [TEST, 1, 1],
    ]),
  ).toBe(0);
  // One with a fraud on the last day before the labels that are missing: known on the day after.
  expect(
    week([
      [TEST - 7, 1, 1],
      [TEST, 1, 1],
      [TEST, 2, 0],
    ]),
  ).toBeCloseTo(0.01 / 7);
  expect(
    week([
      [TEST - 7, 1, 1],
      [TEST + 1, 1, 1],
      [TEST + 1, 2, 0],
    ]),
  ).toBe(0);
});

test('a card counts once among the hundred of a day by its highest score, and not again once it was found', () => {
  const log = logOf([
    [TEST, 1, 0],
    [TEST, 1, 1],
    [TEST + 1, 1, 1],
    [TEST + 1, 2, 1],
  ]);
  expect(judgeWeek(log, Float32Array.of(5, 1, 9, 1), START, 1).cp100).toBeCloseTo((0.01 + 0.01) / 7);
});

test('new cards are judged by their first twenty payments in the test weeks', () => {
  const day = TRAIN_STARTS[0]! + 14;
  const log = logOf([
    [day - 1, 1, 1],
    [day, 2, 0],
    [day, 3, 1],
    [day, 4, 0],
    [day, 5, 1],
  ]);
  const ages = Int32Array.of(0, 19, 0, -1, 20);
  const { auc, ap } = judgeNewCards(log, Float32Array.of(0, 1, 2, 3, 0), ages, 1);
  expect(auc).toBe(1);
  expect(ap).toBe(1);
});

test('frauds at a terminal can be known once one of its spell has been labelled', () => {
  const day = 86_400;
  const known = new Knowable(7 * day);
  expect(known.see('t', 1, 0)).toBe(true);
  expect(known.see('t', 2, day)).toBe(false);
  expect(known.see('t', 2, 8 * day)).toBe(false);
  expect(known.see('t', 2, 8 * day + 2 * 3600)).toBe(true);
  expect(known.see('t', 0, 9 * day)).toBe(false);
  expect(known.see('t', 2, 10 * day)).toBe(false);
});
