import type { EventColumns } from './columns.js';
import { circle, halved, ln, ln1p, log10 } from './fast-math.js';
import { type FeatureInfo, type NumberSpec, squash, unsquash } from './spec.js';

/**
 * The parts that compute features. Each op walks the rows of a micro-batch in arrival order, so that a row sees
 * what the rows before it left and the result doesn't depend on where batches are cut. Everything is read
 * before it is updated: an event is never compared with itself.
 */
export interface OpContext {
  readonly columns: EventColumns;
  readonly slots: Int32Array;
  /** row of each event's domain in the domain slab */
  readonly domainSlots: Int32Array;
  /** seconds since the entity's event before, NaN for its first; never negative */
  readonly gaps: Float64Array;
  readonly ages: Float64Array;
  readonly hoursOfWeek: Float32Array;
  readonly entities: { readonly data: Float32Array; readonly stride: number };
  readonly domains: { readonly data: Float32Array; readonly stride: number };
  /** raw feature values, rows x width; the op fills its own columns */
  readonly out: Float32Array;
  readonly width: number;
  /** rows x numbers: the entity's own mean before the event, in the event's unit; for reasons */
  readonly habits: Float64Array;
}

export interface FeatureOp {
  readonly name: string;
  readonly features: readonly FeatureInfo[];
  readonly entityFloats: number;
  readonly domainFloats: number;
  run(context: OpContext, column: number, entityOffset: number, domainOffset: number): void;
}

/** A number as it is (or its signed logarithm). Missing: the domain's centre, so that it says nothing. */
export function valueOp(spec: NumberSpec, number: number): FeatureOp {
  const log = spec.log === true;
  return {
    name: `value:${spec.field}`,
    features: [{ name: spec.field, field: spec.field, kind: 'value', number }],
    entityFloats: 0,
    domainFloats: 0,
    run({ columns, out, width }, column) {
      const values = columns.numbers[number]!;
      for (let row = 0; row < columns.size; row++) {
        const value = values[row]!;
        out[row * width + column] = log ? squash(value) : value;
      }
    },
  };
}

/** How far a new entity's own mean is trusted: as much as this many events of its domain. */
const HABIT_PRIOR = 3;

/**
 * Deviation from the entity's own habit, in its own spreads: an exponentially weighted mean and variance of the
 * past values (winsorised at mean + 2.5 spreads, so that a fraud doesn't drag its own habit), shrunk towards
 * the domain while the entity is young. Beside it the logarithm of the ratio to the habit. Entity: n, mean, variance. Domain: n, mean, variance.
 */
export function habitOp(spec: NumberSpec, number: number): FeatureOp {
  const log = spec.log === true;
  return {
    name: `habit:${spec.field}`,
    features: [
      { name: `${spec.field}.habit`, field: spec.field, kind: 'habit', number },
      { name: `${spec.field}.ratio`, field: spec.field, kind: 'ratio', number },
    ],
    entityFloats: 3,
    domainFloats: 3,
    run(
      { columns, slots, domainSlots, entities, domains, out, width, habits },
      column,
      entityOffset,
      domainOffset,
    ) {
      const values = columns.numbers[number]!;
      const stride = columns.numbers.length;
      const own = entities.data;
      const peers = domains.data;
      for (let row = 0; row < columns.size; row++) {
        const value = log ? squash(values[row]!) : values[row]!;
        if (Number.isNaN(value)) {
          out[row * width + column] = 0;
          out[row * width + column + 1] = 0;
          habits[row * stride + number] = Number.NaN;
          continue;
        }
        const e = slots[row]! * entities.stride + entityOffset;
        const d = domainSlots[row]! * domains.stride + domainOffset;
        const count = own[e]!;
        const peerMean = peers[d]! > 0 ? peers[d + 1]! : value;
        const peerVariance = peers[d]! > 1 ? peers[d + 2]! : 1;
        const mean = (count * own[e + 1]! + HABIT_PRIOR * peerMean) / (count + HABIT_PRIOR);
        const between = own[e + 1]! - peerMean;
        const young =
          (count * HABIT_PRIOR * between * between) / ((count + HABIT_PRIOR) * (count + HABIT_PRIOR));
        const variance =
          (count * own[e + 2]! + HABIT_PRIOR * peerVariance) / (count + HABIT_PRIOR) +
          (count < 20 ? young : 0);
        const spread = Math.sqrt(variance) + 1e-3 * Math.abs(mean) + 1e-9;
        const z = (value - mean) / spread;
        out[row * width + column] = z;
        const usual = log ? unsquash(mean) : mean;
        habits[row * stride + number] = usual;
        // A floor keeps the ratio of two small numbers small.
        const floor = 0.1 * Math.abs(log ? unsquash(peerMean) : peerMean) + 1e-9;
        out[row * width + column + 1] = ln((Math.abs(values[row]!) + floor) / (Math.abs(usual) + floor));

        const capped = z > 2.5 ? mean + 2.5 * spread : z < -2.5 ? mean - 2.5 * spread : value;
        const step = count < 50 ? 1 / (count + 1) : 0.02;
        const off = capped - own[e + 1]!;
        own[e + 1] = count === 0 ? capped : own[e + 1]! + step * off;
        own[e + 2] = count === 0 ? 0 : (1 - step) * (own[e + 2]! + step * off * off);
        if (count < 1e6) own[e] = count + 1;
        const peerCount = peers[d]!;
        const peerStep = peerCount < 10_000 ? 1 / (peerCount + 1) : 1e-4;
        const peerOff = capped - peers[d + 1]!;
        peers[d + 1] = peers[d + 1]! + peerStep * peerOff;
        peers[d + 2] = (1 - peerStep) * (peers[d + 2]! + peerStep * peerOff * peerOff);
        if (peerCount < 1e6) peers[d] = peerCount + 1;
      }
    },
  };
}

/** Change since the entity's event before; 0 for its first and where either is missing. Entity: seen, last. */
export function changeOp(spec: NumberSpec, number: number): FeatureOp {
  const log = spec.log === true;
  return {
    name: `change:${spec.field}`,
    features: [{ name: `${spec.field}.change`, field: spec.field, kind: 'change', number }],
    entityFloats: 2,
    domainFloats: 0,
    run({ columns, slots, entities, out, width }, column, entityOffset) {
      const values = columns.numbers[number]!;
      const own = entities.data;
      for (let row = 0; row < columns.size; row++) {
        const value = log ? squash(values[row]!) : values[row]!;
        const e = slots[row]! * entities.stride + entityOffset;
        if (Number.isNaN(value)) {
          out[row * width + column] = 0;
          continue;
        }
        out[row * width + column] = own[e] === 1 ? value - own[e + 1]! : 0;
        own[e] = 1;
        own[e + 1] = value;
      }
    },
  };
}

/** cells of a domain's count sketch of one category field; values that share a cell share their count */
const SKETCH = 1024;
/** distinct values that an entity remembers, most recently used first */
const RECENT = 8;
/** counts are halved when a sketch has seen this many events, so that it follows the stream */
const SKETCH_LIMIT = 1 << 20;

/**
 * A category: how rare the value is in its domain (-log10 of its share), and whether the entity used it among
 * its last eight distinct ones (0 yes, 1 no), against how often new values come for it anyway.
 * Entity: 8 hashes (24 bits), rate of new values, n. Domain: total and counts by hash.
 */
export function categoryOp(field: string, index: number): FeatureOp {
  return {
    name: `category:${field}`,
    features: [
      { name: `${field}.rarity`, field, kind: 'rarity', number: -1 },
      { name: `${field}.new`, field, kind: 'new', number: -1 },
    ],
    entityFloats: RECENT + 2,
    domainFloats: SKETCH + 1,
    run(context, column, entityOffset, domainOffset) {
      const { columns, slots, domainSlots, out, width } = context;
      const hashes = columns.hashes[index]!;
      const own = context.entities.data;
      const ownStride = context.entities.stride;
      const peers = context.domains.data;
      const peerStride = context.domains.stride;
      const size = columns.size;
      for (let row = 0; row < size; row++) {
        const hash = hashes[row]!;
        const d = domainSlots[row]! * peerStride + domainOffset;
        const cell = d + 1 + (hash & (SKETCH - 1));
        const total = peers[d]!;
        out[row * width + column] = log10((total + SKETCH / 8) / (peers[cell]! + 0.5));
        peers[cell] = peers[cell]! + 1;
        peers[d] = total + 1;
        if (total + 1 >= SKETCH_LIMIT) for (let i = d; i <= d + SKETCH; i++) peers[i] = peers[i]! * 0.5;

        const e = slots[row]! * ownStride + entityOffset;
        const mark = (hash >>> 8) + 1;
        // To the front, where it stood before or the longest unused one drops out: one walk finds and moves.
        let moved = own[e]!;
        own[e] = mark;
        for (let i = e + 1; moved !== mark && i < e + RECENT; i++) {
          const next = own[i]!;
          own[i] = moved;
          moved = next;
        }
        const isNew = moved !== mark;
        const rate = own[e + RECENT]!;
        const count = own[e + RECENT + 1]!;
        // A first event is new by definition and says nothing.
        out[row * width + column + 1] = count === 0 ? 0 : (isNew ? 1 : 0) - rate;
        if (count > 0) own[e + RECENT] = rate + ((isNew ? 1 : 0) - rate) / Math.min(count + 1, 50);
        if (count < 1e6) own[e + RECENT + 1] = count + 1;
      }
    },
  };
}

/**
 * Hour of day and weekday in the event's own time zone on their circles, and how far the hour is from the
 * entity's usual ones (0 the usual, 2 opposite). Entity: sine and cosine of the usual hour.
 */
export function calendarOp(): FeatureOp {
  const feature = (name: string, kind: FeatureInfo['kind']): FeatureInfo => ({
    name,
    field: '',
    kind,
    number: -1,
  });
  const angles = new Float64Array(4);
  return {
    name: 'calendar',
    features: [
      feature('hour.sin', 'hour'),
      feature('hour.cos', 'hour'),
      feature('weekday.sin', 'weekday'),
      feature('weekday.cos', 'weekday'),
      feature('hour.unusual', 'unusualHour'),
    ],
    entityFloats: 3,
    domainFloats: 0,
    run({ columns, slots, hoursOfWeek, entities, out, width }, column, entityOffset) {
      const own = entities.data;
      for (let row = 0; row < columns.size; row++) {
        const hour = hoursOfWeek[row]!;
        const base = row * width + column;
        circle(hour / 24, angles, 0);
        circle(hour / 168, angles, 2);
        const sin = angles[0]!;
        const cos = angles[1]!;
        for (let i = 0; i < 4; i++) out[base + i] = angles[i]!;
        const e = slots[row]! * entities.stride + entityOffset;
        const count = own[e]!;
        // The mean direction's length says how regular the entity is: an erratic one is never at an unusual hour.
        const length = Math.sqrt(own[e + 1]! * own[e + 1]! + own[e + 2]! * own[e + 2]!);
        out[base + 4] = length - (own[e + 1]! * sin + own[e + 2]! * cos);
        const step = 1 / Math.min(count + 1, 100);
        own[e + 1] = own[e + 1]! + step * (sin - own[e + 1]!);
        own[e + 2] = own[e + 2]! + step * (cos - own[e + 2]!);
        if (count < 1e6) own[e] = count + 1;
      }
    },
  };
}

/** Logarithm of the seconds since the entity's event before, less its running mean. Entity: n, mean. */
export function gapOp(): FeatureOp {
  return {
    name: 'gap',
    features: [{ name: 'gap', field: '', kind: 'gap', number: -1 }],
    entityFloats: 2,
    domainFloats: 0,
    run({ columns, slots, gaps, entities, out, width }, column, entityOffset) {
      const own = entities.data;
      for (let row = 0; row < columns.size; row++) {
        const gap = gaps[row]!;
        const e = slots[row]! * entities.stride + entityOffset;
        if (Number.isNaN(gap)) {
          out[row * width + column] = 0;
          continue;
        }
        const value = ln1p(gap);
        const count = own[e]!;
        out[row * width + column] = count === 0 ? 0 : value - own[e + 1]!;
        own[e + 1] = own[e + 1]! + (value - own[e + 1]!) / Math.min(count + 1, 50);
        if (count < 1e6) own[e] = count + 1;
      }
    },
  };
}

/**
 * Events of the entity before this one, counted with exponential decay over each half-life (logarithm), and
 * the shortest count against what the longest lets expect. Entity: one count a half-life.
 */
export function activityOp(halfLives: readonly number[]): FeatureOp {
  const label = (seconds: number) =>
    seconds % 86_400 === 0
      ? `${seconds / 86_400}d`
      : seconds % 3600 === 0
        ? `${seconds / 3600}h`
        : `${seconds}s`;
  const features: FeatureInfo[] = halfLives.map((h) => ({
    name: `events.${label(h)}`,
    field: '',
    kind: 'activity',
    number: -1,
  }));
  const first = halfLives[0]!;
  const last = halfLives[halfLives.length - 1]!;
  const lastToFirst = first / last;
  const perHalfLife = Float64Array.from(halfLives, (seconds) => 1 / seconds);
  if (halfLives.length > 1) features.push({ name: 'events.burst', field: '', kind: 'burst', number: -1 });
  return {
    name: 'activity',
    features,
    entityFloats: halfLives.length,
    domainFloats: 0,
    run({ columns, slots, gaps, entities, out, width }, column, entityOffset) {
      const own = entities.data;
      const { stride } = entities;
      const count = halfLives.length;
      for (let row = 0; row < columns.size; row++) {
        const gap = gaps[row]!;
        const e = slots[row]! * stride + entityOffset;
        const base = row * width + column;
        let shortest = 0;
        let longest = 0;
        for (let i = 0; i < count; i++) {
          const before = own[e + i]!;
          const decayed = Number.isNaN(gap) ? 0 : before * halved(gap * perHalfLife[i]!);
          out[base + i] = ln1p(decayed);
          own[e + i] = decayed + 1;
          if (i === 0) shortest = decayed;
          longest = decayed;
        }
        if (count > 1) out[base + count] = ln((shortest + 0.5) / (longest * lastToFirst + 0.5));
      }
    },
  };
}
