/** The non-increasing sequence nearest to `values` in squares (pool adjacent violators). */
export function nonIncreasing(values: ArrayLike<number>): Float64Array {
  const means: number[] = [];
  const sizes: number[] = [];
  for (let i = 0; i < values.length; i++) {
    let mean = values[i]!;
    let size = 1;
    while (means.length > 0 && means[means.length - 1]! < mean) {
      const before = sizes.pop()!;
      mean = (means.pop()! * before + mean * size) / (before + size);
      size += before;
    }
    means.push(mean);
    sizes.push(size);
  }
  const out = new Float64Array(values.length);
  let at = 0;
  means.forEach((mean, i) => {
    out.fill(mean, at, at + sizes[i]!);
    at += sizes[i]!;
  });
  return out;
}
