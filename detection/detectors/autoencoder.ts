import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { Contribution, Detector, DetectorBatch, StateBlock, Weights } from '../contract.js';
import { dense, grown, readInto, type Tf } from './tensor-io.js';
import { sizeOf, weight } from './weights.js';
import { strongest, whitenedShares } from './whitened-share.js';

/** Inputs are held within so many deviations of the training mean. */
export const CLIP = 50;
/** a score beyond every plausible one, so that sums of scores stay finite */
const HIGHEST = 1e9;

/**
 * Denoising autoencoder over the entity's last `window` rows z (standardised, newest first). What the first
 * principal components don't carry is reconstructed by a small network on top of the linear skip; the residual
 *   e = z - (I - P) net(z)
 * (the minor components' error together with the distance inside the principal ones) is whitened by its
 * cross-validated covariance: score = |white(e)|² / dim. All that is linear is folded into two matrices, so a
 * batch takes five small products: u = x·white + offset - relu-net(x)·correction.
 * Before an entity's first row its first row is taken to have stood still.
 */
export class Autoencoder implements Detector {
  readonly name = 'autoencoder';
  readonly group = 'joint';
  readonly stateSize: number;
  readonly window: number;
  /** rows until the window is full of the entity's own */
  readonly warmUp: number;
  readonly features: number;
  private readonly dim: number;
  private readonly white: Float32Array;
  private readonly lowest: Float32Array;
  private readonly middle: Float32Array;
  private readonly highest: Float32Array;
  private readonly tensors: Record<'white' | 'correction' | 'w1' | 'w2' | 'w3', Tensor2D> &
    Record<'offset' | 'b1' | 'b2' | 'b3' | 'none', Tensor>;
  private input: Float32Array = new Float32Array(0);
  private linear: Float32Array = new Float32Array(0);
  private network: Float32Array = new Float32Array(0);

  private constructor(
    private readonly weights: Weights,
    private readonly tf: Tf,
  ) {
    this.features = sizeOf(weights, 'mean', 0);
    this.dim = sizeOf(weights, 'white', 0);
    this.window = this.dim / this.features;
    if (!Number.isInteger(this.window))
      throw new Error(
        `the model's "white" has ${this.dim} rows, no multiple of its ${this.features} features: train it again`,
      );
    this.warmUp = this.window - 1;
    this.stateSize = this.window > 1 ? 2 + (this.window - 1) * this.features : 0;
    const { dim } = this;
    const [wide, narrow] = [sizeOf(weights, 'w1', 1), sizeOf(weights, 'w2', 1)];
    this.middle = weight(weights, 'mean', [this.features]);
    const deviation = weight(weights, 'deviation', [this.features]);
    this.lowest = this.middle.map((value, j) => value - CLIP * deviation[j]!);
    this.highest = this.middle.map((value, j) => value + CLIP * deviation[j]!);
    this.white = weight(weights, 'white', [dim, dim]);
    const matrix = (name: string, rows: number, cols: number) =>
      tf.tensor2d(weight(weights, name, [rows, cols]), [rows, cols]);
    const vector = (name: string, size: number) => tf.tensor1d(weight(weights, name, [size]));
    this.tensors = {
      white: matrix('white', dim, dim),
      offset: vector('offset', dim),
      w1: matrix('w1', dim, wide),
      b1: vector('b1', wide),
      w2: matrix('w2', wide, narrow),
      b2: vector('b2', narrow),
      w3: matrix('w3', narrow, wide),
      b3: vector('b3', wide),
      correction: matrix('correction', wide, dim),
      none: tf.zeros([dim]),
    };
  }

  static fromWeights(weights: Weights, tf: Tf): Autoencoder {
    return new Autoencoder(weights, tf);
  }

  toWeights(): Weights {
    return this.weights;
  }

  initState(state: StateBlock, slot: number): void {
    const at = slot * state.stride + state.offset;
    state.data.fill(0, at, at + this.stateSize);
  }

  score(batch: DetectorBatch, state: StateBlock, out: Float32Array): void {
    const { dim } = this;
    const { size } = batch;
    if (size === 0) return;
    if (batch.features !== this.features)
      throw new RangeError(
        `the autoencoder learnt ${this.features} features and was given ${batch.features}`,
      );
    this.input = grown(this.input, size * dim);
    this.linear = grown(this.linear, size * dim);
    this.network = grown(this.network, size * dim);
    this.gather(batch, state);
    this.forward(size);
    const { linear, network } = this;
    for (let i = 0, at = 0; i < size; i++) {
      let sum = 0;
      for (const end = at + dim; at < end; at++) {
        const u = linear[at]! - network[at]!;
        linear[at] = u;
        sum += u * u;
      }
      out[i] = sum < HIGHEST * dim ? sum / dim : HIGHEST;
    }
  }

  explain(row: number, most: number): Contribution[] {
    const { dim, features, window } = this;
    const u = this.linear.subarray(row * dim, (row + 1) * dim);
    const groups = Array.from({ length: features }, (_, j) =>
      Array.from({ length: window }, (_, lag) => lag * features + j),
    );
    const observed = (j: number) => this.input[row * dim + j]!;
    return strongest(whitenedShares(this.white, u, groups), most, observed, () => 1);
  }

  dispose(): void {
    for (const tensor of Object.values(this.tensors)) tensor.dispose();
  }

  /** Writes each row's window to the input and moves the row into its entity's ring: [filled, next, rows...]. */
  private gather(batch: DetectorBatch, state: StateBlock): void {
    const { dim, features, window, input, lowest, middle, highest } = this;
    const kept = window - 1;
    const { x, slots } = batch;
    const { data } = state;
    for (let i = 0; i < batch.size; i++) {
      const to = i * dim;
      const from = i * features;
      for (let j = 0; j < features; j++) {
        const value = x[from + j]!;
        const low = lowest[j]!;
        const high = highest[j]!;
        input[to + j] = value >= low ? Math.min(value, high) : value < low ? low : middle[j]!;
      }
      if (kept === 0) continue;
      const base = slots[i]! * state.stride + state.offset;
      const filled = data[base]!;
      const next = data[base + 1]!;
      for (let lag = 1; lag <= kept; lag++) {
        const back = Math.min(lag, filled);
        const target = to + lag * features;
        const ring = base + 2 + ((next - back + kept) % kept) * features;
        if (back === 0) input.copyWithin(target, to, to + features);
        else for (let j = 0; j < features; j++) input[target + j] = data[ring + j]!;
      }
      const ring = base + 2 + next * features;
      for (let j = 0; j < features; j++) data[ring + j] = input[to + j]!;
      data[base] = filled < kept ? filled + 1 : kept;
      data[base + 1] = (next + 1) % kept;
    }
  }

  private forward(size: number): void {
    const { tf, tensors: t, dim } = this;
    let linear: Tensor2D | undefined;
    let network: Tensor2D | undefined;
    tf.tidy(() => {
      const x = tf.tensor2d(this.input.subarray(0, size * dim), [size, dim]);
      const h1 = dense(tf, x, t.w1, t.b1, 'relu');
      const h2 = dense(tf, h1, t.w2, t.b2, 'relu');
      const h3 = dense(tf, h2, t.w3, t.b3, 'relu');
      linear = tf.keep(dense(tf, x, t.white, t.offset));
      network = tf.keep(dense(tf, h3, t.correction, t.none));
    });
    readInto(tf, linear!, this.linear);
    readInto(tf, network!, this.network);
    linear!.dispose();
    network!.dispose();
  }
}
