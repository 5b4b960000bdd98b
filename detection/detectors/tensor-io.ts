import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';

/** TensorFlow.js as it is handed in: which backend it runs on is the caller's choice. */
export type Tf = typeof import('@tensorflow/tfjs-core');

interface HeapBackend {
  typedArrayFromHeap(tensor: Tensor): Float32Array;
}

function hasHeap(backend: unknown): backend is HeapBackend {
  return typeof (backend as Partial<HeapBackend> | null)?.typedArrayFromHeap === 'function';
}

/**
 * Copies a tensor's values into `out`. Call it outside of tf.tidy. On wasm the heap is read in place: dataSync
 * would make a new array for every batch first, which costs more than a layer does.
 */
export function readInto(tf: Tf, tensor: Tensor, out: Float32Array): void {
  const backend: unknown = tf.backend();
  if (hasHeap(backend)) {
    const values = backend.typedArrayFromHeap(tensor);
    out.set(values.length > out.length ? values.subarray(0, out.length) : values);
  } else out.set(tensor.dataSync() as Float32Array);
}

/**
 * x · weights + bias. Fused is fastest on wasm and JavaScript; the native binding runs it five times slower than
 * the plain operations (80-150 µs a call against 10-15 each).
 */
export function dense(
  tf: Tf,
  x: Tensor2D,
  weights: Tensor2D,
  bias: Tensor,
  activation: 'linear' | 'relu' = 'linear',
): Tensor2D {
  if (tf.getBackend() !== 'tensorflow')
    return tf.fused.matMul({ a: x, b: weights, bias, activation }) as Tensor2D;
  const sum = tf.add<Tensor2D>(tf.matMul<Tensor2D>(x, weights), bias);
  return activation === 'relu' ? tf.relu<Tensor2D>(sum) : sum;
}
