/** A generalised Pareto tail: P(excess > x) = (1 + shape·x/scale)^(-1/shape), exponential for shape 0. */
export interface ParetoTail {
  readonly shape: number;
  readonly scale: number;
}

/** Fit by probability-weighted moments: a0 = E[X], a1 = E[X·(1-F(X))]. */
export function paretoFromMoments(a0: number, a1: number, leastScale: number): ParetoTail {
  const spread = a0 - 2 * a1;
  const free = spread > 0 ? 2 - a0 / spread : 0.5;
  const shape = Math.min(0.5, Math.max(0, free));
  return { shape, scale: Math.max(leastScale, a0 * (1 - shape)) };
}
