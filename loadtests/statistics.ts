/** The middle value; the mean of the two middle ones for an even count. NaN of nothing. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Interpolated between the two values that lie around it, as NumPy does it. NaN of nothing. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  const above = sorted[Math.ceil(at)]!;
  return below + (at - Math.floor(at)) * (above - below);
}

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function summary(values: readonly number[]): Summary {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Smallest and largest, as text for people. */
export function spread(values: readonly number[], format: (value: number) => string): string {
  return values.length === 0 ? '–' : `${format(Math.min(...values))} – ${format(Math.max(...values))}`;
}

/**
 * The median over the rounds of one contender's rate against another's. Both were measured a moment apart in the same
 * round, so what the machine did besides mostly cancels out.
 */
export function medianRatio(values: readonly number[], others: readonly number[]): number {
  const rounds = Math.min(values.length, others.length);
  return median(Array.from({ length: rounds }, (_, round) => values[round]! / others[round]!));
}
