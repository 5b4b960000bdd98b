import { averagePrecision, rocAuc } from '../../detection/judging/measures.js';

/** Payments of a generated stream in arrival order, as columns, with the truth that no model sees. */
export interface PaymentLog {
  readonly size: number;
  /** days since the first one */
  readonly days: Int16Array;
  /** number of the card, 0.. */
  readonly cards: Int32Array;
  /** 0 genuine, else the index of the fraud's kind */
  readonly kinds: Uint8Array;
}

export interface WeekFigures {
  readonly auc: number;
  readonly ap: number;
  /** card precision: of the 100 cards that score highest on a day, the share with a fraud that day */
  readonly cp100: number;
  /** AP of one kind of fraud against genuine payments, the other kinds left out; by kind */
  readonly byKind: readonly number[];
}

/** The Handbook's train week is 2018-07-25 to 07-31, and its test week begins two weeks later. Two more weeks follow. */
export const TRAIN_STARTS = [115, 129, 143];
const TRAIN_DAYS = 7;
const DELAY_DAYS = 7;
const TEST_DAYS = 7;

/**
 * The protocol of the Fraud Detection Handbook (chapter 5, "Validation strategies"): a week to train, a week's
 * delay of labels, a week to test. A card with a fraud that is known on a test day is left out from that day on.
 */
export function judgeWeek(
  log: PaymentLog,
  scores: Float32Array,
  trainStart: number,
  kinds: number,
): WeekFigures {
  const testStart = trainStart + TRAIN_DAYS + DELAY_DAYS;
  const known = fraudulentCards(log, trainStart, trainStart + TRAIN_DAYS);
  const rows: number[] = [];
  const precisions: number[] = [];
  const detected = new Set<number>();
  for (let day = testStart; day < testStart + TEST_DAYS; day++) {
    for (const card of fraudulentCards(log, day - DELAY_DAYS - 1, day - DELAY_DAYS)) known.add(card);
    const ofDay = rowsOf(log, day, day + 1).filter((row) => !known.has(log.cards[row]!));
    precisions.push(cardPrecision(log, scores, ofDay, 100, detected));
    for (const row of ofDay) rows.push(row);
  }
  return {
    ...ranked(log, scores, rows, kinds),
    cp100: precisions.reduce((sum, value) => sum + value, 0) / precisions.length,
  };
}

/** Payments of a new card that count as its first. */
export const FIRST_PAYMENTS = 20;

/**
 * Cold start: the first payments of new cards over all test weeks, alone.
 * @param ages by payment, how many of its card came before; -1 for a card that is not new
 */
export function judgeNewCards(
  log: PaymentLog,
  scores: Float32Array,
  ages: Int32Array,
  kinds: number,
): Omit<WeekFigures, 'cp100'> {
  const first = TRAIN_STARTS[0]! + TRAIN_DAYS + DELAY_DAYS;
  const end = TRAIN_STARTS.at(-1)! + TRAIN_DAYS + DELAY_DAYS + TEST_DAYS;
  const rows = rowsOf(log, first, end).filter((row) => ages[row]! >= 0 && ages[row]! < FIRST_PAYMENTS);
  return ranked(log, scores, rows, kinds);
}

function ranked(
  log: PaymentLog,
  scores: Float32Array,
  rows: readonly number[],
  kinds: number,
): Omit<WeekFigures, 'cp100'> {
  const pick = (kept: readonly number[]) => ({
    scores: Float32Array.from(kept, (row) => scores[row]!),
    labels: Uint8Array.from(kept, (row) => (log.kinds[row]! > 0 ? 1 : 0)),
  });
  const all = pick(rows);
  return {
    auc: rocAuc(all.scores, all.labels),
    ap: averagePrecision(all.scores, all.labels),
    byKind: Array.from({ length: kinds }, (_, index) => {
      const alone = pick(rows.filter((row) => log.kinds[row] === 0 || log.kinds[row] === index + 1));
      return averagePrecision(alone.scores, alone.labels);
    }),
  };
}

/** Rows of the days `from` to `to` (exclusive); days only rise in the log. */
function rowsOf(log: PaymentLog, from: number, to: number): number[] {
  const rows: number[] = [];
  let low = 0;
  let high = log.size;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (log.days[middle]! < from) low = middle + 1;
    else high = middle;
  }
  for (let row = low; row < log.size && log.days[row]! < to; row++) rows.push(row);
  return rows;
}

function fraudulentCards(log: PaymentLog, from: number, to: number): Set<number> {
  return new Set(rowsOf(log, from, to).flatMap((row) => (log.kinds[row]! > 0 ? [log.cards[row]!] : [])));
}

/** Cards found on an earlier day (in `detected`) aren't counted again: their holder has been told. */
function cardPrecision(
  log: PaymentLog,
  scores: Float32Array,
  rows: readonly number[],
  most: number,
  detected: Set<number>,
): number {
  const cards = new Map<number, { score: number; fraud: boolean }>();
  for (const row of rows) {
    const card = log.cards[row]!;
    if (detected.has(card)) continue;
    const found = cards.get(card);
    const fraud = log.kinds[row]! > 0;
    if (found === undefined) cards.set(card, { score: scores[row]!, fraud });
    else {
      found.score = Math.max(found.score, scores[row]!);
      found.fraud ||= fraud;
    }
  }
  const top = [...cards].sort(([, a], [, b]) => b.score - a.score).slice(0, most);
  const frauds = top.filter(([, { fraud }]) => fraud);
  for (const [card] of frauds) detected.add(card);
  return frauds.length / most;
}
