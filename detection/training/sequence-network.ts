import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { advance, GATE_SLOPE, NARROWEST, openness, sharpness, WIDEST } from '../detectors/sequence-cell.js';
import { dense, readInto, type Tf } from '../detectors/tensor-io.js';
import type { Random } from './random.js';

export interface SequenceShape {
  readonly features: number;
  readonly known: number;
  readonly hidden: number;
}

/** gates, gatesBias, readout, readoutBias */
export type SequenceParameters = readonly [Float32Array, Float32Array, Float32Array, Float32Array];

/** errors beyond this many spreads pull no harder: contaminated rows must not steer the training */
const PULL = 5;

/** The readout starts at zero (the autoregression alone); the gates start with memories of 2 to 20 events. */
export function sequenceStart(
  { features, known, hidden }: SequenceShape,
  random: Random,
): SequenceParameters {
  const inputs = features + known;
  const gates = random.layer(inputs, 2 * hidden);
  const bias = new Float32Array(2 * hidden);
  for (let k = 0; k < hidden; k++) {
    const share = hidden > 1 ? k / (hidden - 1) : 0;
    bias[k] = (0.5 * 0.1 ** share - 0.5) / GATE_SLOPE;
    for (let i = 0; i < inputs; i++) gates[i * 2 * hidden + k]! *= 0.3;
  }
  return [gates, bias, new Float32Array((known + hidden) * 2 * features), new Float32Array(2 * features)];
}

/**
 * The network over `steps` steps of `lanes` sequences side by side; row t·lanes + b of every buffer is step t of
 * lane b. The products are the backend's, the recurrence is a plain loop with the stream's own step.
 */
export class SequenceNetwork {
  /** standardised features, then what is known */
  readonly inputs: Float32Array;
  /** feature minus autoregression, in units of its spread */
  readonly base: Float32Array;
  /** 1 where a sequence begins */
  readonly resets: Uint8Array;
  /** 1 where the error counts */
  readonly counts: Uint8Array;
  /** out of `forward`: errors in units of the predicted spread */
  readonly errors: Float32Array;
  private readonly gates: Float32Array;
  private readonly pasts: Float32Array;
  private readonly outputs: Float32Array;
  private readonly toGates: Float32Array;
  private readonly toOutputs: Float32Array;
  private readonly toPasts: Float32Array;
  private readonly width: number;
  private readonly past: number;

  constructor(
    private readonly tf: Tf,
    private readonly shape: SequenceShape,
    capacity: number,
  ) {
    const { features, known, hidden } = shape;
    this.width = features + known;
    this.past = known + hidden;
    const of = (columns: number) => new Float32Array(capacity * columns);
    this.inputs = of(this.width);
    this.base = of(features);
    this.resets = new Uint8Array(capacity);
    this.counts = new Uint8Array(capacity);
    this.errors = of(features);
    this.gates = of(2 * hidden);
    this.pasts = of(this.past);
    this.outputs = of(2 * features);
    this.toGates = of(2 * hidden);
    this.toOutputs = of(2 * features);
    this.toPasts = of(this.past);
  }

  /** `h` (lanes x hidden) is carried on; returns the loss and over how many numbers it was summed */
  forward(
    parameters: SequenceParameters,
    steps: number,
    lanes: number,
    h: Float32Array,
  ): { loss: number; numbers: number } {
    const { features: d, known, hidden } = this.shape;
    const { inputs, pasts, width, past, outputs, errors, base } = this;
    const rows = steps * lanes;
    this.product(inputs, rows, width, parameters[0], parameters[1], 2 * hidden, this.gates);
    for (let i = 0; i < rows; i++) {
      const lane = (i % lanes) * hidden;
      if (this.resets[i]) h.fill(0, lane, lane + hidden);
      for (let j = 0; j < known; j++) pasts[i * past + j] = inputs[i * width + d + j]!;
      for (let j = 0; j < hidden; j++) pasts[i * past + known + j] = h[lane + j]!;
      advance(h, lane, hidden, this.gates, i * 2 * hidden);
    }
    this.product(pasts, rows, past, parameters[2], parameters[3], 2 * d, outputs);
    let loss = 0;
    let numbers = 0;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < d; j++) {
        const sharp = sharpness(outputs[i * 2 * d + d + j]!);
        const y = (base[i * d + j]! - outputs[i * 2 * d + j]!) * sharp;
        errors[i * d + j] = y;
        if (!this.counts[i]) continue;
        const size = Math.abs(y);
        loss += (size < PULL ? 0.5 * y * y : PULL * (size - PULL / 2)) - Math.log(sharp);
      }
      if (this.counts[i]) numbers += d;
    }
    return { loss, numbers };
  }

  /** gradients of the mean loss of the last `forward`, truncated at the chunk's beginning */
  backward(
    parameters: SequenceParameters,
    steps: number,
    lanes: number,
    numbers: number,
    gradients: SequenceParameters,
  ): void {
    const { hidden, features: d } = this.shape;
    const { tf, width, past } = this;
    const rows = steps * lanes;
    this.outputGradients(rows, numbers);
    const readout = tf.tidy(() => {
      const back = tf.tensor2d(this.toOutputs.subarray(0, rows * 2 * d), [rows, 2 * d]);
      const pasts = tf.tensor2d(this.pasts.subarray(0, rows * past), [rows, past]);
      const weights = tf.tensor2d(parameters[2], [past, 2 * d]);
      return [tf.matMul(pasts, back, true, false), tf.sum(back, 0), tf.matMul(back, weights, false, true)];
    });
    this.collect(readout, [gradients[2], gradients[3], this.toPasts]);
    this.gateGradients(rows, lanes);
    const gates = tf.tidy(() => {
      const back = tf.tensor2d(this.toGates.subarray(0, rows * 2 * hidden), [rows, 2 * hidden]);
      const inputs = tf.tensor2d(this.inputs.subarray(0, rows * width), [rows, width]);
      return [tf.matMul(inputs, back, true, false), tf.sum(back, 0)];
    });
    this.collect(gates, [gradients[0], gradients[1]]);
  }

  private outputGradients(rows: number, numbers: number): void {
    const { features: d } = this.shape;
    const { toOutputs, outputs, errors } = this;
    const unit = 1 / Math.max(numbers, 1);
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < d; j++) {
        const at = i * 2 * d + j;
        if (!this.counts[i]) {
          toOutputs[at] = 0;
          toOutputs[at + d] = 0;
          continue;
        }
        const v = outputs[at + d]!;
        const y = errors[i * d + j]!;
        const pull = y < PULL ? Math.max(y, -PULL) : PULL;
        toOutputs[at] = -pull * sharpness(v) * unit;
        // d sharpness / dv = sharpness / (1 + v/4); none where v is clipped
        toOutputs[at + d] = v < NARROWEST && v > WIDEST ? ((pull * y - 1) / (1 + v / 4)) * unit : 0;
      }
  }

  /** backwards through h <- h + z (c - h) */
  private gateGradients(rows: number, lanes: number): void {
    const { known, hidden } = this.shape;
    const { past, pasts, gates, toGates, toPasts } = this;
    const later = new Float64Array(lanes * hidden);
    for (let i = rows - 1; i >= 0; i--) {
      const lane = (i % lanes) * hidden;
      for (let j = 0; j < hidden; j++) {
        const at = i * 2 * hidden + j;
        const z = openness(gates[at]!);
        const flow = later[lane + j]!;
        const pull = gates[at + hidden]! - pasts[i * past + known + j]!;
        toGates[at] = z > 0 && z < 1 ? flow * pull * GATE_SLOPE : 0;
        toGates[at + hidden] = flow * z;
        later[lane + j] = this.resets[i] ? 0 : flow * (1 - z) + toPasts[i * past + known + j]!;
      }
    }
  }

  private product(
    x: Float32Array,
    rows: number,
    cols: number,
    weights: Float32Array,
    bias: Float32Array,
    width: number,
    out: Float32Array,
  ): void {
    const { tf } = this;
    const result = tf.tidy(() => {
      const input: Tensor2D = tf.tensor2d(x.subarray(0, rows * cols), [rows, cols]);
      return dense(tf, input, tf.tensor2d(weights, [cols, width]), tf.tensor1d(bias));
    });
    this.collect([result], [out]);
  }

  private collect(tensors: readonly Tensor[], out: readonly Float32Array[]): void {
    tensors.forEach((tensor, i) => {
      readInto(this.tf, tensor, out[i]!);
      tensor.dispose();
    });
  }
}
