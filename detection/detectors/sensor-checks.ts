import type { Contribution, Detector, DetectorBatch, StateBlock } from '../contract.js';
import { checkReading, initSensor, SENSOR_SIZE, type Verdict } from './sensor-checks/sensor.js';

export interface SensorChecksOptions {
  readonly sensors: number;
  /** seconds between readings, as the instruments are set; 15 minutes in a river, 3 in a plant */
  readonly intervalSeconds: number;
  /** readings that loggers write for "no value" */
  readonly sentinels?: readonly number[];
  readonly group?: string;
}

export const USUAL_SENTINELS: readonly number[] = [-9999];

const WEEK = 604_800;
const LEAST_WINDOW = 210;
const MOST_WINDOW = 2016;
const DIRECTIONS: readonly Contribution['direction'][] = ['high', 'low', 'unusual', 'stuck', 'missing'];

/**
 * Checks each instrument by itself: missing, jumped, off its level, stuck. Needs no training; each check judges
 * by its own past weeks, from the second day on. The score of an event is its worst sensor's: the root of the
 * checks' squared surprises, 25 for a missing reading. A week is between 210 and 2,016 intervals here, so that
 * very fast and very slow instruments keep a sensible memory.
 */
export class SensorChecks implements Detector {
  readonly name = 'sensor-checks';
  readonly group: string;
  readonly stateSize: number;
  private readonly window: number;
  private readonly sentinels: readonly number[];
  private readonly verdict: Verdict = { expected: Number.NaN, direction: 'unusual' };
  private scores = new Float32Array(0);
  private expected = new Float64Array(0);
  private directions = new Uint8Array(0);

  constructor(private readonly options: SensorChecksOptions) {
    if (!(options.intervalSeconds > 0)) {
      throw new RangeError(`sensor checks: interval of ${options.intervalSeconds} s; give one above 0`);
    }
    this.window = Math.round(Math.min(MOST_WINDOW, Math.max(LEAST_WINDOW, WEEK / options.intervalSeconds)));
    this.sentinels = options.sentinels ?? USUAL_SENTINELS;
    this.group = options.group ?? 'sensor';
    this.stateSize = SENSOR_SIZE * options.sensors;
  }

  initState(state: StateBlock, slot: number): void {
    const at = slot * state.stride + state.offset;
    for (let s = 0; s < this.options.sensors; s++) initSensor(state.data, at + s * SENSOR_SIZE);
  }

  score(batch: DetectorBatch, state: StateBlock, out: Float32Array): void {
    const { sensors, intervalSeconds } = this.options;
    const cells = batch.size * sensors;
    if (this.scores.length < cells) {
      this.scores = new Float32Array(cells);
      this.expected = new Float64Array(cells);
      this.directions = new Uint8Array(cells);
    }
    for (let row = 0; row < batch.size; row++) {
      const at = batch.slots[row]! * state.stride + state.offset;
      const gap = batch.gaps[row]!;
      const intervals = gap > 0 ? Math.max(1, Math.round(gap / intervalSeconds)) : 1;
      let worst = 0;
      for (let s = 0; s < sensors; s++) {
        const cell = row * sensors + s;
        const reading = this.readingOf(batch.raw[row * batch.sensors + s]!);
        const score = checkReading(
          state.data,
          at + s * SENSOR_SIZE,
          reading,
          intervals,
          this.window,
          this.verdict,
        );
        this.scores[cell] = score;
        this.expected[cell] = this.verdict.expected;
        this.directions[cell] = DIRECTIONS.indexOf(this.verdict.direction);
        if (score > worst) worst = score;
      }
      out[row] = worst;
    }
  }

  private readingOf(raw: number): number {
    return Number.isFinite(raw) && !this.sentinels.includes(raw) ? raw : Number.NaN;
  }

  /** Scores of the single sensors of a row of the batch scored last. */
  sensorScore(row: number, sensor: number): number {
    return this.scores[row * this.options.sensors + sensor]!;
  }

  explain(row: number, most: number): Contribution[] {
    const { sensors } = this.options;
    const squares = Array.from({ length: sensors }, (_, s) => this.sensorScore(row, s) ** 2);
    const total = squares.reduce((sum, square) => sum + square, 0);
    if (!(total > 0)) return [];
    return squares
      .map((square, index) => ({ square, index }))
      .filter(({ square }) => square > 0)
      .sort((a, b) => b.square - a.square || a.index - b.index)
      .slice(0, most)
      .map(({ square, index }) => ({
        index,
        space: 'sensor',
        share: square / total,
        expected: this.expected[row * sensors + index]!,
        direction: DIRECTIONS[this.directions[row * sensors + index]!]!,
      }));
  }

  dispose(): void {}
}
