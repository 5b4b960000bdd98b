import type { Weights } from '../../contract.js';
import { sizeOf, weight } from '../weights.js';

/** readings before the newest that a forecast looks at */
export const LAGS = 6;
/** lags 2 to LAGS, the way back to the centre in two units, how much wider levels are than changes, the gap */
export const INPUTS = LAGS - 1 + 4;
export const NARROWEST = -3;
export const WIDEST = 2;

/**
 * The pretrained part: from a sensor's last readings, in units of its own changes, the next change and how far from it
 * readings usually fall (logarithm of the spread). A linear map with a small rectified layer on top; one and the same
 * for every sensor of every pipeline. Plain loops: it runs a sensor at a time.
 */
export class Forecaster {
  private readonly hidden: number;
  private readonly layer: Float32Array;
  private readonly bias: Float32Array;
  private readonly readout: Float32Array;
  private readonly linear: Float32Array;
  mean = 0;
  logSpread = 0;

  constructor(weights: Weights) {
    this.hidden = sizeOf(weights, 'bias', 0);
    this.layer = weight(weights, 'layer', [INPUTS, this.hidden]);
    this.bias = weight(weights, 'bias', [this.hidden]);
    // two a hidden unit: mean, logarithm of the spread
    this.readout = weight(weights, 'readout', [this.hidden, 2]);
    // the last row is the constant
    this.linear = weight(weights, 'linear', [INPUTS + 1, 2]);
  }

  /** Sets `mean` and `logSpread`. */
  run(inputs: Float64Array): void {
    const { hidden, layer, bias, readout, linear } = this;
    let mean = linear[2 * INPUTS]!;
    let spread = linear[2 * INPUTS + 1]!;
    for (let i = 0; i < INPUTS; i++) {
      mean += inputs[i]! * linear[2 * i]!;
      spread += inputs[i]! * linear[2 * i + 1]!;
    }
    for (let k = 0; k < hidden; k++) {
      let sum = bias[k]!;
      for (let i = 0; i < INPUTS; i++) sum += inputs[i]! * layer[i * hidden + k]!;
      if (sum <= 0) continue;
      mean += sum * readout[2 * k]!;
      spread += sum * readout[2 * k + 1]!;
    }
    this.mean = mean;
    this.logSpread = spread < NARROWEST ? NARROWEST : Math.min(spread, WIDEST);
  }
}
