import type { Weights } from '../contract.js';
import { Dense } from './dense.js';
import { GATE_SLOPE, NARROWING_STEP, WIDEST } from './sequence-cell.js';
import type { Tf } from './tensor-io.js';
import { sizeOf, weight } from './weights.js';

export interface SequenceShape {
  readonly features: number;
  /** numbers known of an event before its values */
  readonly known: number;
  readonly hidden: number;
  /** events before that the autoregression takes */
  readonly lags: 1 | 2;
}

export function shapeOf(weights: Weights, known: number): SequenceShape {
  const features = sizeOf(weights, 'mean', 0);
  const lags = (sizeOf(weights, 'autoregression', 0) - known) / features;
  if (lags !== 1 && lags !== 2)
    throw new Error(`the sequence model's autoregression takes ${lags} events, not 1 or 2: train it again`);
  return { features, known, hidden: sizeOf(weights, 'gatesBias', 0) / 2, lags };
}

/** How far the gates are open, in sixths: clamp(a/6 + 1/2, 0, 1) is a rectifier with both ends of a + 3, over 6. */
export function gatesLayer(weights: Weights, { features, known, hidden }: SequenceShape, tf: Tf): Dense {
  const rows = features + known;
  const gates = columnsOf(weight(weights, 'gates', [rows, 2 * hidden]), 2 * hidden, 0, hidden);
  const bias = weight(weights, 'gatesBias', [2 * hidden]).slice(0, hidden);
  return new Dense(
    tf,
    gates,
    rows,
    hidden,
    bias.map((value) => value + 0.5 / GATE_SLOPE),
    'relu6',
  );
}

/** [row, known] -> candidates, the row's part in the prediction of the next event, and with two lags of the one after */
export function flowLayer(weights: Weights, shape: SequenceShape, tf: Tf): Dense {
  const { features: d, known, hidden, lags } = shape;
  const width = hidden + lags * d;
  const candidates = columnsOf(weight(weights, 'gates', [d + known, 2 * hidden]), 2 * hidden, hidden, hidden);
  const autoregression = weight(weights, 'autoregression', [lags * d + known, d]);
  const out = new Float32Array((d + known) * width);
  for (let r = 0; r < d + known; r++) {
    out.set(candidates.subarray(r * hidden, (r + 1) * hidden), r * width);
    if (r >= d) continue;
    for (let lag = 0; lag < lags; lag++) {
      const from = (lag * d + r) * d;
      out.set(autoregression.subarray(from, from + d), r * width + hidden + lag * d);
    }
  }
  const bias = new Float32Array(width);
  bias.set(weight(weights, 'gatesBias', [2 * hidden]).subarray(hidden));
  return new Dense(tf, out, d + known, width, bias);
}

/** [known, h] -> what corrects the mean. The autoregression's part on what is known is in it: it takes that as well. */
export function shiftLayer(weights: Weights, shape: SequenceShape, tf: Tf): Dense {
  const { features: d, known, hidden, lags } = shape;
  const out = columnsOf(weight(weights, 'readout', [known + hidden, 2 * d]), 2 * d, 0, d);
  const linear = weight(weights, 'autoregression', [lags * d + known, d]);
  for (let i = 0; i < known * d; i++) out[i]! += linear[lags * d * d + i]!;
  const bias = weight(weights, 'readoutBias', [2 * d]).slice(0, d);
  const intercept = weight(weights, 'intercept', [d]);
  for (let j = 0; j < d; j++) bias[j]! += intercept[j]!;
  return new Dense(tf, out, known + hidden, d, bias);
}

/** [known, h] -> the fourth root of the sharpness (see `sharpness`), held within its bounds by a rectifier with two ends */
export function narrowingLayer(weights: Weights, shape: SequenceShape, tf: Tf): Dense {
  const { features: d, known, hidden } = shape;
  const out = columnsOf(weight(weights, 'readout', [known + hidden, 2 * d]), 2 * d, d, d);
  const bias = weight(weights, 'readoutBias', [2 * d]).subarray(d);
  return new Dense(
    tf,
    out.map((value) => value / NARROWING_STEP),
    known + hidden,
    d,
    bias.map((value) => (value - WIDEST) / NARROWING_STEP),
    'relu6',
  );
}

export function whiteLayer(weights: Weights, { features: d }: SequenceShape, tf: Tf): Dense {
  return new Dense(tf, weight(weights, 'white', [d, d]), d, d, weight(weights, 'whiteOffset', [d]));
}

function columnsOf(matrix: Float32Array, width: number, from: number, count: number): Float32Array {
  const rows = matrix.length / width;
  const out = new Float32Array(rows * count);
  for (let r = 0; r < rows; r++)
    out.set(matrix.subarray(r * width + from, r * width + from + count), r * count);
  return out;
}
