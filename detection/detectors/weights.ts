import type { Weights } from '../contract.js';

/** One array of a package, checked: a wrong one is told by name and shape. */
export function weight(weights: Weights, name: string, shape: readonly (number | null)[]): Float32Array {
  const found = weights[name];
  const wanted = shape.map((size) => size ?? 'any').join('x');
  if (!found) throw new Error(`the model lacks the weights "${name}" (${wanted}): train it again`);
  const fits =
    found.shape.length === shape.length && shape.every((size, i) => size === null || size === found.shape[i]);
  const length = found.shape.reduce((product, size) => product * size, 1);
  if (!fits || length !== found.data.length)
    throw new Error(
      `the model's weights "${name}" are ${found.shape.join('x')} with ${found.data.length} numbers, expected ${wanted}: train it again`,
    );
  return found.data;
}

export function sizeOf(weights: Weights, name: string, axis: number): number {
  const size = weights[name]?.shape[axis];
  if (size === undefined) throw new Error(`the model lacks the weights "${name}": train it again`);
  return size;
}

/** What training found a detector to be worth in its group; 1 for a package from before that was found out. */
export function evidenceWeight(weights: Weights): number {
  return weights['weight'] === undefined ? 1 : weight(weights, 'weight', [1])[0]!;
}
