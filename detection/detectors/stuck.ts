import type { Contribution, Detector, DetectorBatch, StateBlock, Weights } from '../contract.js';
import { sizeOf, weight } from './weights.js';

/** Runs a little longer than any in training are still chance. */
const SLACK = 3;
const MOST = 12;
/** decades from which a repetition by itself is worth a thought */
const RARE = 0.8;

/**
 * Readings that stay exactly the same for longer than they did in training, sensor by sensor: a stuck valve or a
 * frozen transmitter keeps its last number, which every model of values finds ordinary. With the longest run of
 * a sensor in n training rows, and the surprise of that run by how many rows had it, a run of r repeats has
 *   -log10 p = surprise · r / longest              up to the longest,
 *   -log10 p = log10 n · r / (longest + 3)         beyond it (and no less than at it),
 * geometric tails both. The score is the largest of the sensors' less log10 of their number (so many chances),
 * from 0 to 12. It is not calibrated on training scores: nearly all of them are 0, and the first above 0 would
 * look like the last. State: for each sensor its last reading and its repeats. A missing reading is no repeat.
 */
export class Stuck implements Detector {
  readonly name = 'stuck';
  readonly group = 'stuck';
  readonly nominal = true;
  readonly stateSize: number;
  private readonly sensors: number;
  private readonly longest: Float32Array;
  private readonly atLongest: Float32Array;
  /** decades a repeat, up to the longest run and past it */
  private readonly within: Float32Array;
  private readonly beyond: Float32Array;
  private readonly chances: number;
  private runs: Float32Array = new Float32Array(0);

  constructor(private readonly weights: Weights) {
    this.sensors = sizeOf(weights, 'longest', 0);
    const decades = Math.log10(Math.max(10, weight(weights, 'rows', [1])[0]!));
    this.longest = weight(weights, 'longest', [this.sensors]);
    this.atLongest = weight(weights, 'surprise', [this.sensors]);
    this.within = this.longest.map((longest, s) => (longest > 0 ? this.atLongest[s]! / longest : 0));
    this.beyond = this.longest.map((longest) => decades / (longest + SLACK));
    this.chances = Math.log10(Math.max(1, this.sensors));
    this.stateSize = 2 * this.sensors;
  }

  static fromWeights(weights: Weights): Stuck {
    return new Stuck(weights);
  }

  toWeights(): Weights {
    return this.weights;
  }

  initState(state: StateBlock, slot: number): void {
    const at = slot * state.stride + state.offset;
    state.data.fill(Number.NaN, at, at + this.sensors);
    state.data.fill(0, at + this.sensors, at + this.stateSize);
  }

  score(batch: DetectorBatch, state: StateBlock, out: Float32Array): void {
    const { sensors } = this;
    if (batch.sensors !== sensors && batch.size > 0)
      throw new RangeError(`the stuck check learnt ${sensors} sensors and was given ${batch.sensors}`);
    const { data } = state;
    if (this.runs.length < batch.size * sensors) this.runs = new Float32Array(batch.size * sensors);
    for (let i = 0; i < batch.size; i++) {
      const base = batch.slots[i]! * state.stride + state.offset;
      let most = 0;
      for (let s = 0; s < sensors; s++) {
        const reading = Math.fround(batch.raw[i * sensors + s]!);
        const at = base + s;
        const run = reading === data[at]! ? data[at + sensors]! + 1 : 0;
        data[at] = reading;
        data[at + sensors] = run;
        this.runs[i * sensors + s] = run;
        if (run > 0) most = Math.max(most, this.surprise(s, run));
      }
      out[i] = Math.min(MOST, Math.max(0, most - this.chances));
    }
  }

  explain(row: number, most: number): Contribution[] {
    const { sensors } = this;
    const scores = Array.from({ length: sensors }, (_, s) => this.surprise(s, this.runs[row * sensors + s]!));
    const total = scores.reduce((sum, score) => sum + score, 0);
    if (!(Math.max(...scores) > this.chances)) return [];
    return scores
      .map((score, index) => ({ index, score }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score || a.index - b.index)
      .slice(0, most)
      .map(({ index, score }) => ({
        index,
        space: 'sensor',
        share: score / total,
        expected: Number.NaN,
        direction: 'stuck',
      }));
  }

  repeated(row: number): number[] {
    return Array.from({ length: this.sensors }, (_, s) => s).filter(
      (s) => this.surprise(s, this.runs[row * this.sensors + s]!) > RARE,
    );
  }

  dispose(): void {}

  private surprise(sensor: number, run: number): number {
    if (run <= this.longest[sensor]!) return this.within[sensor]! * run;
    return Math.max(this.atLongest[sensor]!, this.beyond[sensor]! * run);
  }
}
