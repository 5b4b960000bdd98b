import type { Weights } from '../contract.js';
import type { Manifest } from './manifest.js';

/** Lays named arrays end to end: bytes for weights.bin and the table of what is where. */
export function packWeights(weights: Weights): { bytes: Uint8Array; tensors: Manifest['tensors'] } {
  const tensors: Manifest['tensors'] = [];
  let floats = 0;
  for (const [name, { shape, data }] of Object.entries(weights)) {
    tensors.push({ name, shape: [...shape], offset: floats });
    floats += data.length;
  }
  const all = new Float32Array(floats);
  for (const { name, offset } of tensors) all.set(weights[name]!.data, offset);
  return { bytes: new Uint8Array(all.buffer), tensors };
}

/** @throws TypeError when the bytes are too short for the table */
export function unpackWeights(bytes: Uint8Array, tensors: Manifest['tensors']): Weights {
  const all = new Float32Array(bytes.slice().buffer);
  const weights: Record<string, { shape: number[]; data: Float32Array }> = {};
  for (const { name, shape, offset } of tensors) {
    const size = shape.reduce((product, n) => product * n, 1);
    if (offset + size > all.length) throw new TypeError(`weights.bin ends before array '${name}' does`);
    weights[name] = { shape: [...shape], data: all.slice(offset, offset + size) };
  }
  return weights;
}

/** The arrays whose names start with `part/`, without that prefix. */
export function weightsOf(weights: Weights, part: string): Weights {
  const prefix = `${part}/`;
  return Object.fromEntries(
    Object.entries(weights).flatMap(([name, array]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), array]] : [],
    ),
  );
}

export function withPrefix(part: string, weights: Weights): Weights {
  return Object.fromEntries(Object.entries(weights).map(([name, array]) => [`${part}/${name}`, array]));
}
