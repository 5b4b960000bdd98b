import { createHash } from 'node:crypto';
import type { TrainingSet } from '../contract.js';
import type { EventColumns } from '../features/columns.js';
import { AGE_BLOCK, FeatureBatch, FeatureEngine, SCALE_BLOCK } from '../features/engine.js';
import type { FeaturePlan } from '../features/plan.js';
import { type FeatureScales, fitScales, scaleRows, scalingFloats } from '../features/scaling.js';
import { Slab } from '../state/slab.js';

const MAX_ENTITIES = 2_000_000;
const MAX_DOMAINS = 255;
/** the name that all domains together have */
const ALL = '\u0000all';

/** A recorded stretch of a stream, as features: filled in arrival order, with the states that a scorer would have. */
export class Recording {
  readonly plan: FeaturePlan;
  readonly #engine: FeatureEngine;
  readonly #batch: FeatureBatch;
  readonly #entities: Slab;
  readonly #domains: Slab;
  readonly #pooled: { entities: Slab; domains: Slab; batch: FeatureBatch };
  readonly #hash = createHash('sha256');
  readonly #capacity: number;
  #rows = 0;
  #x: Float32Array;
  #raw: Float64Array;
  #entityOf: Int32Array;
  #domainOf: Int32Array;
  #times: Float64Array;
  #gaps: Float64Array;
  #ages: Float64Array;
  #hours: Float32Array;

  /** @param maxRows events that are kept; more are refused by `full` */
  constructor(
    plan: FeaturePlan,
    batchEvents: number,
    readonly maxRows: number,
  ) {
    this.plan = plan;
    this.#capacity = batchEvents;
    this.#engine = new FeatureEngine(plan);
    this.#batch = new FeatureBatch(plan, batchEvents);
    const entityBlocks = [...plan.entityBlocks, { name: AGE_BLOCK, size: 1 }];
    const domainBlocks = [
      ...plan.domainBlocks,
      { name: SCALE_BLOCK, size: scalingFloats(plan.features.length) },
    ];
    this.#entities = new Slab(entityBlocks, MAX_ENTITIES);
    this.#domains = new Slab(domainBlocks, MAX_DOMAINS, 4);
    this.#pooled = {
      entities: new Slab(entityBlocks, MAX_ENTITIES),
      domains: new Slab(domainBlocks, 1, 1),
      batch: new FeatureBatch(plan, batchEvents),
    };
    const rows = Math.min(maxRows, 65_536);
    this.#x = new Float32Array(rows * plan.features.length);
    this.#raw = new Float64Array(rows * plan.sensors.length);
    this.#entityOf = new Int32Array(rows);
    this.#domainOf = new Int32Array(rows);
    this.#times = new Float64Array(rows);
    this.#gaps = new Float64Array(rows);
    this.#ages = new Float64Array(rows);
    this.#hours = new Float32Array(rows);
  }

  get rows(): number {
    return this.#rows;
  }

  get full(): boolean {
    return this.#rows + this.#capacity > this.maxRows;
  }

  knowsZone(zone: string): boolean {
    return this.#engine.knowsZone(zone);
  }

  /** Takes in a micro-batch of events. */
  add(columns: EventColumns): void {
    const size = columns.size;
    if (this.#rows + size > this.maxRows)
      throw new RangeError(`the recording holds ${this.maxRows} events at most; stop when it is full`);
    this.#reserve(this.#rows + size);
    const batch = this.#batch;
    const nothing = () => undefined;
    this.#engine.extract(columns, batch, this.#entities, this.#domains, nothing, nothing);
    const { features, sensors } = batch;
    this.#x.set(batch.x.subarray(0, size * features), this.#rows * features);
    this.#raw.set(batch.raw.subarray(0, size * sensors), this.#rows * sensors);
    this.#entityOf.set(batch.slots.subarray(0, size), this.#rows);
    this.#domainOf.set(batch.domainSlots.subarray(0, size), this.#rows);
    this.#times.set(batch.times.subarray(0, size), this.#rows);
    this.#gaps.set(batch.gaps.subarray(0, size), this.#rows);
    this.#ages.set(batch.ages.subarray(0, size), this.#rows);
    this.#hours.set(batch.hoursOfWeek.subarray(0, size), this.#rows);
    this.#rows += size;
    for (let row = 0; row < size; row++) {
      this.#hash.update(
        `${columns.entities[row]}\u0000${columns.times[row]}\u0000${columns.numbers.map((values) => values[row]).join(',')}\n`,
      );
    }
    // Once more as if there were one domain, for the state that a domain nobody has seen starts from.
    const own = columns.domains.slice(0, size);
    columns.domains.fill(ALL, 0, size);
    this.#engine.extract(
      columns,
      this.#pooled.batch,
      this.#pooled.entities,
      this.#pooled.domains,
      nothing,
      nothing,
    );
    for (let row = 0; row < size; row++) columns.domains[row] = own[row]!;
  }

  #reserve(rows: number): void {
    if (rows <= this.#times.length) return;
    const more = Math.min(this.maxRows, Math.max(rows, this.#times.length * 2));
    const { features, sensors } = this.#batch;
    this.#x = grow(new Float32Array(more * features), this.#x);
    this.#raw = grow(new Float64Array(more * sensors), this.#raw);
    this.#entityOf = grow(new Int32Array(more), this.#entityOf);
    this.#domainOf = grow(new Int32Array(more), this.#domainOf);
    this.#times = grow(new Float64Array(more), this.#times);
    this.#gaps = grow(new Float64Array(more), this.#gaps);
    this.#ages = grow(new Float64Array(more), this.#ages);
    this.#hours = grow(new Float32Array(more), this.#hours);
  }

  /** Ends the recording: features scaled by domain, and what training hands on to scoring. The recording is spent. */
  finish(): RecordedStretch {
    const rows = this.#rows;
    const { features, sensors } = this.#batch;
    const domains = [...this.#domains.keys];
    const x = this.#x.subarray(0, rows * features);
    const scales = fitScales(x, rows, features, this.#domainOf, domains);
    const domainOf = this.#domainOf.slice(0, rows);
    scaleRows(x, rows, scales, domainOf, this.#domains.block(SCALE_BLOCK), domainOf);
    const floats = this.plan.domainBlocks.reduce((sum, block) => sum + block.size, 0);
    const domainState = new Float32Array((domains.length + 1) * floats);
    domains.forEach((_, slot) => {
      domainState.set(
        this.#domains.data.subarray(slot * this.#domains.stride, slot * this.#domains.stride + floats),
        slot * floats,
      );
    });
    domainState.set(this.#pooled.domains.data.subarray(0, floats), domains.length * floats);
    let from = Number.POSITIVE_INFINITY;
    let to = Number.NEGATIVE_INFINITY;
    for (let row = 0; row < rows; row++) {
      from = Math.min(from, this.#times[row]!);
      to = Math.max(to, this.#times[row]!);
    }
    const set: TrainingSet = {
      rows,
      features,
      sensors,
      x,
      raw: this.#raw.subarray(0, rows * sensors),
      entities: this.#entityOf.slice(0, rows),
      domains: domainOf,
      times: this.#times.slice(0, rows),
      gaps: this.#gaps.slice(0, rows),
      ages: this.#ages.slice(0, rows),
      hoursOfWeek: this.#hours.slice(0, rows),
    };
    return {
      set,
      scales,
      domainState,
      entities: this.#entities.size,
      from,
      to,
      digest: this.#hash.digest('hex'),
    };
  }
}

export interface RecordedStretch {
  readonly set: TrainingSet;
  readonly scales: FeatureScales;
  /** see ScoringModel.domainState */
  readonly domainState: Float32Array;
  readonly entities: number;
  /** seconds since the epoch */
  readonly from: number;
  readonly to: number;
  /** SHA-256 over the events in their order */
  readonly digest: string;
}

function grow<T extends Float32Array | Float64Array | Int32Array>(fresh: T, old: T): T {
  fresh.set(old);
  return fresh;
}
