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

  constructor(plan: FeaturePlan) {
    this.plan = plan;
  }

  knowsZone(zone: string): boolean {
    return this.#clock.knows(zone);
  }

  /**
   * Fills `batch` with the raw features (not scaled) of `columns` and advances the state that they come from.
   * @param newEntity called with the slot of an entity that is new to the slab
   */
  extract(
    columns: EventColumns,
    batch: FeatureBatch,
    entities: Slab,
    domains: Slab,
    newEntity: (slot: number) => void,
    newDomain: (slot: number) => void,
  ): void {
    const { plan } = this;
    const size = columns.size;
    batch.size = size;
    columns.hash();
    entities.beginBatch();
    domains.beginBatch();
    for (let row = 0; row < size; row++) {
      const known = columns.slots[row]!;
      batch.slots[row] = known >= 0 ? known : entities.slotOf(columns.entities[row]!, newEntity);
      batch.domainSlots[row] = domains.slotOf(columns.domains[row]!, newDomain);
    }
    const ages = entities.block(AGE_BLOCK);
    for (let row = 0; row < size; row++) {
      const slot = batch.slots[row]!;
      const seconds = columns.times[row]! / 1000;
      const last = entities.times[slot]!;
      // An event that comes after a newer one of its entity has no gap before it, rather than a negative one.
      batch.gaps[row] = Number.isNaN(last) ? Number.NaN : Math.max(0, seconds - last);
      batch.times[row] = seconds;
      if (!(last >= seconds)) entities.times[slot] = seconds;
      const at = slot * ages.stride + ages.offset;
      batch.ages[row] = ages.data[at]!;
      if (ages.data[at]! < 1e7) ages.data[at] = ages.data[at]! + 1;
      batch.hoursOfWeek[row] = this.#clock.hourOfWeek(columns.zones[row]!, columns.times[row]!);
    }
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

  /** Scales the features of `batch` in place; `modelDomains` gives the model's index of a domain, or -1. */
  scale(
    batch: FeatureBatch,
    scales: FeatureScales,
    domains: Slab,
    modelDomains: (slot: number) => number,
  ): void {
    for (let row = 0; row < batch.size; row++) batch.domains[row] = modelDomains(batch.domainSlots[row]!);
    scaleRows(batch.x, batch.size, scales, batch.domains, domains.block(SCALE_BLOCK), batch.domainSlots);
  }
}
