import type { Contribution, Detector, DetectorBatch, StateBlock, Weights } from '../contract.js';
import { Forecaster } from './shared/forecaster.js';
import { RunningWhitening } from './shared/running-whitening.js';
import { COURSE_FLOATS, COURSE_WARM_UP, SensorCourse } from './shared/sensor-course.js';
import { weight } from './weights.js';

export interface SharedOptions {
  readonly sensors: number;
  /** sensors whose signed logarithm is watched instead of the reading */
  readonly log?: readonly boolean[];
}

/** sensors up to which errors are judged by their joint distribution; beyond, each by itself */
const MOST_JOINT = 128;
/** readings of an entity before it has a say */
const WARM_UP = 3 * COURSE_WARM_UP;
/** usual gap, how many gaps */
const HEADER = 2;
const HIGHEST = 1e9;

/**
 * The shared model, for an entity with several sensors that nothing was trained on: how far its readings lie from their
 * running centres, judged together under their running covariance; and, with the weight that paid on planted faults when
 * it was trained, how far they lie from a forecast that was learned once on generated series (see Forecaster). Both see
 * readings in units of the sensor's own, so they fit any sensor, and adapt to the entity's in small steps (SensorCourse,
 * RunningWhitening). Score: mean square of the whitened deviations, plus `blend` times that of the errors. The state is
 * the entity's: the same events give the same scores wherever they are scored.
 */
export class Shared implements Detector {
  readonly name = 'shared';
  readonly group = 'joint';
  readonly stateSize: number;
  readonly warmUp = WARM_UP;
  private readonly course: SensorCourse;
  private readonly whitening: RunningWhitening | undefined;
  private readonly joint: number;
  /** what the forecast's errors count for beside the deviations from the centre */
  private readonly blend: number;
  private levels = new Float32Array(0);
  private errors = new Float32Array(0);
  /** by which a sensor's reading raised the score, and which way it lies off */
  private drops = new Float32Array(0);
  private sides = new Float32Array(0);
  private expected = new Float64Array(0);
  private readonly pull: Float32Array;

  constructor(
    private readonly weights: Weights,
    private readonly options: SharedOptions,
  ) {
    const { sensors } = options;
    this.course = new SensorCourse(new Forecaster(weights));
    this.blend = weight(weights, 'blend', [1])[0]!;
    this.whitening = sensors <= MOST_JOINT ? new RunningWhitening(sensors) : undefined;
    this.joint = HEADER + sensors * COURSE_FLOATS;
    this.stateSize = this.joint + (this.blend > 0 ? 2 : 1) * (this.whitening?.floats ?? 0);
    this.pull = new Float32Array(sensors);
  }

  toWeights(): Weights {
    return this.weights;
  }

  initState(state: StateBlock, slot: number): void {
    const at = slot * state.stride + state.offset;
    state.data.fill(0, at, at + HEADER);
    for (let s = 0; s < this.options.sensors; s++)
      this.course.init(state.data, at + HEADER + s * COURSE_FLOATS);
    const { whitening } = this;
    if (whitening === undefined) return;
    whitening.init(state.data, at + this.joint);
    if (this.blend > 0) whitening.init(state.data, at + this.joint + whitening.floats);
  }

  score(batch: DetectorBatch, state: StateBlock, out: Float32Array): void {
    const { sensors, log } = this.options;
    const { course, blend, joint } = this;
    const { data } = state;
    this.#reserve(batch.size * sensors);
    for (let row = 0; row < batch.size; row++) {
      const at = batch.slots[row]! * state.stride + state.offset;
      const gap = relativeGap(data, at, batch.gaps[row]!);
      const cell = row * sensors;
      for (let s = 0; s < sensors; s++) {
        const reading = batch.raw[row * batch.sensors + s]!;
        this.levels[cell + s] = 0;
        this.errors[cell + s] = 0;
        this.expected[cell + s] = Number.NaN;
        if (!Number.isFinite(reading)) continue;
        const squashed = log?.[s] === true;
        course.observe(data, at + HEADER + s * COURSE_FLOATS, squashed ? signedLog(reading) : reading, gap);
        this.levels[cell + s] = course.level;
        this.errors[cell + s] = course.error;
        this.expected[cell + s] = squashed ? signedExp(course.centre) : course.centre;
      }
      this.drops.fill(0, cell, cell + sensors);
      let score = this.#joined(data, at + joint, this.levels, cell, 1);
      if (blend > 0) {
        const later = at + joint + (this.whitening?.floats ?? 0);
        score = (score + blend * this.#joined(data, later, this.errors, cell, blend)) / (1 + blend);
      }
      out[row] = Math.min(HIGHEST, score);
    }
  }

  /** Mean square under the running covariance; adds what each sensor carries of it to `drops`. */
  #joined(data: Float32Array, at: number, values: Float32Array, cell: number, share: number): number {
    const { whitening, pull } = this;
    const { sensors } = this.options;
    let score = 0;
    if (whitening === undefined) for (let s = 0; s < sensors; s++) score += values[cell + s]! ** 2 / sensors;
    else score = whitening.observe(data, at, values, cell, pull);
    for (let s = 0; s < sensors; s++) {
      // The score would fall by so much if the sensor read what the others lead one to expect.
      const drop = whitening === undefined ? values[cell + s]! ** 2 : pull[s]! ** 2 * whitening.variances[s]!;
      if (share * drop > this.drops[cell + s]!)
        this.sides[cell + s] = whitening === undefined ? values[cell + s]! : pull[s]!;
      this.drops[cell + s]! += share * drop;
    }
    return score;
  }

  #reserve(cells: number): void {
    if (this.errors.length >= cells) return;
    this.levels = new Float32Array(cells);
    this.errors = new Float32Array(cells);
    this.drops = new Float32Array(cells);
    this.sides = new Float32Array(cells);
    this.expected = new Float64Array(cells);
  }

  explain(row: number, most: number): Contribution[] {
    const { sensors } = this.options;
    const found = Array.from({ length: sensors }, (_, s) => ({
      s,
      drop: this.drops[row * sensors + s]!,
    })).filter(({ drop }) => drop > 0);
    const total = found.reduce((sum, { drop }) => sum + drop, 0);
    return found
      .sort((a, b) => b.drop - a.drop || a.s - b.s)
      .slice(0, most)
      .map(({ s, drop }) => ({
        index: s,
        space: 'sensor',
        share: drop / total,
        expected: this.expected[row * sensors + s]!,
        direction: this.sides[row * sensors + s]! > 0 ? 'high' : 'low',
      }));
  }

  dispose(): void {}
}

/** How the gap compares with the entity's usual one, then learned. */
function relativeGap(data: Float32Array, at: number, gap: number): number {
  if (!(gap > 0) || gap === Number.POSITIVE_INFINITY) return 0;
  const value = Math.log(gap + 0.001);
  const seen = data[at + 1]!;
  const relative = seen === 0 ? 0 : value - data[at]!;
  data[at] = data[at]! + (value - data[at]!) / Math.min(seen + 1, 100);
  if (seen < 1e6) data[at + 1] = seen + 1;
  return relative;
}

const signedLog = (x: number): number => Math.sign(x) * Math.log1p(Math.abs(x));
const signedExp = (x: number): number => Math.sign(x) * Math.expm1(Math.abs(x));
