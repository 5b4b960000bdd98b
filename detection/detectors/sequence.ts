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
 * score = |white(error)|² / features. State of an entity: [count, h, its last two rows]. A few products make all
 * gates and predictions of a batch, and between them a loop in arrival order carries h: where batches are cut
 * changes nothing.
 */
export class Sequence implements Detector {
  readonly name = 'sequence';
  readonly group = 'joint';
  readonly stateSize: number;
  /** the autoregression needs two events */
  readonly warmUp = 2;
  readonly features: number;
  readonly hidden: number;
  private readonly known: Known;
  private readonly mean: Float32Array;
  private readonly deviation: Float32Array;
  private readonly perDeviation: Float32Array;
  private readonly perSpread: Float32Array;
  private readonly white: Float32Array;
  private readonly tensors: Record<'gates' | 'linear' | 'readout' | 'white', Tensor2D> &
    Record<'gatesBias' | 'none' | 'readoutBias' | 'whiteOffset', Tensor>;
  private inputs: Float32Array = new Float32Array(0);
  private gates: Float32Array = new Float32Array(0);
  private pasts: Float32Array = new Float32Array(0);
  private memories: Float32Array = new Float32Array(0);
  private linear: Float32Array = new Float32Array(0);
  private corrections: Float32Array = new Float32Array(0);
  private errors: Float32Array = new Float32Array(0);
  private whitened: Float32Array = new Float32Array(0);
  /** keeps the compiler from leaving out `touch`; never read otherwise */
  protected touched = 0;

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
    const autoregression = weight(weights, 'autoregression', [2 * d + k, d]);
    this.tensors = {
      gates: tf.tensor2d(weight(weights, 'gates', [d + k, 2 * hidden]), [d + k, 2 * hidden]),
      gatesBias: tf.tensor1d(weight(weights, 'gatesBias', [2 * hidden])),
      linear: tf.tensor2d(autoregression.slice(0, 2 * d * d), [2 * d, d]),
      none: tf.zeros([d]),
      readout: tf.tensor2d(readoutWith(weights, d, k, hidden), [k + hidden, 2 * d]),
      readoutBias: tf.tensor1d(readoutBias(weights, d)),
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
    const k = known.size;
    this.inputs = grown(this.inputs, size * (d + k));
    this.pasts = grown(this.pasts, size * 2 * d);
    this.gates = grown(this.gates, size * 2 * hidden);
    this.memories = grown(this.memories, size * (k + hidden));
    this.linear = grown(this.linear, size * d);
    this.corrections = grown(this.corrections, size * 2 * d);
    this.errors = grown(this.errors, size * d);
    this.whitened = grown(this.whitened, size * d);
    const { tensors: t } = this;
    this.touched = touch(batch, state, this.stateSize);
    this.gather(batch, state);
    this.product(this.inputs, size, d + k, t.gates, t.gatesBias, this.gates);
    this.recur(batch, state);
    this.product(this.pasts, size, 2 * d, t.linear, t.none, this.linear);
    this.product(this.memories, size, k + hidden, t.readout, t.readoutBias, this.corrections);
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
      this.deviation[j]! / (this.perSpread[j]! * sharpness(this.corrections[row * 2 * d + d + j]!));
    return strongest(whitenedShares(this.white, u, groups), most, observed, unit);
  }

  dispose(): void {
    for (const tensor of Object.values(this.tensors)) tensor.dispose();
  }

  /**
   * What each row's products take: the row, standardised, with what is known of it, and the entity's two rows
   * before, whose older one it replaces. The state's first number counts 0, 1, then 2 and 3 in turn: its parity
   * says which of the two places is the older.
   */
  private gather(batch: DetectorBatch, state: StateBlock): void {
    const { features: d, known, inputs, pasts, mean, perDeviation } = this;
    const width = d + known.size;
    const { x, slots } = batch;
    const { data } = state;
    for (let i = 0; i < batch.size; i++) {
      const base = slots[i]! * state.stride + state.offset;
      const count = data[base]!;
      const odd = (count & 1) * d;
      const older = base + 1 + this.hidden + odd;
      const newer = base + 1 + this.hidden + d - odd;
      const to = i * width;
      const past = i * 2 * d;
      const from = i * d;
      for (let j = 0; j < d; j++) {
        let z = (x[from + j]! - mean[j]!) * perDeviation[j]!;
        if (!(z <= CLIP && z >= -CLIP)) z = z > CLIP ? CLIP : z < -CLIP ? -CLIP : 0;
        pasts[past + j] = data[newer + j]!;
        pasts[past + d + j] = data[older + j]!;
        inputs[to + j] = z;
        data[older + j] = z;
      }
      data[base] = count < 3 ? count + 1 : 2;
      known.write(inputs, to + d, batch.hoursOfWeek[i]!, batch.gaps[i]!, batch.domains[i]!, count);
    }
  }

  /** the loop in arrival order: what is known of a row beside the memory that its prediction may use */
  private recur(batch: DetectorBatch, state: StateBlock): void {
    const { features: d, hidden, known, inputs, gates, memories } = this;
    const { data } = state;
    const k = known.size;
    for (let i = 0; i < batch.size; i++) {
      const h = batch.slots[i]! * state.stride + state.offset + 1;
      const from = i * (d + k) + d;
      const to = i * (k + hidden);
      for (let j = 0; j < k; j++) memories[to + j] = inputs[from + j]!;
      for (let j = 0; j < hidden; j++) memories[to + k + j] = data[h + j]!;
      advance(data, h, hidden, gates, i * 2 * hidden);
    }
  }

  /** errors in units of each feature's spread */
  private judge(size: number): void {
    const { features: d, known, inputs, linear, corrections, errors, perSpread } = this;
    const width = d + known.size;
    for (let i = 0; i < size; i++) {
      const from = i * width;
      const at = i * d;
      for (let j = 0; j < d; j++) {
        const predicted = linear[at + j]! + corrections[2 * at + j]!;
        errors[at + j] =
          (inputs[from + j]! * perSpread[j]! - predicted) * sharpness(corrections[2 * at + d + j]!);
      }
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

/**
 * Reads a number of every cache line of the states that a batch needs. These loads don't wait for each other, so the
 * memory serves many at a time; in the loops below each row would wait for its own.
 */
function touch(batch: DetectorBatch, state: StateBlock, size: number): number {
  const { data, stride, offset } = state;
  let sum = 0;
  for (let i = 0; i < batch.size; i++) {
    const base = batch.slots[i]! * stride + offset;
    for (let j = 0; j < size; j += 16) sum += data[base + j]!;
  }
  return Number.isNaN(sum) ? 0 : sum;
}

/** The autoregression's part on what is known goes into the readout, which takes that as well: [known, h] -> mean, sharpness. */
function readoutWith(weights: Weights, d: number, k: number, hidden: number): Float32Array {
  const out = Float32Array.from(weight(weights, 'readout', [k + hidden, 2 * d]));
  const linear = weight(weights, 'autoregression', [2 * d + k, d]);
  for (let r = 0; r < k; r++) for (let j = 0; j < d; j++) out[r * 2 * d + j]! += linear[(2 * d + r) * d + j]!;
  return out;
}

function readoutBias(weights: Weights, d: number): Float32Array {
  const out = Float32Array.from(weight(weights, 'readoutBias', [2 * d]));
  const intercept = weight(weights, 'intercept', [d]);
  for (let j = 0; j < d; j++) out[j]! += intercept[j]!;
  return out;
}
