/** Doubles among the floats of a slab, two floats each, bit by bit: what is saved and loaded goes on exactly. */

export function putDoubles(data: Float32Array, at: number, values: ArrayLike<number>): void {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let i = 0; i < values.length; i++) view.setFloat64(4 * (at + 2 * i), values[i]!, true);
}

export function getDoubles(data: Float32Array, at: number, count: number): Float64Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Float64Array.from({ length: count }, (_, i) => view.getFloat64(4 * (at + 2 * i), true));
}
