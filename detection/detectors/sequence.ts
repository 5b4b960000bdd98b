import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { Contribution, Detector, DetectorBatch, StateBlock, Weights } from '../contract.js';
import { advance, sharpness } from './sequence-cell.js';
import { Known } from './sequence-known.js';
import { dense, grown, readInto, type Tf } from './tensor-io.js';
import { sizeOf, weight } from './weights.js';
import { strongest, whitenedShares } from './whitened-share.js';

const CLIP = 50;
const HIGHEST = 1e9;

/**
 * Predicts an event's features from what the entity did before: a linear autoregression on its last two events
 * and on what is known beforehand (time, gap, domain), and on top of it a minGRU whose readout, zero before
 * training, corrects the mean and gives each feature's spread. The error in units of that spread is whitened:
 * score = |white(error)|² / features. State of an entity: [events seen up to 2, h, last row, the row before].
 * One product makes all gates of a batch, a loop in arrival order carries h, one product makes the predictions:
 * where batches are cut changes nothing.
 */
export class Sequence implements Detector {
  readonly name = 'sequence';
  readonly group = 'joint';
  readonly stateSize: number;
  readonly features: number;
  readonly hidden: number;
  private readonly known: Known;
  private readonly mean: Float32Array;
  private readonly deviation: Float32Array;
  private readonly perDeviation: Float32Array;
  private readonly perSpread: Float32Array;
  private readonly white: Float32Array;
  private readonly tensors: Record<'gates' | 'predict' | 'white', Tensor2D> &
    Record<'gatesBias' | 'predictBias' | 'whiteOffset', Tensor>;
  private inputs: Float32Array = new Float32Array(0);
  private gates: Float32Array = new Float32Array(0);
  private pasts: Float32Array = new Float32Array(0);
  private predicted: Float32Array = new Float32Array(0);
  private errors: Float32Array = new Float32Array(0);
  private whitened: Float32Array = new Float32Array(0);

  private constructor(
    private readonly weights: Weights,
    private readonly tf: Tf,
  ) {
    this.known = Known.fromWeights(weights);
    const d = sizeOf(weights, 'mean', 0);
    const hidden = sizeOf(weights, 'gatesBias', 0) / 2;
    const k = this.known.size;
    this.features = d;
    this.hidden = hidden;
    this.stateSize = 1 + hidden + 2 * d;
    this.mean = weight(weights, 'mean', [d]);
    this.deviation = weight(weights, 'deviation', [d]);
    this.perDeviation = this.deviation.map((value) => 1 / value);
    this.perSpread = weight(weights, 'spread', [d]).map((value) => 1 / value);
    this.white = weight(weights, 'white', [d, d]);
    const past = 2 * d + k + hidden;
    this.tensors = {
      gates: tf.tensor2d(weight(weights, 'gates', [d + k, 2 * hidden]), [d + k, 2 * hidden]),
      gatesBias: tf.tensor1d(weight(weights, 'gatesBias', [2 * hidden])),
      predict: tf.tensor2d(predictor(weights, d, k, hidden), [past, 2 * d]),
      predictBias: tf.tensor1d(predictorBias(weights, d)),
      white: tf.tensor2d(this.white, [d, d]),
      whiteOffset: tf.tensor1d(weight(weights, 'whiteOffset', [d])),
    };
  }

  static fromWeights(weights: Weights, tf: Tf): Sequence {
    return new Sequence(weights, tf);
  }

  toWeights(): Weights {
    return this.weights;
  }

  initState(state: StateBlock, slot: number): void {
    const at = slot * state.stride + state.offset;
    state.data.fill(0, at, at + this.stateSize);
  }

  score(batch: DetectorBatch, state: StateBlock, out: Float32Array): void {
    const { size } = batch;
    const { features: d, hidden, known } = this;
    if (size === 0) return;
    if (batch.features !== d)
      throw new RangeError(`the sequence model learnt ${d} features and was given ${batch.features}`);
    const past = 2 * d + known.size + hidden;
    this.inputs = grown(this.inputs, size * (d + known.size));
    this.gates = grown(this.gates, size * 2 * hidden);
    this.pasts = grown(this.pasts, size * past);
    this.predicted = grown(this.predicted, size * 2 * d);
    this.errors = grown(this.errors, size * d);
    this.whitened = grown(this.whitened, size * d);
    const { tensors: t } = this;
    this.gather(batch, state);
    this.product(this.inputs, size, d + known.size, t.gates, t.gatesBias, this.gates);
    this.recur(batch, state);
    this.product(this.pasts, size, past, t.predict, t.predictBias, this.predicted);
    this.judge(size);
    this.product(this.errors, size, d, t.white, t.whiteOffset, this.whitened);
    const { whitened } = this;
    for (let i = 0, at = 0; i < size; i++) {
      let sum = 0;
      for (const end = at + d; at < end; at++) sum += whitened[at]! * whitened[at]!;
      out[i] = sum < HIGHEST * d ? sum / d : HIGHEST;
    }
  }

  explain(row: number, most: number): Contribution[] {
    const { features: d, known } = this;
    const u = this.whitened.slice(row * d, (row + 1) * d);
    const groups = Array.from({ length: d }, (_, j) => [j]);
    const observed = (j: number) =>
      this.inputs[row * (d + known.size) + j]! * this.deviation[j]! + this.mean[j]!;
    const unit = (j: number) =>
      this.deviation[j]! / (this.perSpread[j]! * sharpness(this.predicted[row * 2 * d + d + j]!));
    return strongest(whitenedShares(this.white, u, groups), most, observed, unit);
  }

  dispose(): void {
    for (const tensor of Object.values(this.tensors)) tensor.dispose();
  }

  /** inputs of the gates: the row, standardised, and what is known of it; advances the count of events seen */
  private gather(batch: DetectorBatch, state: StateBlock): void {
    const { features: d, known, inputs, mean, perDeviation } = this;
    const width = d + known.size;
    const { x } = batch;
    for (let i = 0; i < batch.size; i++) {
      const to = i * width;
      for (let j = 0; j < d; j++) {
        const z = (x[i * d + j]! - mean[j]!) * perDeviation[j]!;
        inputs[to + j] = z <= CLIP ? Math.max(z, -CLIP) : z > CLIP ? CLIP : 0;
      }
      const base = batch.slots[i]! * state.stride + state.offset;
      const seen = state.data[base]!;
      known.write(inputs, to + d, batch.hoursOfWeek[i]!, batch.gaps[i]!, batch.domains[i]!, seen);
      if (seen < 2) state.data[base] = seen + 1;
    }
  }

  /** the loop in arrival order: what each row's prediction may see, then the row itself into the state */
  private recur(batch: DetectorBatch, state: StateBlock): void {
    const { features: d, hidden, known, inputs, gates, pasts } = this;
    const { data } = state;
    const k = known.size;
    const past = 2 * d + k + hidden;
    for (let i = 0; i < batch.size; i++) {
      const h = batch.slots[i]! * state.stride + state.offset + 1;
      const last = h + hidden;
      const before = last + d;
      const from = i * (d + k);
      const to = i * past;
      for (let j = 0; j < d; j++) {
        const recent = data[last + j]!;
        pasts[to + j] = recent;
        pasts[to + d + j] = data[before + j]!;
        data[before + j] = recent;
        data[last + j] = inputs[from + j]!;
      }
      for (let j = 0; j < k; j++) pasts[to + 2 * d + j] = inputs[from + d + j]!;
      for (let j = 0; j < hidden; j++) pasts[to + 2 * d + k + j] = data[h + j]!;
      advance(data, h, hidden, gates, i * 2 * hidden);
    }
  }

  /** errors in units of each feature's spread */
  private judge(size: number): void {
    const { features: d, known, inputs, predicted, errors, perSpread } = this;
    for (let i = 0; i < size; i++) {
      const from = i * (d + known.size);
      const at = i * 2 * d;
      for (let j = 0; j < d; j++)
        errors[i * d + j] =
          (inputs[from + j]! * perSpread[j]! - predicted[at + j]!) * sharpness(predicted[at + d + j]!);
    }
  }

  private product(
    x: Float32Array,
    rows: number,
    cols: number,
    weights: Tensor2D,
    bias: Tensor,
    out: Float32Array,
  ): void {
    const { tf } = this;
    let result: Tensor2D | undefined;
    tf.tidy(() => {
      result = tf.keep(dense(tf, tf.tensor2d(x.subarray(0, rows * cols), [rows, cols]), weights, bias));
    });
    readInto(tf, result!, out);
    result!.dispose();
  }
}

/** rows: last row, row before, known, h; columns: mean, then log-sharpness, which the autoregression leaves alone */
function predictor(weights: Weights, d: number, k: number, hidden: number): Float32Array {
  const linear = weight(weights, 'autoregression', [2 * d + k, d]);
  const readout = weight(weights, 'readout', [k + hidden, 2 * d]);
  const out = new Float32Array((2 * d + k + hidden) * 2 * d);
  for (let r = 0; r < 2 * d + k; r++) for (let j = 0; j < d; j++) out[r * 2 * d + j] = linear[r * d + j]!;
  for (let i = 0; i < readout.length; i++) out[2 * d * 2 * d + i]! += readout[i]!;
  return out;
}

function predictorBias(weights: Weights, d: number): Float32Array {
  const out = Float32Array.from(weight(weights, 'readoutBias', [2 * d]));
  const intercept = weight(weights, 'intercept', [d]);
  for (let j = 0; j < d; j++) out[j]! += intercept[j]!;
  return out;
}
