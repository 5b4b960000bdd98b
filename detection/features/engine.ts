import type { DetectorBatch } from '../contract.js';
import type { Slab } from '../state/slab.js';
import type { EventColumns } from './columns.js';
import type { FeaturePlan } from './plan.js';
import { type FeatureScales, scaleRows } from './scaling.js';
import { ZoneClock } from './zones.js';

/** Name of the domain slab's block that holds the running scales of a domain the model has not seen. */
export const SCALE_BLOCK = 'scale';
/** Name of the entity slab's block that holds how many events of the entity came so far. */
export const AGE_BLOCK = 'age';

/** The arrays of a micro-batch on its way from events to detectors. Made once by capacity. */
export class FeatureBatch implements DetectorBatch {
  size = 0;
  readonly capacity: number;
  readonly features: number;
  readonly sensors: number;
  readonly slots: Int32Array;
  /** row of each event's domain in the domain slab */
  readonly domainSlots: Int32Array;
  readonly domains: Int32Array;
  readonly times: Float64Array;
  readonly gaps: Float64Array;
  readonly ages: Float64Array;
  readonly hoursOfWeek: Float32Array;
  readonly x: Float32Array;
  readonly raw: Float64Array;
  /** rows x numbers, see OpContext.habits */
  readonly habits: Float64Array;

  constructor(plan: FeaturePlan, capacity: number) {
    this.capacity = capacity;
    this.features = plan.features.length;
    this.sensors = plan.sensors.length;
    this.slots = new Int32Array(capacity);
    this.domainSlots = new Int32Array(capacity);
    this.domains = new Int32Array(capacity);
    this.times = new Float64Array(capacity);
    this.gaps = new Float64Array(capacity);
    this.ages = new Float64Array(capacity);
    this.hoursOfWeek = new Float32Array(capacity);
    this.x = new Float32Array(capacity * this.features);
    this.raw = new Float64Array(capacity * this.sensors);
    this.habits = new Float64Array(capacity * plan.numbers.length).fill(Number.NaN);
  }
}

/**
 * Turns a micro-batch of events into features, with the state of their entities and domains. Holds no state of
 * its own but a cache of time zones.
 */
export class FeatureEngine {
  readonly plan: FeaturePlan;
  readonly #clock = new ZoneClock();
  /** of a micro-batch's domains: within one no slot is given away */
  readonly #domainSlots = new Map<string, number>();
  /** floats at the start of an entity's state that features and its age are kept in */
  readonly #ownFloats: number;
  /** keeps the compiler from leaving out `touch`; never read otherwise */
  protected touched = 0;

  constructor(plan: FeaturePlan) {
    this.plan = plan;
    this.#ownFloats = plan.entityBlocks.reduce((sum, { size }) => sum + size, 1);
  }

  knowsZone(zone: string): boolean {
    return this.#clock.knows(zone);
  }

  /**
   * Fills `batch` with the raw features (not scaled) of `columns` and advances the state that they come from.
   * @param newEntity called with the slot of an entity that is new to the slab
   * @param domainSlotOf asked once a micro-batch for each of its domains
   */
  extract(
    columns: EventColumns,
    batch: FeatureBatch,
    entities: Slab,
    domains: Slab,
    newEntity: (slot: number) => void,
    domainSlotOf: (domain: string) => number,
  ): void {
    const { plan } = this;
    const size = columns.size;
    batch.size = size;
    columns.hash();
    entities.beginBatch();
    domains.beginBatch();
    const known = this.#domainSlots;
    known.clear();
    let domain = '';
    let domainSlot = -1;
    for (let row = 0; row < size; row++) {
      const slot = columns.slots[row]!;
      batch.slots[row] = slot >= 0 ? slot : entities.slotOf(columns.entities[row]!, newEntity);
      if (domainSlot < 0 || columns.domains[row] !== domain) {
        domain = columns.domains[row]!;
        domainSlot = known.get(domain) ?? -1;
        if (domainSlot < 0) {
          domainSlot = domainSlotOf(domain);
          known.set(domain, domainSlot);
        }
      }
      batch.domainSlots[row] = domainSlot;
    }
    this.touched = touch(entities, batch.slots, size, this.#ownFloats);
    this.#arrive(columns, batch, entities);
    const context = {
      columns,
      slots: batch.slots,
      domainSlots: batch.domainSlots,
      gaps: batch.gaps,
      ages: batch.ages,
      hoursOfWeek: batch.hoursOfWeek,
      entities,
      domains,
      out: batch.x,
      width: batch.features,
      habits: batch.habits,
    };
    for (const { op, column } of plan.ops) {
      const entityOffset = op.entityFloats > 0 ? entities.block(op.name).offset : 0;
      const domainOffset = op.domainFloats > 0 ? domains.block(op.name).offset : 0;
      op.run(context, column, entityOffset, domainOffset);
    }
    const sensors = plan.sensors;
    for (let i = 0; i < sensors.length; i++) {
      const values = columns.numbers[sensors[i]!]!;
      for (let row = 0; row < size; row++) batch.raw[row * sensors.length + i] = values[row]!;
    }
  }

  /** Times, gaps, ages and hours of the rows. */
  #arrive({ times: millis, zones }: EventColumns, batch: FeatureBatch, entities: Slab): void {
    const { slots, gaps, times, ages, hoursOfWeek, size } = batch;
    const lasts = entities.times;
    const { data, stride, offset } = entities.block(AGE_BLOCK);
    for (let row = 0; row < size; row++) {
      const slot = slots[row]!;
      const seconds = millis[row]! / 1000;
      const last = lasts[slot]!;
      // An event that comes after a newer one of its entity has no gap before it, rather than a negative one.
      gaps[row] = seconds > last ? seconds - last : Number.isNaN(last) ? Number.NaN : 0;
      times[row] = seconds;
      if (!(last >= seconds)) lasts[slot] = seconds;
      const at = slot * stride + offset;
      const age = data[at]!;
      ages[row] = age;
      if (age < 1e7) data[at] = age + 1;
      hoursOfWeek[row] = this.#clock.hourOfWeek(zones[row]!, millis[row]!);
    }
  }

  /** Scales the features of `batch` in place; `modelDomains` holds the model's index of a domain by slot, or -1. */
  scale(batch: FeatureBatch, scales: FeatureScales, domains: Slab, modelDomains: Int32Array): void {
    for (let row = 0; row < batch.size; row++) batch.domains[row] = modelDomains[batch.domainSlots[row]!]!;
    scaleRows(batch.x, batch.size, scales, batch.domains, domains.block(SCALE_BLOCK), batch.domainSlots);
  }
}

/** states larger than this many floats aren't walked: most of such a state is not needed for one event */
const TOUCHED_FLOATS = 512;

/**
 * Reads a number of every cache line that the features need of the rows' entities: `floats` numbers from the start of
 * their states. These loads don't wait for each other, so the memory serves many at a time; in the loops that follow
 * each row would wait for its own. What detectors need they read ahead themselves.
 */
function touch({ data, stride }: Slab, slots: Int32Array, size: number, floats: number): number {
  if (floats > TOUCHED_FLOATS) return 0;
  const last = floats - 1;
  let sum = 0;
  for (let row = 0; row < size; row++) {
    const base = slots[row]! * stride;
    for (let j = 0; j < last; j += 16) sum += data[base + j]!;
    sum += data[base + last]!;
  }
  return Number.isNaN(sum) ? 0 : sum;
}
