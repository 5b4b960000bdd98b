import { COUNT_MOST, readPair, writePair } from './floats.js';
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
 * The memory for hundreds of thousands of entities: the value and a short mean of it against the largest eight
 * of the last 500 to 1,000 on each side. 320 bytes a sensor, of which most events touch
 * the first 64. It judges from the 20th event on.
 */
const TAILS: TailSettings = { keep: 8, generation: 500, share: 0.01, warmUp: 20 };
const SHORT = 0.3;
const LONG_LEAST = 1 / 500;

const SEEN = 0;
const FIRST = 1;
const MEAN = 3;
const SHORT_MEAN = 4;
const COUNTS = 5;
const MARKS = COUNTS + TAIL_COUNTS_SIZE;
const SIDES = 4;
const LISTS = MARKS + SIDES * MARKS_SIZE;
const SIZE = LISTS + SIDES * sideSize(TAILS);

export class SmallSensorMemory implements SensorMemory {
  readonly size = SIZE;
  readonly head = LISTS;

  init(data: Float32Array, at: number): void {
    data.fill(0, at, at + SIZE);
    initTails(data, at + COUNTS, at + MARKS, SIDES);
  }

  seen(data: Float32Array, at: number): number {
    return data[at + SEEN]!;
  }

  observe(data: Float32Array, at: number, reading: number, _hourOfDay: number, finding: Finding): number {
    const seen = data[at + SEEN]!;
    if (seen === 0) writePair(data, at + FIRST, reading);
    const first = readPair(data, at + FIRST);
    const value = Math.fround(reading - first);
    const mean = data[at + MEAN]!;
    finding.expected = first + mean;
    data[at + MEAN] = mean + Math.max(LONG_LEAST, 1 / (seen + 1)) * (value - mean);
    const before = data[at + SHORT_MEAN]!;
    data[at + SHORT_MEAN] = before + Math.max(SHORT, 1 / (seen + 1)) * (value - before);
    const short = data[at + SHORT_MEAN]!;
    if (seen < COUNT_MOST) data[at + SEEN] = seen + 1;

    const counts = at + COUNTS;
    const rank = tailRank(data, counts, seen, TAILS);
    const high = this.side(data, at, 0, rank, value);
    const low = this.side(data, at, 1, rank, -value);
    const shortHigh = this.side(data, at, 2, rank, short);
    const shortLow = this.side(data, at, 3, rank, -short);
    if (advanceTailCounts(data, counts, rank, TAILS))
      turnGeneration(data, at + MARKS, at + LISTS, SIDES, TAILS);
    const now = Math.max(high, low);
    const lately = Math.max(shortHigh, shortLow);
    if (now === 0 && lately === 0) return 0;
    finding.direction = (now >= lately ? high > low : shortHigh > shortLow) ? 'high' : 'low';
    const power = now * Math.sqrt(Math.sqrt(now)) + lately * Math.sqrt(Math.sqrt(lately));
    return (power / 2) ** 0.8;
  }

  private side(data: Float32Array, at: number, side: number, rank: number, value: number): number {
    const list = at + LISTS + side * sideSize(TAILS);
    return tailScore(data, at + MARKS + side * MARKS_SIZE, list, at + COUNTS, rank, value, TAILS);
  }
}
