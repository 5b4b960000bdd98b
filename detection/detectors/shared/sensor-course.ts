import { type Forecaster, INPUTS, LAGS } from './forecaster.js';

/**
 * A sensor's course: running centre and spreads that make its readings comparable with any other's, its last readings,
 * and how the shared forecast fits it. State: see the offsets.
 */
export const COURSE_FLOATS = 11 + LAGS;
const SEEN = 0;
const CENTRE = 1;
/** mean absolute deviation from the centre, and mean absolute change */
const LEVEL = 2;
const CHANGE = 3;
/** of the forecast's errors, in their own unit: how far off they are on average, and their spread */
const BIAS = 4;
const SPREAD = 5;
const ADAPTED = 6;
const OUTSIDE = 7;
/** running losses with the adaptation and without it */
const OWN_LOSS = 8;
const BASE_LOSS = 9;
const LAST = 10;

/** mean absolute deviation to standard deviation */
const TO_DEVIATION = 1.2533;
/** readings before a sensor has a say */
export const COURSE_WARM_UP = 8;
const SLOWEST = 1 / 1000;
/** what an adaptation of nothing counts for, in readings */
const BASE_WEIGHT = 50;
const LOSS_STEP = 1 / 200;
/** beyond so many spreads a reading is outside; where more than this share is, the sensor has moved: all is learned */
const GATE = 3.5;
const MOVED_SHARE = 0.5;
const SHARE_STEP = 1 / 200;
const WORSE = 0.05;
const MOST = 12;

export class SensorCourse {
  /** of the reading observed last: its error in the sensor's own spreads, and how far it lies from the centre */
  error = 0;
  level = 0;
  /** the centre before it, in the reading's unit; NaN for the first readings */
  centre = Number.NaN;
  /** for training: what the forecast was made from, and what it should have been; `ready` when both are meant */
  ready = false;
  readonly inputs = new Float64Array(INPUTS);
  target = 0;

  constructor(private readonly forecaster: Forecaster | undefined) {}

  init(data: Float32Array, at: number): void {
    data.fill(0, at, at + COURSE_FLOATS);
    data[at + SPREAD] = 1;
  }

  /** @param gap how the time since the reading before compares with the usual one: a logarithm, 0 for as usual */
  observe(data: Float32Array, at: number, value: number, gap: number): void {
    const seen = data[at + SEEN]!;
    const ring = at + LAST;
    this.error = 0;
    this.level = 0;
    this.centre = Number.NaN;
    this.ready = seen >= COURSE_WARM_UP;
    if (seen === 0) {
      data[at + CENTRE] = value;
      for (let lag = 0; lag < LAGS; lag++) data[ring + lag] = value;
      data[at + SEEN] = 1;
      return;
    }
    const before = data[ring]!;
    const centre = data[at + CENTRE]!;
    const size = 1e-6 * Math.abs(centre) + 1e-12;
    const level = TO_DEVIATION * data[at + LEVEL]! + size;
    const unit = Math.max(TO_DEVIATION * data[at + CHANGE]!, 1e-2 * level) + size;
    if (this.ready) this.#judge(data, at, value, gap, before, centre, level, unit);
    this.#learn(data, at, value, before, centre, level, unit, seen);
  }

  #judge(
    data: Float32Array,
    at: number,
    value: number,
    gap: number,
    before: number,
    centre: number,
    level: number,
    unit: number,
  ): void {
    const { inputs } = this;
    const ring = at + LAST;
    for (let lag = 1; lag < LAGS; lag++) inputs[lag - 1] = held((data[ring + lag]! - before) / unit, 8);
    inputs[LAGS - 1] = held((centre - before) / unit, 8);
    inputs[LAGS] = held((centre - before) / level, 4);
    inputs[LAGS + 1] = held(Math.log(level / unit), 4);
    inputs[LAGS + 2] = held(gap, 3);
    this.target = held((value - before) / unit, 3 * MOST);
    this.level = held((value - centre) / level, 8);
    this.centre = centre;
    if (this.forecaster === undefined) return;
    this.forecaster.run(inputs);
    const { mean, logSpread } = this.forecaster;
    const spread = Math.exp(logSpread);
    const base = held((this.target - mean) / spread, MOST);
    const own = held((base - data[at + BIAS]!) / data[at + SPREAD]!, MOST);
    this.error = own;
    this.#adapt(data, at, base, own);
  }

  /**
   * Small steps of the errors' mean and spread: what lies far outside counts as lying at the gate, unless so much does
   * that the sensor has moved. Rolled back where the forecast as it was learned would have fitted better.
   */
  #adapt(data: Float32Array, at: number, base: number, own: number): void {
    const outside = Math.abs(own) > GATE;
    data[at + OUTSIDE] = data[at + OUTSIDE]! + SHARE_STEP * ((outside ? 1 : 0) - data[at + OUTSIDE]!);
    const moved = data[at + OUTSIDE]! > MOVED_SHARE;
    const spread = data[at + SPREAD]!;
    const ownLoss = 0.5 * Math.min(own * own, 16) + Math.log(spread);
    const baseLoss = 0.5 * Math.min(base * base, 16);
    data[at + OWN_LOSS] = data[at + OWN_LOSS]! + LOSS_STEP * (ownLoss - data[at + OWN_LOSS]!);
    data[at + BASE_LOSS] = data[at + BASE_LOSS]! + LOSS_STEP * (baseLoss - data[at + BASE_LOSS]!);
    if (data[at + OWN_LOSS]! > data[at + BASE_LOSS]! + WORSE) {
      data[at + BIAS] = 0;
      data[at + SPREAD] = 1;
      data[at + ADAPTED] = 0;
      data[at + OWN_LOSS] = data[at + BASE_LOSS]!;
      return;
    }
    const step = Math.max(SLOWEST, 1 / (data[at + ADAPTED]! + BASE_WEIGHT));
    const off = held(base - data[at + BIAS]!, (moved ? MOST : GATE) * spread);
    data[at + BIAS] = data[at + BIAS]! + step * off;
    data[at + SPREAD] = Math.max(0.05, spread + step * (TO_DEVIATION * Math.abs(off) - spread));
    if (data[at + ADAPTED]! < 1e6) data[at + ADAPTED] = data[at + ADAPTED]! + 1;
  }

  #learn(
    data: Float32Array,
    at: number,
    value: number,
    before: number,
    centre: number,
    level: number,
    unit: number,
    seen: number,
  ): void {
    const moved = data[at + OUTSIDE]! > MOVED_SHARE;
    const young = seen < COURSE_WARM_UP;
    const off = young || moved ? value - centre : held(value - centre, 3 * level);
    const change = young || moved ? value - before : held(value - before, 4 * unit);
    const step = Math.max(SLOWEST, 1 / (seen + 1));
    data[at + CENTRE] = centre + step * off;
    data[at + LEVEL] = data[at + LEVEL]! + step * (Math.abs(off) - data[at + LEVEL]!);
    data[at + CHANGE] = data[at + CHANGE]! + step * (Math.abs(change) - data[at + CHANGE]!);
    const ring = at + LAST;
    for (let lag = LAGS - 1; lag > 0; lag--) data[ring + lag] = data[ring + lag - 1]!;
    data[ring] = value;
    if (seen < 1e6) data[at + SEEN] = seen + 1;
  }
}

function held(value: number, most: number): number {
  return value > most ? most : value >= -most ? value : value < -most ? -most : 0;
}
