import { CLIP, HELD_SQUARE, hold } from './hold.js';

/**
 * Robust scaling of the feature columns by domain: (value - centre) / scale, clipped. Domains that the model was
 * trained on have centres and scales of their own; any other starts from the ones of all domains together and
 * moves to its own as it is seen.
 */
export interface FeatureScales {
  /** domain names, in the order of the rows of `centres` and `scales` */
  readonly domains: readonly string[];
  /** (domains + 1) x features; the last row is that of all domains together */
  readonly centres: Float32Array;
  readonly scales: Float32Array;
  readonly features: number;
}

/** how many events the scale of all domains counts for in a domain that the model has not seen */
const PRIOR = 200;

/** Floats of running scale a domain needs: a count, then centre and mean absolute deviation by feature. */
export function scalingFloats(features: number): number {
  return 1 + 2 * features;
}

/** Scales of rows x features by domain: median and inter-quartile range / 1.349, with a floor for constants. */
export function fitScales(
  x: Float32Array,
  rows: number,
  features: number,
  domainOf: Int32Array,
  domains: readonly string[],
): FeatureScales {
  const centres = new Float32Array((domains.length + 1) * features);
  const scales = new Float32Array((domains.length + 1) * features);
  const byDomain: number[][] = domains.map(() => []);
  for (let row = 0; row < rows; row++) byDomain[domainOf[row]!]?.push(row);
  const all = Array.from({ length: rows }, (_, row) => row);
  for (let f = 0; f < features; f++) {
    const global = robust(x, all, f, features, undefined);
    centres[domains.length * features + f] = global.centre;
    scales[domains.length * features + f] = global.scale;
    for (let d = 0; d < domains.length; d++) {
      const own = robust(x, byDomain[d]!, f, features, global);
      centres[d * features + f] = own.centre;
      scales[d * features + f] = own.scale;
    }
  }
  return { domains, centres, scales, features };
}

interface CentreScale {
  centre: number;
  scale: number;
}

/** rows that are sorted at most: more than this says nothing new about a quartile */
const SAMPLE = 20_000;

function robust(
  x: Float32Array,
  rows: readonly number[],
  feature: number,
  width: number,
  fallback: CentreScale | undefined,
): CentreScale {
  const step = Math.max(1, Math.floor(rows.length / SAMPLE));
  const values: number[] = [];
  for (let i = 0; i < rows.length; i += step) {
    const value = x[rows[i]! * width + feature]!;
    if (Number.isFinite(value)) values.push(value);
  }
  if (values.length < 20) return fallback ?? { centre: 0, scale: 1 };
  values.sort((a, b) => a - b);
  const at = (q: number) => values[Math.min(values.length - 1, Math.floor(q * values.length))]!;
  const centre = at(0.5);
  const quartiles = (at(0.75) - at(0.25)) / 1.349;
  let sum = 0;
  for (const value of values) sum += (value - centre) ** 2;
  const deviation = Math.sqrt(sum / values.length);
  // A column that is nearly always the same has no quartiles; a constant one gets scale 1 and stays 0.
  const scale = quartiles > 0.1 * deviation ? quartiles : deviation;
  const floor = 1e-6 * Math.abs(centre);
  return {
    centre,
    scale: scale > floor ? scale : deviation > 0 && fallback !== undefined ? fallback.scale : 1,
  };
}

/** The numbers of scales as the loop over the rows takes them: doubles, and one over each scale. */
interface Doubles {
  readonly centres: Float64Array;
  readonly perScale: Float64Array;
}
const doubles = new WeakMap<FeatureScales, Doubles>();

function doublesOf(scales: FeatureScales): Doubles {
  let known = doubles.get(scales);
  if (known === undefined) {
    const perScale = Float64Array.from(scales.scales, (scale) => 1 / scale);
    known = { centres: Float64Array.from(scales.centres), perScale };
    doubles.set(scales, known);
  }
  return known;
}

/**
 * Scales `rows` rows of raw features in place. `model[row]` is the row's domain among `scales.domains`, -1 for one
 * that is not there; such a domain's running scale is kept in `running` (see scalingFloats) and is read before
 * it is updated. NaN (missing) becomes 0.
 */
export function scaleRows(
  x: Float32Array,
  rows: number,
  scales: FeatureScales,
  model: Int32Array,
  running: { readonly data: Float32Array; readonly stride: number; readonly offset: number },
  domainSlots: Int32Array,
): void {
  const width = scales.features;
  const { centres, perScale } = doublesOf(scales);
  const global = scales.domains.length * width;
  for (let row = 0; row < rows; row++) {
    const base = row * width;
    const domain = model[row]!;
    if (domain >= 0) {
      const from = domain * width;
      let squares = 0;
      let f = 0;
      for (; f + 3 < width; f += 4) {
        const z0 = (x[base + f]! - centres[from + f]!) * perScale[from + f]!;
        const z1 = (x[base + f + 1]! - centres[from + f + 1]!) * perScale[from + f + 1]!;
        const z2 = (x[base + f + 2]! - centres[from + f + 2]!) * perScale[from + f + 2]!;
        const z3 = (x[base + f + 3]! - centres[from + f + 3]!) * perScale[from + f + 3]!;
        x[base + f] = z0;
        x[base + f + 1] = z1;
        x[base + f + 2] = z2;
        x[base + f + 3] = z3;
        squares += z0 * z0 + z1 * z1 + z2 * z2 + z3 * z3;
      }
      for (; f < width; f++) {
        const z = (x[base + f]! - centres[from + f]!) * perScale[from + f]!;
        x[base + f] = z;
        squares += z * z;
      }
      if (!(squares < HELD_SQUARE)) hold(x, base, base + width);
      continue;
    }
    const state = domainSlots[row]! * running.stride + running.offset;
    const count = running.data[state]!;
    const step = Math.max(1 / (count + PRIOR), 1 / 20_000);
    for (let f = 0; f < width; f++) {
      const at = state + 1 + 2 * f;
      if (count === 0) {
        running.data[at] = scales.centres[global + f]!;
        running.data[at + 1] = scales.scales[global + f]! * 0.7979;
      }
      const value = x[base + f]!;
      const centre = running.data[at]!;
      const scale = running.data[at + 1]! * 1.2533;
      if (Number.isNaN(value)) {
        x[base + f] = 0;
        continue;
      }
      const z = (value - centre) / scale;
      x[base + f] = Math.min(CLIP, Math.max(-CLIP, z));
      // Winsorised, so that an anomaly moves the scale no more than a large normal value would.
      const off = z > 3 ? 3 * scale : z < -3 ? -3 * scale : value - centre;
      running.data[at] = centre + step * off;
      running.data[at + 1] = Math.max(
        running.data[at + 1]! + step * (Math.abs(off) - running.data[at + 1]!),
        1e-9,
      );
    }
    if (count < 1e6) running.data[state] = count + 1;
  }
}
