import type { Tensor3D } from '@tensorflow/tfjs-core';
import type { Contribution, Detector, DetectorBatch, StateBlock, Weights } from '../contract.js';
import { Dense, InputRows, valuesOf } from './dense.js';
import type { Tf } from './tensor-io.js';
import { evidenceWeight, sizeOf, weight } from './weights.js';
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
  readonly weight: number;
  readonly stateSize: number;
  readonly window: number;
  /** rows until the window is full of the entity's own */
  readonly warmUp: number;
  readonly features: number;
  private readonly dim: number;
  private readonly white: Float32Array;
  private readonly lowest: Float32Array;
  private readonly middle: Float32Array;
  private readonly deviation: Float32Array;
  private readonly highest: Float32Array;
  /** what lies between this and its negative is within the bounds of every feature */
  private readonly reach: number;
  private readonly layers: Record<'white' | 'first' | 'second' | 'third' | 'correction', Dense>;
  private readonly input: InputRows;
  /** what makes the whitened residuals of the batch scored last, for explain */
  private last: { readonly linear: Tensor3D; readonly network: Tensor3D } | undefined;

  private constructor(
    private readonly weights: Weights,
    private readonly tf: Tf,
  ) {
    this.weight = evidenceWeight(weights);
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
    this.deviation = weight(weights, 'deviation', [this.features]);
    this.lowest = this.middle.map((value, j) => value - CLIP * this.deviation[j]!);
    this.highest = this.middle.map((value, j) => value + CLIP * this.deviation[j]!);
    const reaches = this.highest.map((high, j) => Math.min(high, -this.lowest[j]!));
    this.reach = Math.max(
      0,
      reaches.reduce((least, one) => Math.min(least, one), Infinity),
    );
    this.white = weight(weights, 'white', [dim, dim]);
    const layer = (name: string, rows: number, cols: number, bias?: string, activation?: 'relu') =>
      new Dense(
        tf,
        weight(weights, name, [rows, cols]),
        rows,
        cols,
        bias === undefined ? undefined : weight(weights, bias, [cols]),
        activation,
      );
    this.layers = {
      white: layer('white', dim, dim, 'offset'),
      first: layer('w1', dim, wide, 'b1', 'relu'),
      second: layer('w2', wide, narrow, 'b2', 'relu'),
      third: layer('w3', narrow, wide, 'b3', 'relu'),
      correction: layer('correction', wide, dim),
    };
    this.input = new InputRows(tf, dim);
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
    this.forget();
    this.gather(batch, state, this.input.begin(size));
    this.last = this.forward(this.input.tensor);
    const linear = valuesOf(this.tf, this.last.linear);
    const network = valuesOf(this.tf, this.last.network);
    for (let i = 0, at = 0; i < size; i++) {
      let sum = 0;
      const end = at + dim;
      for (; at + 3 < end; at += 4) {
        const u0 = linear[at]! - network[at]!;
        const u1 = linear[at + 1]! - network[at + 1]!;
        const u2 = linear[at + 2]! - network[at + 2]!;
        const u3 = linear[at + 3]! - network[at + 3]!;
        sum += u0 * u0 + u1 * u1 + u2 * u2 + u3 * u3;
      }
      for (; at < end; at++) {
        const u = linear[at]! - network[at]!;
        sum += u * u;
      }
      out[i] = sum < HIGHEST * dim ? sum / dim : HIGHEST;
    }
  }

  explain(row: number, most: number): Contribution[] {
    const { dim, features, window, last, tf } = this;
    if (last === undefined) return [];
    const u = valuesOf(tf, last.linear).slice(row * dim, (row + 1) * dim);
    const network = valuesOf(tf, last.network);
    for (let j = 0; j < dim; j++) u[j]! -= network[row * dim + j]!;
    const input = this.input.values;
    const groups = Array.from({ length: features }, (_, j) =>
      Array.from({ length: window }, (_, lag) => lag * features + j),
    );
    const observed = (j: number) => input[row * dim + j]!;
    const standing = (j: number) => (observed(j) - this.middle[j]!) / this.deviation[j]!;
    return strongest(whitenedShares(this.white, u, groups), most, observed, () => 1, standing);
  }

  dispose(): void {
    this.forget();
    for (const layer of Object.values(this.layers)) layer.dispose();
    this.input.dispose();
  }

  private forget(): void {
    this.last?.linear.dispose();
    this.last?.network.dispose();
    this.last = undefined;
  }

  /** Writes each row's window to the input and moves the row into its entity's ring: [filled, next, rows...]. */
  private gather(batch: DetectorBatch, state: StateBlock, input: Float32Array): void {
    const { dim, features, window } = this;
    const kept = window - 1;
    const { x, slots } = batch;
    if (kept === 0) {
      this.copy(x.subarray(0, batch.size * features), input);
      return;
    }
    const { data } = state;
    for (let i = 0; i < batch.size; i++) {
      const to = i * dim;
      const from = i * features;
      for (let j = 0; j < features; j++) input[to + j] = this.held(x[from + j]!, j);
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

  /** The rows alone. Nearly all values lie within the bounds of all features: only the others are looked at one by one. */
  private copy(x: Float32Array, input: Float32Array): void {
    const { features, reach } = this;
    input.set(x);
    const within = reach * reach;
    let at = 0;
    // four at once: no sum of squares with one beyond the reach, or a NaN, is within it
    for (; at + 3 < x.length; at += 4) {
      const a = x[at]!;
      const b = x[at + 1]!;
      const c = x[at + 2]!;
      const d = x[at + 3]!;
      if (!(a * a + b * b + c * c + d * d < within))
        for (let i = at; i < at + 4; i++) input[i] = this.held(x[i]!, i % features);
    }
    for (; at < x.length; at++) input[at] = this.held(x[at]!, at % features);
  }

  /** A feature's value within its bounds; one that is missing is usual. */
  private held(value: number, feature: number): number {
    const low = this.lowest[feature]!;
    return value >= low ? Math.min(value, this.highest[feature]!) : value < low ? low : this.middle[feature]!;
  }

  /** the linear part of the whitened residual, and the network's; the caller disposes of them */
  private forward(x: Tensor3D): { linear: Tensor3D; network: Tensor3D } {
    const { tf, layers } = this;
    let made: { linear: Tensor3D; network: Tensor3D } | undefined;
    tf.tidy(() => {
      const narrow = layers.second.run(layers.first.run(x));
      const network = layers.correction.run(layers.third.run(narrow));
      made = { network: tf.keep(network), linear: tf.keep(layers.white.run(x)) };
    });
    return made!;
  }
}
