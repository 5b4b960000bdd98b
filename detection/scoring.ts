import type { StateBlock } from './contract.js';
import { Detecting, MAX_DOMAINS } from './detecting.js';
import {
  BUCKET_BLOCK,
  BUDGET_BLOCK,
  detectorBlock,
  entityLayout,
  RECENT_BLOCK,
  SMOOTHING_BLOCK,
  SUSPICION_BLOCK,
} from './entity-layout.js';
import type { EventColumns } from './features/columns.js';
import { type FeatureBatch, type FeatureEngine, SCALE_BLOCK } from './features/engine.js';
import { isRepeat, isRepeatBytes, RECENT_FLOATS } from './features/recent-ids.js';
import { scalingFloats } from './features/scaling.js';
import { AlertBudget, type Severity, severityOf } from './judging/budget.js';
import { bucketOf } from './judging/dispersion.js';
import { JUDGEMENT_BLOCK, PartitionJudging } from './judging/partition-judging.js';
import { Smoothing } from './judging/smoothing.js';
import type { LabelLog } from './labels/label-log.js';
import { judgedAs, smoothedOf } from './model/detectors.js';
import type { ScoringModel } from './scoring-model.js';
import type { RankedRows } from './second-stage/ranked-rows.js';
import { type LabelSettings, SecondStage } from './second-stage/second-stage.js';
import { SUSPICION_NAMES, Suspicion } from './second-stage/suspicion.js';
import { type PagedState, SlabPages } from './state/paged-state.js';
import { Slab } from './state/slab.js';

export type { ScoringModel } from './scoring-model.js';

export interface PartitionOptions {
  /** alerts a day of the whole pipeline */
  readonly budget: number;
  /** seconds without a risk that end an episode */
  readonly quietSeconds: number;
  /** partitions of the input topic: this one's share of the budget is one of them */
  readonly partitions: number;
  /** entities kept in memory; beyond it the one touched longest ago makes room */
  readonly maxEntities: number;
  /** rows of a micro-batch at most */
  readonly capacity: number;
  /** false: calibrations stay as training left them (benchmarks with a fixed threshold). Default true */
  readonly learns?: boolean;
  /** whether entities remember the ids of their last events, for `repeats`. Default false */
  readonly remembersIds?: boolean;
  /** how confirmed labels re-rank the events; without it only the first stage judges */
  readonly labels?: PartitionLabels;
}

export interface PartitionLabels {
  readonly settings: LabelSettings;
  /** the labels of all partitions, shared by the process */
  readonly log: LabelLog;
  /** what the partition's windows of visits are named after */
  readonly name: string;
}

export interface FlaggedRow {
  readonly row: number;
  /** -log10 of the calibrated tail probability */
  readonly surprise: number;
  /** what had to be passed */
  readonly threshold: number;
  readonly severity: Severity;
  /** the first risk of an episode */
  readonly alert: boolean;
  /** what the labels add, where the second stage speaks: its share, by label feature, see LabelBook.names */
  readonly labels?: readonly { readonly name: string; readonly value: number; readonly share: number }[];
}

/** What a partition scorer says of its last micro-batch. The arrays are reused by the next one. */
export interface ScoredBatch {
  readonly size: number;
  /** by row */
  readonly surprise: Float32Array;
  /** by row, what the first stage alone says; the same as `surprise` while no second stage re-ranks */
  readonly firstSurprise: Float32Array;
  /** rows x detectors, -log10 p each; NaN for a detector that failed */
  readonly detectorSurprise: Float32Array;
  readonly flagged: readonly FlaggedRow[];
  /** detectors that threw or gave no number in this batch */
  readonly failed: readonly string[];
}

/**
 * Scores the events of one partition of a pipeline, and owns the adaptive state of that partition: entities,
 * domains, alert budget. A score depends on the events of the partition and their order, never on where
 * micro-batches are cut, which process runs it, or when.
 */
export class PartitionScorer {
  readonly entities: Slab;
  readonly domains: Slab;
  /** there is one where the pipeline has labels */
  readonly second: SecondStage | undefined;
  /** the parts of its state, by the names that a checkpoint gives them; up to date after `flush` */
  readonly parts: { readonly domains: PagedState; readonly entities: PagedState } & Partial<
    SecondStage['parts']
  >;
  readonly #secondary: readonly number[];
  readonly #suspicion = new Suspicion();
  readonly #suspicious = new Float32Array(SUSPICION_NAMES.length);
  readonly #remembers: boolean;
  #recent: StateBlock | undefined;
  /** by row, room for Slab.foresee */
  readonly #foreseen: Int32Array;
  readonly #model: ScoringModel;
  readonly #smoothing: Smoothing;
  readonly #budget: AlertBudget;
  readonly #judging: PartitionJudging;
  readonly #detecting: Detecting;
  readonly #surprise: Float32Array;
  readonly #firstSurprise: Float32Array;

  constructor(model: ScoringModel, options: PartitionOptions) {
    this.#model = model;
    const { plan, detectors, lambdas } = model;
    const { capacity } = options;
    this.#smoothing = new Smoothing(detectors.length, lambdas, model.ordinary, smoothedOf(detectors));
    this.#budget = new AlertBudget({
      alertsPerDay: options.budget / options.partitions,
      quietSeconds: options.quietSeconds,
      eventsPerDay: model.eventsPerDay / options.partitions,
    });
    this.#judging = new PartitionJudging({
      layout: { detectors: judgedAs(detectors), lambdas: lambdas.length },
      priors: model.priors,
      tails: { learns: options.learns },
      smoothing: this.#smoothing,
      domains: MAX_DOMAINS,
      capacity,
    });
    this.entities = new Slab(
      entityLayout({
        plan,
        detectors,
        smoothing: this.#smoothing.stateSize,
        budget: this.#budget.stateSize,
        labels: options.labels !== undefined,
        repeats: options.remembersIds === true,
      }),
      options.maxEntities,
    );
    this.domains = new Slab(
      [
        ...plan.domainBlocks,
        { name: SCALE_BLOCK, size: scalingFloats(plan.features.length) },
        { name: JUDGEMENT_BLOCK, size: this.#judging.stateSize },
      ],
      MAX_DOMAINS,
      4,
    );
    this.#detecting = new Detecting(model, {
      capacity,
      entities: this.entities,
      domains: this.domains,
      newEntity: this.#newEntity,
    });
    this.second = options.labels && secondStage(model, options.labels, options.partitions);
    this.parts = {
      domains: new SlabPages(this.domains, this.#detecting.newDomain),
      entities: new SlabPages(this.entities, this.#newEntity),
      ...this.second?.parts,
    };
    this.#secondary = (options.labels?.settings.secondary ?? []).map((field) =>
      plan.categories.indexOf(field),
    );
    this.#remembers = options.remembersIds === true;
    this.#foreseen = new Int32Array(capacity);
    this.#surprise = new Float32Array(capacity);
    this.#firstSurprise = new Float32Array(capacity);
  }

  /** Opens a micro-batch whose entities are looked up one by one before its events are scored together. */
  beginBatch(): void {
    this.entities.beginBatch();
  }

  /** The slot of an entity, for EventColumns.slots; a new entity gets one. */
  slotOf(entity: string): number {
    return this.entities.slotOf(entity, this.#newEntity);
  }

  /** As `slotOf`, for the entity whose name is in bytes[start, end), ASCII of which the hashString is known. */
  slotOfHashedBytes(bytes: Buffer, start: number, end: number, hash: number): number {
    return this.entities.slotOfHashedBytes(bytes, start, end, hash, this.#newEntity);
  }

  /** Reads ahead what `slotOfHashedBytes` and `repeatsBytes` will need for entities with these hashes, `capacity` at most. */
  foresee(hashes: Uint32Array, size: number): void {
    const { offset } = this.#recentIds();
    this.entities.foresee(hashes, size, this.#foreseen, offset, this.#remembers ? RECENT_FLOATS : 0);
  }

  /** Whether an event with this id was taken as one of the entity's last; if not it is remembered as the newest. */
  repeats(slot: number, id: string): boolean {
    return isRepeat(this.#recentIds(), slot, id);
  }

  /** As `repeats`, for the id in bytes[start, end). */
  repeatsBytes(slot: number, bytes: Buffer, start: number, end: number): boolean {
    return isRepeatBytes(this.#recentIds(), slot, bytes, start, end);
  }

  #recentIds(): StateBlock {
    if (this.#recent?.data !== this.entities.data) this.#recent = this.entities.block(RECENT_BLOCK);
    return this.#recent;
  }

  /** The features of the micro-batch scored last. */
  get batch(): FeatureBatch {
    return this.#detecting.batch;
  }

  get engine(): FeatureEngine {
    return this.#detecting.engine;
  }

  /** Scores `columns` (at most `capacity` rows) and advances the state. */
  score(columns: EventColumns): ScoredBatch {
    const failed = this.#detecting.detect(columns);
    const slab = this.entities;
    const { slots, domainSlots } = this.batch;
    this.#judging.judge(this.#detecting.raw, columns.size, domainSlots, slab.block(SMOOTHING_BLOCK), {
      state: slab.block(BUCKET_BLOCK),
      slots,
    });
    return {
      size: columns.size,
      surprise: this.#surprise,
      firstSurprise: this.#firstSurprise,
      detectorSurprise: this.#judging.own,
      flagged: this.#decide(columns),
      failed,
    };
  }

  /** Ranks the judged rows and holds them against the alert budget, one after another. */
  #decide(columns: EventColumns): FlaggedRow[] {
    const { second, entities } = this;
    const { slots, gaps, times } = this.batch;
    const { joined } = this.#judging;
    const budget = entities.block(BUDGET_BLOCK);
    const suspicion = entities.block(SUSPICION_BLOCK);
    const ranked = this.#ranked(columns);
    const flagged: FlaggedRow[] = [];
    for (let row = 0; row < columns.size; row++) {
      const judged = joined[row]!;
      const slot = slots[row]!;
      let surprise = judged;
      if (second !== undefined && ranked !== undefined) {
        this.#suspicion.pass(suspicion, slot, gaps[row]!, judged, this.#suspicious);
        surprise = second.rank(ranked, row, judged, this.#suspicious);
      }
      this.#surprise[row] = surprise;
      this.#firstSurprise[row] = judged;
      const decision = this.#budget.decide(surprise, times[row]!, budget, slot);
      if (decision === 'quiet') continue;
      const { threshold } = this.#budget;
      flagged.push({
        row,
        surprise,
        threshold,
        severity: severityOf(surprise, threshold),
        alert: decision === 'alert',
        ...(second?.on && { labels: second.reasons() }),
      });
    }
    return flagged;
  }

  /** The micro-batch as the second stage sees it, where there is one; its secondary entities are counted. */
  #ranked(columns: EventColumns): RankedRows | undefined {
    const { second, batch } = this;
    if (second === undefined) return undefined;
    const secondary = this.#secondary;
    for (const category of secondary) columns.check(category);
    const seconds = batch.times;
    const hashes = secondary.map((category) => columns.hashes[category]!);
    const checks = secondary.map((category) => columns.checks[category]!);
    const text = (field: number, row: number) => columns.text(secondary[field]!, row);
    second.visit({ size: columns.size, seconds, hashes, checks });
    const { entities, offsets } = columns;
    return { entities, offsets, seconds, hashes, text, own: this.#judging.own, x: batch.x };
  }

  /** Features and raw scores of a micro-batch (rows x detectors), without judging them: what training needs. */
  detect(columns: EventColumns): { raw: Float32Array; failed: readonly string[] } {
    return { failed: this.#detecting.detect(columns), raw: this.#detecting.raw };
  }

  readonly #newEntity = (slot: number): void => {
    for (const detector of this.#model.detectors) {
      if (detector.stateSize > 0) detector.initState(this.entities.block(detectorBlock(detector)), slot);
    }
    this.#smoothing.initState(this.entities.block(SMOOTHING_BLOCK), slot);
    this.#budget.initState(this.entities.block(BUDGET_BLOCK), slot);
    const bucket = this.entities.block(BUCKET_BLOCK);
    bucket.data[slot * bucket.stride + bucket.offset] = bucketOf(this.entities.keys[slot]!);
  };

  /** Lays what is not in the parts into them. */
  flush(): void {
    this.second?.flush();
    this.#judging.flush(this.domains);
  }

  /** After a checkpoint was laid. */
  load(budget: readonly number[]): void {
    this.#judging.load(this.domains);
    if (budget.length > 0) this.#budget.load(Float64Array.from(budget));
    this.second?.load();
  }

  get modelId(): string {
    return this.#model.id;
  }

  get budgetState(): number[] {
    return [...this.#budget.save()];
  }
}

function secondStage(model: ScoringModel, labels: PartitionLabels, partitions: number): SecondStage {
  const unknown = labels.settings.secondary.find((field) => !model.plan.categories.includes(field));
  if (unknown !== undefined)
    throw new RangeError(
      `secondary entity '${unknown}' is none of the categories: declare it under features.categories`,
    );
  return new SecondStage({
    ...labels,
    detectors: model.detectors.map(({ name }) => name),
    features: model.plan.features,
    eventsPerDay: model.eventsPerDay / partitions,
  });
}
