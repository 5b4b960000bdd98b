import type { StateBlock } from '../contract.js';
import { Chain, type JudgedRows, type JudgementLayout, MOST_ROWS } from './chain.js';
import { DISPERSION_STATE_SIZE, Dispersion } from './dispersion.js';
import type { JudgementPriors } from './fit-judgement.js';
import { TAIL_STATE_SIZE, TailCalibration, type TailOptions } from './tail.js';

/** Where the bucket of a row's entity lies, see bucketOf. */
export interface Buckets {
  /** one number an entity, by slot */
  readonly state: StateBlock;
  /** by row */
  readonly slots: Int32Array;
}

/**
 * Joins the detectors of one (partition, domain): each smoothed score to its surprise; mean over the smoothing
 * constants, calibrated; weighted mean within a group, calibrated; odds of alternative causes across groups, calibrated. Stages with one
 * member fall away. Means are power means with exponent 1.25.
 */
export class Judgement {
  /** floats that save() returns */
  readonly stateSize: number;
  private readonly chain: Chain;
  private readonly calibrations: readonly TailCalibration[];
  private readonly dispersion = new Dispersion();

  constructor(layout: JudgementLayout, priors: JudgementPriors, options: TailOptions = {}) {
    this.chain = new Chain(layout);
    if (priors.length !== this.chain.count) {
      throw new RangeError(
        `judgement: ${priors.length} tail priors for ${layout.detectors.length} detectors in ${this.chain.groups} groups; expected ${this.chain.count}, as fitJudgement makes`,
      );
    }
    this.calibrations = priors.map((prior) => new TailCalibration(prior, options));
    this.stateSize = this.chain.count * TAIL_STATE_SIZE + DISPERSION_STATE_SIZE;
  }

  /**
   * Judges rows[from, to), one by what those before it left: writes their joined surprise (p = 10^-surprise) and the
   * detectors' own, and learns.
   * @param buckets without them nothing is told of the stream as a whole
   */
  judge(batch: JudgedRows, rows: Int32Array, from: number, to: number, buckets?: Buckets): void {
    for (let start = from; start < to; ) {
      // What the dispersion says at the end of its period is how the next row is judged.
      const most = buckets === undefined ? MOST_ROWS : Math.min(MOST_ROWS, this.dispersion.left);
      const end = Math.min(to, start + most);
      this.chain.judge(batch, rows, start, end, this.calibrations);
      if (buckets !== undefined) this.note(batch, rows, start, end, buckets);
      start = end;
    }
  }

  private note(
    { own, joined }: JudgedRows,
    rows: Int32Array,
    from: number,
    to: number,
    { state, slots }: Buckets,
  ): void {
    const { detectors, perEmphasis } = this.chain;
    const { data, stride, offset } = state;
    const { dispersion } = this;
    for (let i = from; i < to; i++) {
      const row = rows[i]!;
      const surprise = joined[row]!;
      let most = surprise;
      for (let detector = 0; detector < detectors; detector++) {
        const one = own[row * detectors + detector]! * perEmphasis[detector]!;
        if (one > most) most = one;
      }
      const movement = dispersion.note(data[slots[row]! * stride + offset]!, surprise, most);
      if (movement !== undefined) for (const calibration of this.calibrations) calibration.follow(movement);
    }
  }

  save(): Float32Array {
    const state = new Float32Array(this.stateSize);
    this.calibrations.forEach((calibration, index) => {
      calibration.saveTo(state, index * TAIL_STATE_SIZE);
    });
    this.dispersion.saveTo(state, this.chain.count * TAIL_STATE_SIZE);
    return state;
  }

  load(state: Float32Array): void {
    if (state.length !== this.stateSize) {
      throw new RangeError(
        `judgement state: ${state.length} floats; expected ${this.stateSize} for this set of detectors`,
      );
    }
    this.calibrations.forEach((calibration, index) => {
      calibration.load(state, index * TAIL_STATE_SIZE);
    });
    this.dispersion.load(state, this.chain.count * TAIL_STATE_SIZE);
  }
}
