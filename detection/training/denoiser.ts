import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { dense, readInto, type Tf } from '../detectors/tensor-io.js';
import type { Random } from './random.js';

/** in -> wide -> narrow -> wide -> in with rectifiers; the last layer starts at zero, so training starts at the linear skip */
export interface DenoiserShape {
  readonly dim: number;
  readonly wide: number;
  readonly narrow: number;
}

/** w1 b1 w2 b2 w3 b3 w4 b4 */
export type DenoiserParameters = Float32Array[];

export function denoiserStart({ dim, wide, narrow }: DenoiserShape, random: Random): DenoiserParameters {
  return [
    random.layer(dim, wide),
    new Float32Array(wide),
    random.layer(wide, narrow),
    new Float32Array(narrow),
    random.layer(narrow, wide),
    new Float32Array(wide),
    new Float32Array(wide * dim),
    new Float32Array(dim),
  ];
}

interface Layers {
  w: Tensor2D[];
  b: Tensor1D[];
}

function layers(tf: Tf, { dim, wide, narrow }: DenoiserShape, parameters: DenoiserParameters): Layers {
  const sizes = [dim, wide, narrow, wide, dim];
  return {
    w: [0, 1, 2, 3].map((l) => tf.tensor2d(parameters[2 * l]!, [sizes[l]!, sizes[l + 1]!])),
    b: [0, 1, 2, 3].map((l) => tf.tensor1d(parameters[2 * l + 1]!)),
  };
}

/** the activations of each layer, the input first, the network's output last */
function run(tf: Tf, x: Tensor2D, { w, b }: Layers): Tensor2D[] {
  const out = [x];
  for (let l = 0; l < 4; l++) out.push(dense(tf, out[l]!, w[l]!, b[l]!, l < 3 ? 'relu' : 'linear'));
  return out;
}

/** Writes the network's output for `rows` rows of `x` to `out`. */
export function denoise(
  tf: Tf,
  shape: DenoiserShape,
  parameters: DenoiserParameters,
  x: Float32Array,
  rows: number,
  out: Float32Array,
): void {
  const result = tf.tidy(() => {
    const input = tf.tensor2d(x.subarray(0, rows * shape.dim), [rows, shape.dim]);
    return run(tf, input, layers(tf, shape, parameters))[4]!;
  });
  readInto(tf, result, out);
  result.dispose();
}

/**
 * Gradients of the mean square of net(x) - target, written to `gradients`; by hand, since tfjs-core alone registers
 * no gradient functions and four layers need no tape.
 */
export function denoiserGradients(
  tf: Tf,
  shape: DenoiserShape,
  parameters: DenoiserParameters,
  x: Float32Array,
  target: Float32Array,
  rows: number,
  gradients: Float32Array[],
): void {
  const { dim } = shape;
  const results = tf.tidy(() => {
    const net = layers(tf, shape, parameters);
    const values = run(tf, tf.tensor2d(x.subarray(0, rows * dim), [rows, dim]), net);
    const error = tf.sub<Tensor2D>(values[4]!, tf.tensor2d(target.subarray(0, rows * dim), [rows, dim]));
    let back = tf.mul<Tensor2D>(error, 2 / (rows * dim));
    const out: (Tensor2D | Tensor1D)[] = [];
    for (let l = 3; l >= 0; l--) {
      out.unshift(tf.matMul(values[l]!, back, true, false), tf.sum<Tensor1D>(back, 0));
      if (l > 0) back = tf.mul<Tensor2D>(tf.matMul(back, net.w[l]!, false, true), tf.step(values[l]!));
    }
    return out;
  });
  results.forEach((result, i) => {
    readInto(tf, result, gradients[i]!);
    result.dispose();
  });
}
