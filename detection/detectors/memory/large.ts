import { COUNT_MOST, readPair, writePair } from './floats.js';
import { initPrototypes, prototypeDistance, prototypesSize } from './prototypes.js';
import type { Finding, SensorMemory } from './sensor-memory.js';
import {
  advanceTailCounts,
  initTails,
  MARKS_SIZE,
  sideSize,
  TAIL_COUNTS_SIZE,
  type TailSettings,
  tailRank,
  tailScore,
  turnGeneration,
} from './tails.js';

/**
 * The whole recipe for one sensor: nine features of its course, each against its own long past.
 *   0 value            1 mean of 5        2 mean of 20       3 mean of 10 less mean of 100
 *   4 log spread of 10 5 log spread of 50 6 value less the habit of its hour of day
 *   7 newness of the shape of the last 32 8 newness of means and spreads over 3 to 100
 * Readings are kept relative to the first, in two floats each; windows are summed anew at every event, so
 * nothing drifts. About 5,700 floats a sensor and 5 µs an event.
 */
const TAILS: TailSettings = { keep: 64, generation: 4000, share: 0.01, warmUp: 100 };
const SHAPES = { places: 64, dimensions: 32 };
const SPREADS = { places: 128, dimensions: 8 };
const WINDOW = 100;
const HOURS = 24;
const FEATURES = 9;
const HABIT_FROM = 3;
const HABIT_LEAST = 0.02;
const HABIT_COUNT_MOST = 1000;

const SEEN = 0;
const HEAD = 1;
const FIRST = 2;
const ABSOLUTE = 4;
const MEAN = 6;
const VARIANCE = 8;
const COUNTS = 10;
const VALUES = COUNTS + TAIL_COUNTS_SIZE;
const RESTS = VALUES + WINDOW;
const STANDARD = RESTS + WINDOW;
const SQUASHED = STANDARD + WINDOW;
const HABITS = SQUASHED + WINDOW;
const HABIT_COUNTS = HABITS + HOURS;
const SHAPE_SET = HABIT_COUNTS + HOURS;
const SPREAD_SET = SHAPE_SET + prototypesSize(SHAPES);
const SIDES = 2 * FEATURES;
const MARKS = SPREAD_SET + prototypesSize(SPREADS);
const LISTS = MARKS + SIDES * MARKS_SIZE;
const SIZE = LISTS + SIDES * sideSize(TAILS);

export class LargeSensorMemory implements SensorMemory {
  readonly size = SIZE;
  readonly head = VALUES;
  private readonly features = new Float64Array(FEATURES);
  private readonly shape = new Float32Array(SHAPES.dimensions);
  private readonly spread = new Float32Array(SPREADS.dimensions);

  init(data: Float32Array, at: number): void {
    data.fill(0, at, at + SIZE);
    initTails(data, at + COUNTS, at + MARKS, SIDES);
    initPrototypes(data, at + SHAPE_SET, SHAPES);
    initPrototypes(data, at + SPREAD_SET, SPREADS);
  }

  seen(data: Float32Array, at: number): number {
    return data[at + SEEN]!;
  }

  observe(data: Float32Array, at: number, reading: number, hourOfDay: number, finding: Finding): number {
    const seen = data[at + SEEN]!;
    if (seen === 0) writePair(data, at + FIRST, reading);
    const first = readPair(data, at + FIRST);
    finding.expected = first + readPair(data, at + MEAN);
    const standard = this.standardise(data, at, reading, first, seen);
    const head = data[at + HEAD]!;
    writeSplit(data, at + VALUES + head, at + RESTS + head, reading - first);
    data[at + STANDARD + head] = standard;
    data[at + SQUASHED + head] = Math.asinh(standard);
    const length = Math.min(WINDOW, seen + 1);
    this.courseFeatures(data, at, reading, first, seen, head, length, hourOfDay);
    this.shapeFeatures(data, at, head, length);
    data[at + HEAD] = head + 1 === WINDOW ? 0 : head + 1;
    if (seen < COUNT_MOST) data[at + SEEN] = seen + 1;
    return this.judge(data, at, seen, finding);
  }

  /** The reading against the mean and spread of the whole past, held within ±12; then learns it. */
  private standardise(data: Float32Array, at: number, reading: number, first: number, seen: number): number {
    const mean = readPair(data, at + MEAN);
    const variance = readPair(data, at + VARIANCE);
    const off = reading - first - mean;
    let standard = 0;
    if (seen > 10) {
      standard = off / (Math.sqrt(variance) + 1e-3 * Math.abs(first + mean) + 1e-9);
      standard = Math.min(12, Math.max(-12, standard));
    }
    const k = 1 / (seen + 1);
    writePair(data, at + MEAN, mean + k * off);
    writePair(data, at + VARIANCE, (1 - k) * (variance + k * off * off));
    return standard;
  }

  private courseFeatures(
    data: Float32Array,
    at: number,
    reading: number,
    first: number,
    seen: number,
    head: number,
    length: number,
    hourOfDay: number,
  ): void {
    const { features } = this;
    const value = reading - first;
    const absolute = readPair(data, at + ABSOLUTE);
    const floor = 1e-6 + (1e-3 * (Math.abs(first) + absolute)) / (seen + 1);
    writePair(data, at + ABSOLUTE, absolute + Math.abs(reading));
    // newest to oldest; squares about the newest value, which costs nothing in accuracy as windows are short
    let sum = 0;
    let off = 0;
    let squares = 0;
    let mean5 = value;
    let mean10 = value;
    let mean20 = value;
    let spread10 = 0;
    let spread50 = 0;
    let from = head;
    for (let i = 1; i <= length; i++) {
      const x = data[at + VALUES + from]! + data[at + RESTS + from]!;
      sum += x;
      off += x - value;
      squares += (x - value) * (x - value);
      from = from === 0 ? WINDOW - 1 : from - 1;
      const last = i === length;
      if (i === 5 || (last && i < 5)) mean5 = sum / i;
      if (i === 10 || (last && i < 10)) {
        mean10 = sum / i;
        spread10 = Math.sqrt(Math.max(0, squares / i - (off / i) * (off / i)));
      }
      if (i === 20 || (last && i < 20)) mean20 = sum / i;
      if (i === 50 || (last && i < 50))
        spread50 = Math.sqrt(Math.max(0, squares / i - (off / i) * (off / i)));
    }
    const mean100 = sum / length;
    features[0] = value;
    features[1] = mean5;
    features[2] = mean20;
    features[3] = mean10 - mean100;
    features[4] = Math.log(spread10 + floor);
    features[5] = Math.log(spread50 + floor);
    const habit = at + HABITS + hourOfDay;
    const days = at + HABIT_COUNTS + hourOfDay;
    features[6] = data[days]! >= HABIT_FROM ? value - data[habit]! : 0;
    const k = Math.max(HABIT_LEAST, 1 / (data[days]! + 1));
    data[habit] = data[habit]! + k * (value - data[habit]!);
    if (data[days]! < HABIT_COUNT_MOST) data[days] = data[days]! + 1;
  }

  private shapeFeatures(data: Float32Array, at: number, head: number, length: number): void {
    const { shape, spread, features } = this;
    let from = head;
    for (let i = 0; i < SHAPES.dimensions; i++) {
      shape[i] = i < length ? data[at + SQUASHED + from]! : 0;
      from = from === 0 ? WINDOW - 1 : from - 1;
    }
    from = head;
    let sum = 0;
    let squares = 0;
    spread[0] = data[at + STANDARD + head]!;
    for (let i = 1; i <= length; i++) {
      const y = data[at + STANDARD + from]!;
      sum += y;
      squares += y * y;
      from = from === 0 ? WINDOW - 1 : from - 1;
      const last = i === length;
      if (i === 3 || (last && i < 3)) spread[1] = sum / i;
      if (i === 10 || (last && i < 10)) {
        spread[2] = sum / i;
        spread[5] = Math.sqrt(Math.max(0, squares / i - (sum / i) * (sum / i)));
      }
      if (i === 30 || (last && i < 30)) {
        spread[3] = sum / i;
        spread[6] = Math.sqrt(Math.max(0, squares / i - (sum / i) * (sum / i)));
      }
    }
    spread[4] = sum / length;
    spread[7] = Math.sqrt(Math.max(0, squares / length - (sum / length) * (sum / length)));
    features[7] = prototypeDistance(data, at + SHAPE_SET, shape, SHAPES);
    features[8] = prototypeDistance(data, at + SPREAD_SET, spread, SPREADS);
  }

  private judge(data: Float32Array, at: number, seen: number, finding: Finding): number {
    const counts = at + COUNTS;
    const rank = tailRank(data, counts, seen, TAILS);
    let sum = 0;
    let strongest = 0;
    finding.direction = 'unusual';
    for (let f = 0; f < FEATURES; f++) {
      const value = Math.fround(this.features[f]!);
      const high = this.side(data, at, 2 * f, rank, value);
      const low = this.side(data, at, 2 * f + 1, rank, -value);
      const score = Math.max(high, low);
      if (score === 0) continue;
      sum += score * Math.sqrt(Math.sqrt(score));
      if (score > strongest) {
        strongest = score;
        const ofLevel = f < 4 || f === 6;
        if (ofLevel) finding.direction = high > low ? 'high' : 'low';
        else finding.direction = (f === 4 || f === 5) && low > high ? 'stuck' : 'unusual';
      }
    }
    if (advanceTailCounts(data, counts, rank, TAILS))
      turnGeneration(data, at + MARKS, at + LISTS, SIDES, TAILS);
    return sum === 0 ? 0 : (sum / FEATURES) ** 0.8;
  }

  private side(data: Float32Array, at: number, side: number, rank: number, value: number): number {
    const list = at + LISTS + side * sideSize(TAILS);
    return tailScore(data, at + MARKS + side * MARKS_SIZE, list, at + COUNTS, rank, value, TAILS);
  }
}

function writeSplit(data: Float32Array, high: number, rest: number, value: number): void {
  data[high] = value;
  data[rest] = value - data[high]!;
}
