import type { Tensor3D } from '@tensorflow/tfjs-core';
import type { Contribution, Detector, DetectorBatch, StateBlock, Weights } from '../contract.js';
import { type Dense, InputRows, valuesOf } from './dense.js';
import { sharpnessWithin } from './sequence-cell.js';
import { Known } from './sequence-known.js';
import { flowLayer, gatesLayer, narrowingLayer, shapeOf, shiftLayer, whiteLayer } from './sequence-layers.js';
import { recur, sharpen, standardise } from './sequence-rows.js';
import type { Tf } from './tensor-io.js';
import { evidenceWeight, weight } from './weights.js';
import { strongest, whitenedShares } from './whitened-share.js';

const HIGHEST = 1e9;
/** floats in a line of the cache */
const LINE = 16;

/**
 * Predicts an event's features from what the entity did before: a linear autoregression on its last event or its last
 * two and on what is known beforehand (time, gap, domain), and on top of it a minGRU whose readout, zero before
 * training, corrects the mean and gives each feature's spread. The error in units of that spread is whitened:
 * score = |white(error)|² / features. State of an entity: [count, h, what its events so far make of the next one by
 * the autoregression; with two lags also what the last one makes of the one after]. So nothing of the past is
 * multiplied again: products of the rows of a batch give all gates and their parts in the predictions to come, and a
 * loop in arrival order carries h and those parts on: where batches are cut changes nothing.
 */
export class Sequence implements Detector {
  readonly name = 'sequence';
  readonly group = 'joint';
  readonly weight: number;
  /** the second way of keeping the past */
  readonly stateVersion = 2;
  readonly stateSize: number;
  /** the autoregression needs two events */
  readonly warmUp = 2;
  readonly features: number;
  readonly hidden: number;
  private readonly lags: 1 | 2;
  private readonly known: Known;
  // as doubles, which the loops count in: a float would be converted at every look
  private readonly mean: Float64Array;
  private readonly deviation: Float64Array;
  private readonly perDeviation: Float64Array;
  private readonly perSpread: Float64Array;
  private readonly white: Float32Array;
  private readonly layers: Record<'gates' | 'flow' | 'shift' | 'narrowing' | 'white', Dense>;
  private readonly inputs: InputRows;
  private readonly memories: InputRows;
  private readonly errors: InputRows;
  /** how many events of its entity came before each row, 2 for more */
  private seen = new Uint8Array(0);
  /** of the batch scored last, for explain */
  private last: { readonly narrowing: Tensor3D; readonly whitened: Tensor3D } | undefined;

  private constructor(
    private readonly weights: Weights,
    private readonly tf: Tf,
  ) {
    this.weight = evidenceWeight(weights);
    this.known = Known.fromWeights(weights);
    const k = this.known.size;
    const shape = shapeOf(weights, k);
    const { features: d, hidden, lags } = shape;
    this.features = d;
    this.hidden = hidden;
    this.lags = lags;
    this.stateSize = 1 + hidden + lags * d;
    const deviation = weight(weights, 'deviation', [d]);
    this.mean = Float64Array.from(weight(weights, 'mean', [d]));
    this.deviation = Float64Array.from(deviation);
    this.perDeviation = Float64Array.from(deviation.map((value) => 1 / value));
    this.perSpread = Float64Array.from(weight(weights, 'spread', [d]).map((value) => 1 / value));
    this.white = weight(weights, 'white', [d, d]);
    this.layers = {
      gates: gatesLayer(weights, shape, tf),
      flow: flowLayer(weights, shape, tf),
      shift: shiftLayer(weights, shape, tf),
      narrowing: narrowingLayer(weights, shape, tf),
      white: whiteLayer(weights, shape, tf),
    };
    this.inputs = new InputRows(tf, d + k);
    this.memories = new InputRows(tf, k + hidden);
    this.errors = new InputRows(tf, d);
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
    const { features: d, layers } = this;
    if (size === 0) return;
    if (batch.features !== d)
      throw new RangeError(`the sequence model learnt ${d} features and was given ${batch.features}`);
    this.forget();
    if (this.seen.length < size) this.seen = new Uint8Array(Math.ceil(size * 1.25));
    const made: Tensor3D[] = [];
    try {
      const run = (layer: Dense, x: Tensor3D) => {
        made.push(layer.run(x));
        return made[made.length - 1]!;
      };
      // All three before any is written: whatever is made may move the memory.
      for (const rows of [this.memories, this.errors, this.inputs]) rows.begin(size);
      this.count(batch, state);
      this.gather(batch);
      this.recur(batch, state, run(layers.gates, this.inputs.tensor), run(layers.flow, this.inputs.tensor));
      const shift = run(layers.shift, this.memories.tensor);
      const narrowing = run(layers.narrowing, this.memories.tensor);
      this.judge(size, shift, narrowing);
      const whitened = run(layers.white, this.errors.tensor);
      this.sum(size, whitened, out);
      this.last = { narrowing, whitened };
    } finally {
      for (const tensor of made)
        if (tensor !== this.last?.narrowing && tensor !== this.last?.whitened) tensor.dispose();
    }
  }

  explain(row: number, most: number): Contribution[] {
    const { features: d, known, last, tf } = this;
    if (last === undefined) return [];
    const u = valuesOf(tf, last.whitened).slice(row * d, (row + 1) * d);
    const narrowing = valuesOf(tf, last.narrowing).slice(row * d, (row + 1) * d);
    const inputs = this.inputs.values;
    const groups = Array.from({ length: d }, (_, j) => [j]);
    const standing = (j: number) => inputs[row * (d + known.size) + j]!;
    const observed = (j: number) => standing(j) * this.deviation[j]! + this.mean[j]!;
    const unit = (j: number) => this.deviation[j]! / (this.perSpread[j]! * sharpnessWithin(narrowing[j]!));
    return strongest(whitenedShares(this.white, u, groups), most, observed, unit, standing);
  }

  dispose(): void {
    this.forget();
    for (const part of [...Object.values(this.layers), this.inputs, this.memories, this.errors])
      part.dispose();
  }

  private forget(): void {
    this.last?.narrowing.dispose();
    this.last?.whitened.dispose();
    this.last = undefined;
  }

  /**
   * Counts the rows' entities on. The state of 100,000 entities lies outside of the caches, and a loop as short as this
   * one has many of its rows under way at once: so it looks at all that `recur` will want of them.
   */
  private count({ slots, size }: DetectorBatch, { data, stride, offset }: StateBlock): void {
    const { seen, stateSize } = this;
    for (let i = 0; i < size; i++) {
      const base = slots[i]! * stride + offset;
      const count = data[base]!;
      let ahead = 0;
      for (let line = LINE; line < stateSize; line += LINE) ahead += data[base + line]!;
      // Kept alive by being used: a sum that nobody wants would not be read.
      seen[i] = ahead === Number.POSITIVE_INFINITY ? 2 : count;
      if (count < 2) data[base] = count + 1;
    }
  }

  /** What each row's products take: the row, standardised, with what is known of it. */
  private gather({ x, size, hoursOfWeek, gaps, domains }: DetectorBatch): void {
    const { features: d, hidden, known, seen } = this;
    const k = known.size;
    const inputs = this.inputs.values;
    const memories = this.memories.values;
    standardise(x, size, this.mean, this.perDeviation, inputs, d + k);
    for (let i = 0, to = d; i < size; i++, to += d + k) {
      known.write(inputs, to, hoursOfWeek[i]!, gaps[i]!, domains[i]!, seen[i]!);
      const memory = i * (k + hidden);
      for (let j = 0; j < k; j++) memories[memory + j] = inputs[to + j]!;
    }
  }

  private recur({ slots, size }: DetectorBatch, state: StateBlock, gates: Tensor3D, flow: Tensor3D): void {
    const { features, hidden, lags, perSpread, tf } = this;
    const known = this.known.size;
    recur({
      slots,
      size,
      state,
      hidden,
      lags,
      inputs: this.inputs.values,
      inputWidth: features + known,
      perSpread,
      gates: valuesOf(tf, gates),
      flow: valuesOf(tf, flow),
      memories: this.memories.values,
      memoryWidth: known + hidden,
      errors: this.errors.values,
    });
  }

  /** errors in units of each feature's spread, as it was predicted */
  private judge(size: number, shiftOf: Tensor3D, narrowingOf: Tensor3D): void {
    const { tf } = this;
    const errors = this.errors.values;
    const shift = valuesOf(tf, shiftOf);
    const narrowing = valuesOf(tf, narrowingOf);
    sharpen(errors, shift, narrowing, size * this.features);
  }

  private sum(size: number, whitened: Tensor3D, out: Float32Array): void {
    const { features: d } = this;
    const values = valuesOf(this.tf, whitened);
    for (let i = 0, at = 0; i < size; i++) {
      let sum = 0;
      for (const end = at + d; at < end; at++) sum += values[at]! * values[at]!;
      out[i] = sum < HIGHEST * d ? sum / d : HIGHEST;
    }
  }
}
