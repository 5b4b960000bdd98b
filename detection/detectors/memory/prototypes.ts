/**
 * A set of prototypes that a stream of vectors is compared with: the distance to the nearest is how new a
 * vector is. A vector beyond the vigilance becomes a prototype itself (in place of the least used when all
 * places are taken) and makes the set less vigilant; a known one pulls its prototype along and makes it more so.
 */
export interface PrototypeSettings {
  readonly places: number;
  readonly dimensions: number;
}

const FILLED = 0;
const VIGILANCE = 1;
const USE = 2;
const PULL = 0.02;
const USE_FADE = 0.9995;

export const prototypesSize = ({ places, dimensions }: PrototypeSettings): number =>
  USE + places + places * dimensions;

export function initPrototypes(data: Float32Array, at: number, settings: PrototypeSettings): void {
  data.fill(0, at, at + prototypesSize(settings));
}

/** Mean absolute difference of `vector` to its nearest prototype, by what was known before it; then learns it. */
export function prototypeDistance(
  data: Float32Array,
  at: number,
  vector: Float32Array,
  { places, dimensions }: PrototypeSettings,
): number {
  const use = at + USE;
  const first = use + places;
  const filled = data[at + FILLED]!;
  let best = Number.POSITIVE_INFINITY;
  let nearest = 0;
  for (let k = 0, p = first; k < filled; k++, p += dimensions) {
    let sum = 0;
    // in steps of eight: far prototypes are given up early
    for (let j = 0; j < dimensions && sum < best; j += 8) {
      for (let i = j; i < j + 8; i++) sum += Math.abs(vector[i]! - data[p + i]!);
    }
    if (sum < best) {
      best = sum;
      nearest = k;
    }
  }
  const distance = filled === 0 ? 0 : best / dimensions;
  if (filled === 0 || distance > data[at + VIGILANCE]!) {
    let place = filled;
    if (filled < places) data[at + FILLED] = filled + 1;
    else {
      place = 0;
      for (let k = 1; k < places; k++) if (data[use + k]! < data[use + place]!) place = k;
    }
    const p = first + place * dimensions;
    for (let j = 0; j < dimensions; j++) data[p + j] = vector[j]!;
    data[use + place] = 1;
    data[at + VIGILANCE] = data[at + FILLED]! <= 1 ? 1e-3 : data[at + VIGILANCE]! * 1.1 + 1e-4;
  } else {
    const p = first + nearest * dimensions;
    for (let j = 0; j < dimensions; j++) data[p + j] = data[p + j]! + PULL * (vector[j]! - data[p + j]!);
    data[use + nearest] = data[use + nearest]! + 1;
    data[at + VIGILANCE] = data[at + VIGILANCE]! * 0.998;
  }
  for (let k = 0; k < places; k++) data[use + k] = data[use + k]! * USE_FADE;
  return distance;
}
