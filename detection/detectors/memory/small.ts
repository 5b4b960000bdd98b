import { COUNT_MOST, readPair, writePair } from './floats.js';
import type { Finding, SensorMemory } from './sensor-memory.js';
import {
  advanceTailCounts,
  initTailCounts,
  sideSize,
  TAIL_COUNTS_SIZE,
  type TailSettings,
  tailRank,
  tailScore,
  turnGeneration,
} from './tails.js';

/**
 * The memory for hundreds of thousands of entities: the value and a short mean of it against the largest eight
 * of the last 500 to 1,000 on each side. 312 bytes a sensor. It judges from the 20th event on.
 */
const TAILS: TailSettings = { keep: 8, generation: 500, share: 0.01, warmUp: 20 };
const SHORT = 0.3;
const LONG_LEAST = 1 / 500;

const SEEN = 0;
const FIRST = 1;
const MEAN = 3;
const SHORT_MEAN = 4;
const COUNTS = 5;
const SIDES = COUNTS + TAIL_COUNTS_SIZE;
const SIDE = sideSize(TAILS);
const SIZE = SIDES + 4 * SIDE;

export class SmallSensorMemory implements SensorMemory {
  readonly size = SIZE;

  init(data: Float32Array, at: number): void {
    data.fill(0, at, at + SIZE);
    initTailCounts(data, at + COUNTS);
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
    const sides = at + SIDES;
    const rank = tailRank(data, counts, seen, TAILS);
    const high = tailScore(data, sides, counts, rank, value, TAILS);
    const low = tailScore(data, sides + SIDE, counts, rank, -value, TAILS);
    const shortHigh = tailScore(data, sides + 2 * SIDE, counts, rank, short, TAILS);
    const shortLow = tailScore(data, sides + 3 * SIDE, counts, rank, -short, TAILS);
    if (advanceTailCounts(data, counts, rank, TAILS)) {
      for (let side = 0; side < 4; side++) turnGeneration(data, sides + side * SIDE, TAILS);
    }
    const now = Math.max(high, low);
    const lately = Math.max(shortHigh, shortLow);
    if (now === 0 && lately === 0) return 0;
    finding.direction = (now >= lately ? high > low : shortHigh > shortLow) ? 'high' : 'low';
    const power = now * Math.sqrt(Math.sqrt(now)) + lately * Math.sqrt(Math.sqrt(lately));
    return (power / 2) ** 0.8;
  }
}
