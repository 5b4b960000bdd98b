import type { Contribution } from '../../contract.js';
import { COUNT_MOST, readPair, writePair } from '../memory/floats.js';
import { initLevel, LEVEL_SIZE, learnLevel, levelScore, median, turnExtremes, withinSeen } from './level.js';
import { initOwnTail, learnOwnTail, OWN_TAIL_SIZE, ownSurprise, refitOwnTail } from './own-tail.js';
import { initSteps, learnStep, passTime, refitSteps, STEPS_SIZE, stepScale } from './steps.js';

/** Above what the three checks together can reach (12·√3): a missing reading ranks above everything. */
export const GAP_SCORE = 25;

const ACCEPT_WITHIN = 8;
const STUCK_FROM = 4;

const SEEN = 0;
const FIRST = 1;
const BEFORE = 3;
const ACCEPTED = 5;
const AGE = 7;
const RUN = 8;
const CONSISTENT = 9;
const STEPS = 10;
const LEVEL = STEPS + STEPS_SIZE;
const HELD_TAIL = LEVEL + LEVEL_SIZE;
const LEVEL_TAIL = HELD_TAIL + OWN_TAIL_SIZE;
const RUN_TAIL = LEVEL_TAIL + OWN_TAIL_SIZE;
/** floats a sensor: about 6.9 kB */
export const SENSOR_SIZE = RUN_TAIL + OWN_TAIL_SIZE;

export interface Verdict {
  expected: number;
  direction: Contribution['direction'];
}

export function initSensor(data: Float32Array, at: number): void {
  data.fill(0, at, at + STEPS);
  initSteps(data, at + STEPS);
  initLevel(data, at + LEVEL);
  initOwnTail(data, at + HELD_TAIL);
  initOwnTail(data, at + LEVEL_TAIL);
  initOwnTail(data, at + RUN_TAIL);
}

/**
 * One reading of one sensor, `intervals` after the one before (1 for the first). Scores by what was known
 * before it, then learns it if it is to be trusted:
 *   held   distance from the last accepted reading, in what the sensor moves in that time; beyond eight it is
 *          not accepted, and accepted again when readings have agreed among themselves for long enough
 *   level  distance from the week's median
 *   run    how long it has read the same
 * each as a tail probability over its own past weeks. `window` is a week in intervals.
 */
export function checkReading(
  data: Float32Array,
  at: number,
  reading: number,
  intervals: number,
  window: number,
  verdict: Verdict,
): number {
  passTime(data, at + STEPS, intervals);
  data[at + AGE] = Math.min(COUNT_MOST, data[at + AGE]! + intervals);
  if (Number.isNaN(reading)) {
    verdict.expected =
      data[at + SEEN] === 0 ? Number.NaN : readPair(data, at + FIRST) + readPair(data, at + ACCEPTED);
    verdict.direction = 'missing';
    return GAP_SCORE;
  }
  const seen = data[at + SEEN]!;
  if (seen === 0) writePair(data, at + FIRST, reading);
  const first = readPair(data, at + FIRST);
  const before = readPair(data, at + BEFORE);
  writePair(data, at + BEFORE, reading - first);
  // as it is stored, so that equal readings compare equal
  const value = readPair(data, at + BEFORE);
  const run = seen > 0 && value === before ? data[at + RUN]! + 1 : 0;
  data[at + RUN] = Math.min(COUNT_MOST, run);

  const runSurprise = ownSurprise(data, at + RUN_TAIL, run);
  const stuck = runSurprise > STUCK_FROM && run <= 4 * window;
  const accepted = seen === 0 ? value : readPair(data, at + ACCEPTED);
  const scale = stepScale(data, at + STEPS, data[at + AGE]!);
  const held = Number.isNaN(scale) ? Number.NaN : Math.abs(value - accepted) / scale;
  const floor = stepScale(data, at + STEPS, 1);
  const off = levelScore(data, at + LEVEL, value, Number.isNaN(floor) ? 0 : floor);
  const heldSurprise = Number.isNaN(held) ? 0 : ownSurprise(data, at + HELD_TAIL, held);
  const levelSurprise = Number.isNaN(off) ? 0 : ownSurprise(data, at + LEVEL_TAIL, off);
  const middle = median(data, at + LEVEL);

  if (runSurprise >= heldSurprise && runSurprise >= levelSurprise) {
    verdict.direction = 'stuck';
    verdict.expected = Number.NaN;
  } else {
    const expected = heldSurprise >= levelSurprise ? accepted : middle;
    verdict.expected = first + expected;
    verdict.direction = value >= expected ? 'high' : 'low';
  }

  if (accept(data, at, value, before, held, floor, stuck, window)) {
    writePair(data, at + ACCEPTED, value);
    data[at + AGE] = 0;
    data[at + CONSISTENT] = 0;
    learnLevel(data, at + LEVEL, value, window);
    if (!stuck) {
      learnStep(data, at + STEPS, value);
      learnOwnTail(data, at + RUN_TAIL, run);
      if (!Number.isNaN(held)) learnOwnTail(data, at + HELD_TAIL, held);
      if (!Number.isNaN(off)) learnOwnTail(data, at + LEVEL_TAIL, off);
    }
  }
  if (seen < COUNT_MOST) data[at + SEEN] = seen + 1;
  refitWhenDue(data, at, seen + 1, window);
  return Math.sqrt(heldSurprise * heldSurprise + levelSurprise * levelSurprise + runSurprise * runSurprise);
}

function accept(
  data: Float32Array,
  at: number,
  value: number,
  before: number,
  held: number,
  floor: number,
  stuck: boolean,
  window: number,
): boolean {
  if (!(held >= ACCEPT_WITHIN)) return true;
  // readings that agree with the one before them; one that doesn't starts the count anew
  const agrees = Math.abs(value - before) < ACCEPT_WITHIN * floor;
  data[at + CONSISTENT] = agrees ? data[at + CONSISTENT]! + 1 : 0;
  const needed = stuck ? 4 * window : withinSeen(data, at + LEVEL, value) ? window / 14 : window;
  return data[at + CONSISTENT]! >= needed;
}

/** Step scales every seventh of a window; tails every window, and every seventh within the first. */
function refitWhenDue(data: Float32Array, at: number, seen: number, window: number): void {
  const day = Math.max(1, Math.round(window / 7));
  if (seen % day !== 0) return;
  refitSteps(data, at + STEPS, Math.exp(-1 / 14));
  const days = seen / day;
  if (days > 7 && days % 7 !== 0) return;
  const keep = days < 7 ? 1 : Math.exp(-1 / 4);
  refitOwnTail(data, at + HELD_TAIL, keep);
  refitOwnTail(data, at + LEVEL_TAIL, keep);
  refitOwnTail(data, at + RUN_TAIL, keep);
  if (days % 7 === 0) turnExtremes(data, at + LEVEL);
}
