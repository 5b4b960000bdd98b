import type { Contribution, Detector, DetectorBatch, StateBlock } from '../contract.js';
import { ln1p } from '../features/fast-math.js';
import { LargeSensorMemory } from './memory/large.js';
import type { Finding, SensorMemory } from './memory/sensor-memory.js';
import { SmallSensorMemory } from './memory/small.js';

export interface MemoryOptions {
  readonly sensors: number;
  readonly size: 'small' | 'large';
  /** sensors whose signed logarithm is remembered instead of the reading (amounts, counts) */
  readonly log?: readonly boolean[];
  readonly group?: string;
}

/**
 * Events of an entity with several sensors before its memory has a say, a sensor: the largest of so many novelties is
 * noise until each has a past that can tell one reading in a hundred times their number. A thousand are enough.
 */
const WARM_UP = 100;
const WARM_UP_MOST = 1000;

/** a sensor usually has a reading if it had so many, and one in so many of the entity's events */
const USUAL_LEAST = 20;
const USUAL_SHARE = 0.5;

const DIRECTIONS: readonly Contribution['direction'][] = ['high', 'low', 'unusual', 'stuck', 'missing'];
const MISSING = DIRECTIONS.indexOf('missing');
const UNKNOWN = DIRECTIONS.indexOf('unusual');

/**
 * Novelty of each numeric field against the entity's own long past. Needs no training. The score of an event
 * is its sensors' largest, each about a mean of -log10 p over the features of that sensor's course; 0 is inside
 * the usual, and what an entity without enough past gets. Missing readings are passed over: nothing is learned.
 */
export class MemoryDetector implements Detector {
  readonly name = 'memory';
  readonly group: string;
  readonly stateSize: number;
  readonly warmUp: number;
  private readonly memory: SensorMemory;
  private readonly finding: Finding = { expected: Number.NaN, direction: 'unusual' };
  /** keeps the compiler from leaving out `ahead`; never read otherwise */
  protected lookedAhead = false;
  private scores = new Float32Array(0);
  private expected = new Float64Array(0);
  private directions = new Uint8Array(0);

  constructor(private readonly options: MemoryOptions) {
    this.memory = options.size === 'large' ? new LargeSensorMemory() : new SmallSensorMemory();
    this.group = options.group ?? 'entity';
    this.warmUp = options.sensors > 1 ? Math.min(WARM_UP_MOST, WARM_UP * options.sensors) : 0;
    this.stateSize = this.memory.size * options.sensors;
  }

  initState(state: StateBlock, slot: number): void {
    const at = slot * state.stride + state.offset;
    for (let s = 0; s < this.options.sensors; s++) this.memory.init(state.data, at + s * this.memory.size);
  }

  score(batch: DetectorBatch, state: StateBlock, out: Float32Array): void {
    const { sensors, log } = this.options;
    const { memory, finding } = this;
    const { size } = memory;
    const { data, stride, offset } = state;
    const { raw, hoursOfWeek } = batch;
    const cells = batch.size * sensors;
    if (this.scores.length < cells) {
      this.scores = new Float32Array(cells);
      this.expected = new Float64Array(cells);
      this.directions = new Uint8Array(cells);
    }
    const { scores, expected, directions } = this;
    this.ahead(batch, state);
    for (let row = 0; row < batch.size; row++) {
      const at = batch.slots[row]! * stride + offset;
      const hour = (hoursOfWeek[row]! | 0) % 24;
      let largest = 0;
      for (let s = 0; s < sensors; s++) {
        const reading = raw[row * batch.sensors + s]!;
        const cell = row * sensors + s;
        scores[cell] = 0;
        directions[cell] = UNKNOWN;
        if (!Number.isFinite(reading)) {
          const usual = Math.max(USUAL_LEAST, USUAL_SHARE * batch.ages[row]!);
          if (memory.seen(data, at + s * size) >= usual) directions[cell] = MISSING;
          continue;
        }
        const value = log?.[s] === true ? signedLog(reading) : reading;
        const score = memory.observe(data, at + s * size, value, hour, finding);
        expected[cell] = finding.expected;
        // Most readings are inside the usual, and nobody asks in which direction.
        if (!(score > 0)) continue;
        scores[cell] = score;
        directions[cell] = DIRECTIONS.indexOf(finding.direction);
        if (score > largest) largest = score;
      }
      out[row] = largest;
    }
  }

  /**
   * Reads what most readings need of the rows' memories: loads that don't wait for each other, as those of the rows' own
   * turns would.
   */
  private ahead({ slots, size }: DetectorBatch, { data, stride, offset }: StateBlock): void {
    const { sensors } = this.options;
    const { memory } = this;
    const last = memory.head - 1;
    let sum = 0;
    for (let row = 0; row < size; row++) {
      let at = slots[row]! * stride + offset;
      for (let s = 0; s < sensors; s++, at += memory.size) sum += data[at]! + data[at + last]!;
    }
    this.lookedAhead = sum === 0;
  }

  explain(row: number, most: number): Contribution[] {
    const { sensors, log } = this.options;
    let total = 0;
    const found: number[] = [];
    for (let s = 0; s < sensors; s++) {
      const score = this.scores[row * sensors + s]!;
      if (score > 0) found.push(s);
      total += score;
    }
    const scoreOf = (s: number): number => this.scores[row * sensors + s]!;
    return found
      .sort((a, b) => scoreOf(b) - scoreOf(a) || a - b)
      .slice(0, most)
      .map((index) => ({
        index,
        space: 'sensor',
        share: scoreOf(index) / total,
        expected: (log?.[index] === true ? signedExp : same)(this.expected[row * sensors + index]!),
        direction: DIRECTIONS[this.directions[row * sensors + index]!]!,
      }));
  }

  missing(row: number): number[] {
    const { sensors } = this.options;
    return Array.from({ length: sensors }, (_, s) => s).filter(
      (s) => this.directions[row * sensors + s] === MISSING,
    );
  }

  dispose(): void {}
}

const signedLog = (x: number): number => (x >= 0 ? ln1p(x) : -ln1p(-x));
const signedExp = (x: number): number => Math.sign(x) * Math.expm1(Math.abs(x));
const same = (x: number): number => x;
