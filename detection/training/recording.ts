import { createHash } from 'node:crypto';
import type { Detector, TrainingSet } from '../contract.js';
import { domainKey } from '../detecting.js';
import type { EventColumns } from '../features/columns.js';
import { AGE_BLOCK, FeatureBatch, FeatureEngine, SCALE_BLOCK } from '../features/engine.js';
import type { FeaturePlan } from '../features/plan.js';
import { type FeatureScales, fitScales, scaleRows, scalingFloats } from '../features/scaling.js';
import type { DetectorSettings } from '../model/detector-settings.js';
import { untrainedDetectors } from '../model/detectors.js';
import { Slab } from '../state/slab.js';
import { KeptRows } from './kept-rows.js';

/** entities whose state is kept; beyond it the one touched longest ago makes room, and counts as a new one later */
const MAX_ENTITIES = 1_000_000;
const MAX_DOMAINS = 255;
/** the name that all domains together have */
const ALL = '\u0000all';
/** events after which the state of all domains together is learned from every second batch, then every fourth, … */
const POOLED_EVENTS = 500_000;
const nothing = (): void => undefined;

export interface RecordingOptions {
  /** which detectors that need no training score every event on its way, so that they have seen all of the past */
  readonly settings?: DetectorSettings;
  /** of what is left out when there are more rows than are kept */
  readonly seed?: number;
}

/**
 * A recorded stretch of a stream, as features: filled in arrival order, with the states that a scorer would have.
 * All events pass through the features and states; up to `maxRows` of them are kept as rows to learn from, of more a
 * sample (see KeptRows). Memory: about 4 floats a feature and 8 bytes a sensor a kept row, and the entities' states.
 */
export class Recording {
  readonly plan: FeaturePlan;
  readonly #engine: FeatureEngine;
  readonly #batch: FeatureBatch;
  readonly #entities: Slab;
  readonly #domains: Slab;
  readonly #pooled: { entities: Slab; domains: Slab; batch: FeatureBatch };
  readonly #hash = createHash('sha256');
  readonly #kept: KeptRows;
  readonly #untrained: readonly Detector[];
  readonly #scores: Float32Array[];
  /** by slot and by row of the batch: the entity's number among the kept rows */
  #numberOf = new Int32Array(1024);
  readonly #numbers: Int32Array;
  #batches = 0;
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;

  /** @param maxRows rows that are kept to learn from, at most */
  constructor(
    plan: FeaturePlan,
    batchEvents: number,
    readonly maxRows: number,
    options: RecordingOptions = {},
  ) {
    this.plan = plan;
    this.#engine = new FeatureEngine(plan);
    this.#batch = new FeatureBatch(plan, batchEvents);
    this.#untrained = untrainedDetectors(options.settings ?? {}, plan);
    const blocks = [...plan.entityBlocks, { name: AGE_BLOCK, size: 1 }];
    const domainBlocks = [
      ...plan.domainBlocks,
      { name: SCALE_BLOCK, size: scalingFloats(plan.features.length) },
    ];
    const states = this.#untrained.map(({ name, stateSize }) => ({
      name: `detector:${name}`,
      size: stateSize,
    }));
    this.#entities = new Slab([...blocks, ...states], MAX_ENTITIES);
    this.#domains = new Slab(domainBlocks, MAX_DOMAINS, 4);
    this.#pooled = {
      entities: new Slab(blocks, MAX_ENTITIES),
      domains: new Slab(domainBlocks, 1, 1),
      batch: new FeatureBatch(plan, batchEvents),
    };
    this.#scores = this.#untrained.map(() => new Float32Array(batchEvents));
    this.#numbers = new Int32Array(batchEvents);
    const { length: features } = plan.features;
    this.#kept = new KeptRows(
      features,
      plan.sensors.length,
      this.#untrained.length,
      maxRows,
      options.seed ?? 1,
    );
  }

  /** events taken in */
  get events(): number {
    return this.#kept.events;
  }

  /** rows that are kept of them */
  get rows(): number {
    return this.#kept.rows;
  }

  knowsZone(zone: string): boolean {
    return this.#engine.knowsZone(zone);
  }

  /** Takes in a micro-batch of events. */
  add(columns: EventColumns): void {
    const batch = this.#batch;
    this.#engine.extract(
      columns,
      batch,
      this.#entities,
      this.#domains,
      (slot) => this.#newEntity(slot),
      (domain) => this.#domains.slotOf(domainKey(this.#domains, domain), nothing),
    );
    this.#untrained.forEach((detector, index) => {
      const scores = this.#scores[index]!;
      detector.score(batch, this.#entities.block(`detector:${detector.name}`), scores);
      // As in the stream, it has no say before it is warm.
      const warmUp = detector.warmUp ?? 0;
      for (let row = 0; row < batch.size; row++) if (batch.ages[row]! < warmUp) scores[row] = Number.NaN;
    });
    for (let row = 0; row < batch.size; row++) {
      this.#numbers[row] = this.#numberOf[batch.slots[row]!]!;
      const time = batch.times[row]!;
      if (time < this.#from) this.#from = time;
      if (time > this.#to) this.#to = time;
    }
    this.#kept.add(batch, this.#numbers, this.#scores);
    this.#note(columns);
    this.#pool(columns);
  }

  #newEntity(slot: number): void {
    if (slot >= this.#numberOf.length) {
      const more = new Int32Array(this.#numberOf.length * 2);
      more.set(this.#numberOf);
      this.#numberOf = more;
    }
    this.#numberOf[slot] = this.#kept.newEntity(this.#entities.keys[slot]!);
    for (const detector of this.#untrained)
      detector.initState(this.#entities.block(`detector:${detector.name}`), slot);
  }

  #note(columns: EventColumns): void {
    const { size, entities, times, numbers, categories } = columns;
    const bytes = (values: Float64Array) => Buffer.from(values.buffer, values.byteOffset, size * 8);
    this.#hash.update(entities.slice(0, size).join('\u0000')).update(bytes(times));
    for (const values of numbers) this.#hash.update(bytes(values));
    for (const values of categories) this.#hash.update(values.slice(0, size).join('\u0000'));
  }

  /** Once more as if there were one domain, for the state that a domain nobody has seen starts from. */
  #pool(columns: EventColumns): void {
    const every = 2 ** Math.floor(Math.log2(Math.max(1, this.events / POOLED_EVENTS)));
    if (this.#batches++ % every !== 0) return;
    const own = columns.domains.slice(0, columns.size);
    columns.domains.fill(ALL, 0, columns.size);
    this.#engine.extract(
      columns,
      this.#pooled.batch,
      this.#pooled.entities,
      this.#pooled.domains,
      nothing,
      (domain) => this.#pooled.domains.slotOf(domain, nothing),
    );
    for (let row = 0; row < columns.size; row++) columns.domains[row] = own[row]!;
  }

  /** Ends the recording: features scaled by domain, and what training hands on to scoring. The recording is spent. */
  finish(): RecordedStretch {
    const kept = this.#kept;
    const { rows, features, sensors } = kept;
    const domains = [...this.#domains.keys];
    const x = kept.x.subarray(0, rows * features);
    const domainOf = kept.domains.slice(0, rows);
    const scales = fitScales(x, rows, features, domainOf, domains);
    scaleRows(x, rows, scales, domainOf, this.#domains.block(SCALE_BLOCK), domainOf);
    const floats = this.plan.domainBlocks.reduce((sum, block) => sum + block.size, 0);
    const domainState = new Float32Array((domains.length + 1) * floats);
    domains.forEach((_, slot) => {
      const from = slot * this.#domains.stride;
      domainState.set(this.#domains.data.subarray(from, from + floats), slot * floats);
    });
    domainState.set(this.#pooled.domains.data.subarray(0, floats), domains.length * floats);
    const set: TrainingSet = {
      rows,
      features,
      sensors,
      x,
      raw: kept.raw.subarray(0, rows * sensors),
      entities: kept.sequences(),
      domains: domainOf,
      times: kept.times.slice(0, rows),
      gaps: kept.gaps.slice(0, rows),
      ages: kept.ages.slice(0, rows),
      hoursOfWeek: kept.hours.slice(0, rows),
    };
    const { length: detectors } = this.#untrained;
    return {
      set,
      scales,
      domainState,
      events: this.events,
      entities: this.#entities.size + this.#entities.evicted,
      from: this.#from,
      to: this.#to,
      digest: this.#hash.digest('hex'),
      untrained: this.#untrained.map(({ name }, index) => ({
        name,
        scores: Float32Array.from({ length: rows }, (_, row) => kept.scores[row * detectors + index]!),
      })),
    };
  }
}

export interface RecordedStretch {
  /** the rows that were kept */
  readonly set: TrainingSet;
  readonly scales: FeatureScales;
  /** see ScoringModel.domainState */
  readonly domainState: Float32Array;
  /** all events that were taken in */
  readonly events: number;
  readonly entities: number;
  /** seconds since the epoch */
  readonly from: number;
  readonly to: number;
  /** SHA-256 over the events in their order */
  readonly digest: string;
  /** raw scores of the kept rows by the detectors that need no training, NaN before they are warm */
  readonly untrained: readonly { readonly name: string; readonly scores: Float32Array }[];
}
