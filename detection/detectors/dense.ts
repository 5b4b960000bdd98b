import type { Tensor, Tensor3D } from '@tensorflow/tfjs-core';
import type { Tf } from './tensor-io.js';

/**
 * Dense layers over the rows of a micro-batch, without copies where the backend lets them be avoided: on wasm, rows are
 * written into the tensor's own memory and results are read where the product left them. Tensors are 1 x rows x
 * columns, the shape that the kernels take; 2-dimensional ones would be reshaped before and after each product.
 */
interface HeapBackend {
  makeOutput(shape: number[], dtype: 'float32'): Parameters<EngineOf['makeTensorFromTensorInfo']>[0];
  typedArrayFromHeap(tensor: unknown): Float32Array;
}
type EngineOf = ReturnType<Tf['engine']>;

function heapOf(tf: Tf): HeapBackend | undefined {
  const backend = tf.backend() as Partial<HeapBackend>;
  const whole = typeof backend.makeOutput === 'function' && typeof backend.typedArrayFromHeap === 'function';
  return whole ? (backend as HeapBackend) : undefined;
}

/** A tensor's values where they are. Ask for them anew after any operation: the memory may have moved. */
export function valuesOf(tf: Tf, tensor: Tensor): Float32Array {
  return heapOf(tf)?.typedArrayFromHeap(tensor) ?? (tensor.dataSync() as Float32Array);
}

export type Activation = 'linear' | 'relu' | 'relu6';

/** x · weights + bias, and an activation. */
export class Dense {
  private readonly weights: Tensor3D;
  private readonly bias: Tensor;
  private readonly fused: boolean;

  constructor(
    private readonly tf: Tf,
    weights: Float32Array,
    inputs: number,
    outputs: number,
    bias: Float32Array = new Float32Array(outputs),
    private readonly activation: Activation = 'linear',
  ) {
    this.weights = tf.tensor3d(weights, [1, inputs, outputs]);
    this.bias = tf.tensor1d(bias);
    // The native binding runs fused products five times slower than plain ones (80-150 µs a call against 10-15).
    this.fused = tf.getBackend() !== 'tensorflow';
  }

  run(x: Tensor3D): Tensor3D {
    const { tf, activation } = this;
    if (this.fused)
      return tf
        .engine()
        .runKernel(
          '_FusedMatMul',
          { a: x, b: this.weights, bias: this.bias },
          { transposeA: false, transposeB: false, activation },
        ) as Tensor3D;
    const sum = tf.add<Tensor3D>(tf.matMul<Tensor3D>(x, this.weights), this.bias);
    if (activation === 'relu') return tf.relu(sum);
    return activation === 'relu6' ? tf.relu6(sum) : sum;
  }

  dispose(): void {
    this.weights.dispose();
    this.bias.dispose();
  }
}

/** Rows that go into products. They stay until the next `begin`, and so can be looked at when a row is explained. */
export class InputRows {
  private buffer: Float32Array = new Float32Array(0);
  private rows = 0;
  private kept: Tensor3D | undefined;

  constructor(
    private readonly tf: Tf,
    private readonly columns: number,
  ) {}

  /** Where to write rows x columns values, right away: any operation may move the memory. */
  begin(rows: number): Float32Array {
    const { tf, columns } = this;
    this.dispose();
    this.rows = rows;
    const heap = heapOf(tf);
    if (heap !== undefined) {
      const made = heap.makeOutput([1, rows, columns], 'float32');
      this.kept = tf.keep(tf.engine().makeTensorFromTensorInfo(made) as Tensor3D);
      return heap.typedArrayFromHeap(this.kept);
    }
    if (this.buffer.length < rows * columns) this.buffer = new Float32Array(Math.ceil(rows * columns * 1.25));
    return this.buffer;
  }

  get tensor(): Tensor3D {
    const { tf, rows, columns } = this;
    this.kept ??= tf.keep(tf.tensor3d(this.buffer.subarray(0, rows * columns), [1, rows, columns]));
    return this.kept;
  }

  get values(): Float32Array {
    const heap = heapOf(this.tf);
    return heap !== undefined && this.kept !== undefined ? heap.typedArrayFromHeap(this.kept) : this.buffer;
  }

  dispose(): void {
    this.kept?.dispose();
    this.kept = undefined;
  }
}
