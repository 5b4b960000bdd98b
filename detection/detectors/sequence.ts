import type { Tensor3D } from '@tensorflow/tfjs-core';
import type { Contribution, Detector, DetectorBatch, StateBlock, Weights } from '../contract.js';
import { HELD_SQUARE, hold } from '../features/hold.js';
import { type Dense, InputRows, valuesOf } from './dense.js';
import { GATE_SLOPE, sharpnessWithin } from './sequence-cell.js';
import { Known } from './sequence-known.js';
import { flowLayer, gatesLayer, narrowingLayer, shapeOf, shiftLayer, whiteLayer } from './sequence-layers.js';
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
    const { features: d, hidden, known, mean, perDeviation, seen } = this;
    const k = known.size;
    const inputs = this.inputs.values;
    const memories = this.memories.values;
    let to = 0;
    let from = 0;
    for (let i = 0; i < size; i++) {
      let squares = 0;
      let j = 0;
      for (; j + 3 < d; j += 4) {
        const z0 = (x[from + j]! - mean[j]!) * perDeviation[j]!;
        const z1 = (x[from + j + 1]! - mean[j + 1]!) * perDeviation[j + 1]!;
        const z2 = (x[from + j + 2]! - mean[j + 2]!) * perDeviation[j + 2]!;
        const z3 = (x[from + j + 3]! - mean[j + 3]!) * perDeviation[j + 3]!;
        inputs[to + j] = z0;
        inputs[to + j + 1] = z1;
        inputs[to + j + 2] = z2;
        inputs[to + j + 3] = z3;
        squares += z0 * z0 + z1 * z1 + z2 * z2 + z3 * z3;
      }
      for (; j < d; j++) {
        const z = (x[from + j]! - mean[j]!) * perDeviation[j]!;
        inputs[to + j] = z;
        squares += z * z;
      }
      if (!(squares < HELD_SQUARE)) hold(inputs, to, to + d);
      to += d;
      from += d;
      known.write(inputs, to, hoursOfWeek[i]!, gaps[i]!, domains[i]!, seen[i]!);
      const memory = i * (k + hidden);
      for (j = 0; j < k; j++) memories[memory + j] = inputs[to + j]!;
      to += k;
    }
  }

  /**
   * The loop in arrival order: the memory that a row's readout may use (see advance()), and its error by the
   * autoregression alone.
   */
  private recur(batch: DetectorBatch, state: StateBlock, gatesOf: Tensor3D, flowOf: Tensor3D): void {
    const { features: d, hidden, lags, perSpread, tf } = this;
    const { slots, size } = batch;
    const { data, stride, offset } = state;
    const k = this.known.size;
    const memories = this.memories.values;
    const errors = this.errors.values;
    const inputs = this.inputs.values;
    const gates = valuesOf(tf, gatesOf);
    const flow = valuesOf(tf, flowOf);
    let at = 0;
    let gate = 0;
    let row = 0;
    for (let i = 0; i < size; i++) {
      const to = i * (k + hidden) + k;
      let h = slots[i]! * stride + offset + 1;
      let j = 0;
      for (; j + 3 < hidden; j += 4) {
        memories[to + j] = data[h + j]!;
        memories[to + j + 1] = data[h + j + 1]!;
        memories[to + j + 2] = data[h + j + 2]!;
        memories[to + j + 3] = data[h + j + 3]!;
        data[h + j] = moved(data[h + j]!, gates[gate + j]!, flow[at + j]!);
        data[h + j + 1] = moved(data[h + j + 1]!, gates[gate + j + 1]!, flow[at + j + 1]!);
        data[h + j + 2] = moved(data[h + j + 2]!, gates[gate + j + 2]!, flow[at + j + 2]!);
        data[h + j + 3] = moved(data[h + j + 3]!, gates[gate + j + 3]!, flow[at + j + 3]!);
      }
      for (; j < hidden; j++) {
        memories[to + j] = data[h + j]!;
        data[h + j] = moved(data[h + j]!, gates[gate + j]!, flow[at + j]!);
      }
      h += hidden;
      at += hidden;
      gate += hidden;
      const from = i * (d + k);
      for (j = 0; j + 3 < d; j += 4) {
        errors[row + j] = inputs[from + j]! * perSpread[j]! - data[h + j]!;
        errors[row + j + 1] = inputs[from + j + 1]! * perSpread[j + 1]! - data[h + j + 1]!;
        errors[row + j + 2] = inputs[from + j + 2]! * perSpread[j + 2]! - data[h + j + 2]!;
        errors[row + j + 3] = inputs[from + j + 3]! * perSpread[j + 3]! - data[h + j + 3]!;
      }
      for (; j < d; j++) errors[row + j] = inputs[from + j]! * perSpread[j]! - data[h + j]!;
      row += d;
      if (lags === 1) {
        for (j = 0; j + 3 < d; j += 4) {
          data[h + j] = flow[at + j]!;
          data[h + j + 1] = flow[at + j + 1]!;
          data[h + j + 2] = flow[at + j + 2]!;
          data[h + j + 3] = flow[at + j + 3]!;
        }
        for (; j < d; j++) data[h + j] = flow[at + j]!;
        at += d;
        continue;
      }
      for (let j = 0; j < d; j++) data[h + j] = data[h + d + j]! + flow[at + j]!;
      at += d;
      for (let j = 0; j < d; j++) data[h + d + j] = flow[at++]!;
    }
  }

  /** errors in units of each feature's spread, as it was predicted */
  private judge(size: number, shiftOf: Tensor3D, narrowingOf: Tensor3D): void {
    const { tf } = this;
    const errors = this.errors.values;
    const shift = valuesOf(tf, shiftOf);
    const narrowing = valuesOf(tf, narrowingOf);
    const end = size * this.features;
    let at = 0;
    // Four at a time: with so little to do in each, a turn of the loop costs as much as what is in it.
    for (; at + 3 < end; at += 4) {
      errors[at] = (errors[at]! - shift[at]!) * sharpnessWithin(narrowing[at]!);
      errors[at + 1] = (errors[at + 1]! - shift[at + 1]!) * sharpnessWithin(narrowing[at + 1]!);
      errors[at + 2] = (errors[at + 2]! - shift[at + 2]!) * sharpnessWithin(narrowing[at + 2]!);
      errors[at + 3] = (errors[at + 3]! - shift[at + 3]!) * sharpnessWithin(narrowing[at + 3]!);
    }
    for (; at < end; at++) errors[at] = (errors[at]! - shift[at]!) * sharpnessWithin(narrowing[at]!);
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

/** a memory moved towards its candidate, as far as the gate is open (in sixths) */
function moved(held: number, gate: number, candidate: number): number {
  return held + gate * GATE_SLOPE * (candidate - held);
}
