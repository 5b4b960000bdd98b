import type { Tensor3D } from '@tensorflow/tfjs-core';
import type { Contribution, Detector, DetectorBatch, StateBlock, Weights } from '../contract.js';
import { Dense, InputRows, valuesOf } from './dense.js';
import { GATE_SLOPE, sharpness } from './sequence-cell.js';
import { Known } from './sequence-known.js';
import { grown, type Tf } from './tensor-io.js';
import { evidenceWeight, sizeOf, weight } from './weights.js';
import { strongest, whitenedShares } from './whitened-share.js';

const CLIP = 50;
const HIGHEST = 1e9;

/**
 * Predicts an event's features from what the entity did before: a linear autoregression on its last two events
 * and on what is known beforehand (time, gap, domain), and on top of it a minGRU whose readout, zero before
 * training, corrects the mean and gives each feature's spread. The error in units of that spread is whitened:
 * score = |white(error)|² / features. State of an entity: [count, h, what its events so far make of the next one by
 * the autoregression, what the last one makes of the one after]. So nothing of the past is multiplied again: products
 * of the rows of a batch give all gates and their parts in the predictions to come, and a loop in arrival order
 * carries h and those parts on: where batches are cut changes nothing.
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
  private readonly known: Known;
  private readonly mean: Float32Array;
  private readonly deviation: Float32Array;
  private readonly perDeviation: Float32Array;
  private readonly perSpread: Float32Array;
  private readonly white: Float32Array;
  private readonly layers: Record<'gates' | 'flow' | 'readout' | 'white', Dense>;
  private readonly inputs: InputRows;
  private readonly memories: InputRows;
  private readonly errors: InputRows;
  private linear: Float32Array = new Float32Array(0);
  private whitened: Float32Array = new Float32Array(0);
  /** inverse spreads of the features as predicted, by row */
  private sharp: Float32Array = new Float32Array(0);

  private constructor(
    private readonly weights: Weights,
    private readonly tf: Tf,
  ) {
    this.weight = evidenceWeight(weights);
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
    this.layers = {
      gates: gatesLayer(weights, d, k, hidden, tf),
      flow: flowLayer(weights, d, k, hidden, tf),
      readout: new Dense(tf, readoutWith(weights, d, k, hidden), k + hidden, 2 * d, readoutBias(weights, d)),
      white: new Dense(tf, this.white, d, d, weight(weights, 'whiteOffset', [d])),
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
    this.linear = grown(this.linear, size * d);
    this.whitened = grown(this.whitened, size * d);
    this.sharp = grown(this.sharp, size * d);
    const made: Tensor3D[] = [];
    try {
      const run = (layer: Dense, x: Tensor3D) => {
        made.push(layer.run(x));
        return made[made.length - 1]!;
      };
      this.gather(batch, state, this.inputs.begin(size));
      const gates = run(layers.gates, this.inputs.tensor);
      const flow = run(layers.flow, this.inputs.tensor);
      this.recur(batch, state, gates, flow);
      this.judge(size, run(layers.readout, this.memories.tensor));
      this.sum(size, run(layers.white, this.errors.tensor), out);
    } finally {
      for (const tensor of made) tensor.dispose();
    }
  }

  explain(row: number, most: number): Contribution[] {
    const { features: d, known } = this;
    const u = this.whitened.slice(row * d, (row + 1) * d);
    const groups = Array.from({ length: d }, (_, j) => [j]);
    const inputs = this.inputs.values;
    const standing = (j: number) => inputs[row * (d + known.size) + j]!;
    const observed = (j: number) => standing(j) * this.deviation[j]! + this.mean[j]!;
    const unit = (j: number) => this.deviation[j]! / (this.perSpread[j]! * this.sharp[row * d + j]!);
    return strongest(whitenedShares(this.white, u, groups), most, observed, unit, standing);
  }

  dispose(): void {
    for (const part of [...Object.values(this.layers), this.inputs, this.memories, this.errors])
      part.dispose();
  }

  /** What each row's products take: the row, standardised, with what is known of it. */
  private gather(batch: DetectorBatch, state: StateBlock, inputs: Float32Array): void {
    const { features: d, known, mean, perDeviation } = this;
    const width = d + known.size;
    const { x, slots, size, hoursOfWeek, gaps, domains } = batch;
    const { data, stride, offset } = state;
    for (let i = 0; i < size; i++) {
      const base = slots[i]! * stride + offset;
      const to = i * width;
      const from = i * d;
      for (let j = 0; j < d; j++) {
        const z = (x[from + j]! - mean[j]!) * perDeviation[j]!;
        inputs[to + j] = z <= CLIP && z >= -CLIP ? z : z > CLIP ? CLIP : z < -CLIP ? -CLIP : 0;
      }
      const count = data[base]!;
      if (count < 2) data[base] = count + 1;
      known.write(inputs, to + d, hoursOfWeek[i]!, gaps[i]!, domains[i]!, count);
    }
  }

  /** The loop in arrival order: what is known of a row beside the memory that its prediction may use. See advance(). */
  private recur(batch: DetectorBatch, state: StateBlock, gatesOf: Tensor3D, flowOf: Tensor3D): void {
    const { features: d, hidden, linear } = this;
    const { slots, size } = batch;
    const { data, stride, offset } = state;
    const k = this.known.size;
    const memories = this.memories.begin(size);
    const inputs = this.inputs.values;
    const gates = valuesOf(this.tf, gatesOf);
    const flow = valuesOf(this.tf, flowOf);
    const flowing = hidden + 2 * d;
    for (let i = 0; i < size; i++) {
      const from = i * (d + k) + d;
      let to = i * (k + hidden);
      for (let j = 0; j < k; j++) memories[to + j] = inputs[from + j]!;
      to += k;
      const h = slots[i]! * stride + offset + 1;
      const gate = i * hidden;
      let at = i * flowing;
      for (let j = 0; j < hidden; j++) {
        const held = data[h + j]!;
        memories[to + j] = held;
        data[h + j] = held + gates[gate + j]! * GATE_SLOPE * (flow[at + j]! - held);
      }
      at += hidden;
      const next = h + hidden;
      const row = i * d;
      for (let j = 0; j < d; j++) {
        linear[row + j] = data[next + j]!;
        data[next + j] = data[next + d + j]! + flow[at + j]!;
        data[next + d + j] = flow[at + d + j]!;
      }
    }
  }

  /** errors in units of each feature's spread */
  private judge(size: number, readout: Tensor3D): void {
    const { features: d, linear, sharp, perSpread } = this;
    const width = d + this.known.size;
    const errors = this.errors.begin(size);
    const inputs = this.inputs.values;
    const corrections = valuesOf(this.tf, readout);
    for (let i = 0; i < size; i++) {
      const from = i * width;
      const at = i * d;
      for (let j = 0; j < d; j++) {
        const predicted = linear[at + j]! + corrections[2 * at + j]!;
        const sharper = sharpness(corrections[2 * at + d + j]!);
        sharp[at + j] = sharper;
        errors[at + j] = (inputs[from + j]! * perSpread[j]! - predicted) * sharper;
      }
    }
  }

  private sum(size: number, white: Tensor3D, out: Float32Array): void {
    const { features: d, whitened } = this;
    const values = valuesOf(this.tf, white);
    for (let i = 0, at = 0; i < size; i++) {
      let sum = 0;
      for (const end = at + d; at < end; at++) {
        const value = values[at]!;
        whitened[at] = value;
        sum += value * value;
      }
      out[i] = sum < HIGHEST * d ? sum / d : HIGHEST;
    }
  }
}

/** How far the gates are open, in sixths: clamp(a/6 + 1/2, 0, 1) is a rectifier with both ends of a + 3, over 6. */
function gatesLayer(weights: Weights, d: number, k: number, hidden: number, tf: Tf): Dense {
  const gates = columnsOf(weight(weights, 'gates', [d + k, 2 * hidden]), 2 * hidden, 0, hidden);
  const bias = weight(weights, 'gatesBias', [2 * hidden]).slice(0, hidden);
  return new Dense(
    tf,
    gates,
    d + k,
    hidden,
    bias.map((value) => value + 0.5 / GATE_SLOPE),
    'relu6',
  );
}

/** [row, known] -> candidates, the row's part in the prediction of the next event, and of the one after */
function flowLayer(weights: Weights, d: number, k: number, hidden: number, tf: Tf): Dense {
  const width = hidden + 2 * d;
  const candidates = columnsOf(weight(weights, 'gates', [d + k, 2 * hidden]), 2 * hidden, hidden, hidden);
  const autoregression = weight(weights, 'autoregression', [2 * d + k, d]);
  const out = new Float32Array((d + k) * width);
  for (let r = 0; r < d + k; r++) {
    out.set(candidates.subarray(r * hidden, (r + 1) * hidden), r * width);
    if (r >= d) continue;
    out.set(autoregression.subarray(r * d, (r + 1) * d), r * width + hidden);
    out.set(autoregression.subarray((d + r) * d, (d + r + 1) * d), r * width + hidden + d);
  }
  const bias = new Float32Array(width);
  bias.set(weight(weights, 'gatesBias', [2 * hidden]).subarray(hidden));
  return new Dense(tf, out, d + k, width, bias);
}

function columnsOf(matrix: Float32Array, width: number, from: number, count: number): Float32Array {
  const rows = matrix.length / width;
  const out = new Float32Array(rows * count);
  for (let r = 0; r < rows; r++)
    out.set(matrix.subarray(r * width + from, r * width + from + count), r * count);
  return out;
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
