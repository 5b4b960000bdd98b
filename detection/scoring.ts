import type { Detector, StateBlock } from './contract.js';
import type { EventColumns } from './features/columns.js';
import { AGE_BLOCK, FeatureBatch, FeatureEngine, SCALE_BLOCK } from './features/engine.js';
import type { FeaturePlan } from './features/plan.js';
import { isRepeat, isRepeatBytes, RECENT_FLOATS } from './features/recent-ids.js';
import { type FeatureScales, scalingFloats } from './features/scaling.js';
import { AlertBudget, type Severity, severityOf } from './judging/budget.js';
import { bucketOf } from './judging/dispersion.js';
import type { JudgementPriors } from './judging/fit-judgement.js';
import { JUDGEMENT_BLOCK, PartitionJudging } from './judging/partition-judging.js';
import { Smoothing } from './judging/smoothing.js';
import type { LabelLog } from './labels/label-log.js';
import { judgedAs, smoothedOf } from './model/detectors.js';
import { type LabelSettings, SecondStage } from './second-stage/second-stage.js';
import { SUSPICION_NAMES, Suspicion } from './second-stage/suspicion.js';
import { type BlockLayout, Slab } from './state/slab.js';

/** A model made ready to score: shared by all partitions of a pipeline in a process. Holds no adaptive state. */
export interface ScoringModel {
  readonly id: string;
  readonly plan: FeaturePlan;
  readonly scales: FeatureScales;
  readonly detectors: readonly Detector[];
  /** smoothing constants of the detectors' scores, see Smoothing */
  readonly lambdas: readonly number[];
  /** an ordinary event's raw score by detector, where the smoothed scores start */
  readonly ordinary: readonly number[];
  readonly priors: JudgementPriors;
  /** (domains of scales + 1) x floats of the plan's domain blocks: what training knew of each domain, last of all together */
  readonly domainState: Float32Array;
  readonly eventsPerDay: number;
}

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

/** domains with state of their own in a partition; what comes beyond shares OTHER's */
const MAX_DOMAINS = 256;
const OTHER = '\u0000other';
const RECENT_BLOCK = 'recent-ids';
const BUCKET_BLOCK = 'bucket';

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
  readonly batch: FeatureBatch;
  readonly engine: FeatureEngine;
  /** there is one where the pipeline has labels */
  readonly second: SecondStage | undefined;
  readonly #secondary: readonly number[];
  readonly #suspicion = new Suspicion();
  readonly #event = {
    entity: '',
    secondary: [] as string[],
    seconds: 0,
    offset: 0,
    surprise: 0,
    suspicion: new Float32Array(SUSPICION_NAMES.length),
  };
  readonly #remembers: boolean;
  #recent: StateBlock | undefined;
  /** by row, room for Slab.foresee */
  readonly #foreseen: Int32Array;
  readonly #model: ScoringModel;
  readonly #smoothing: Smoothing;
  readonly #budget: AlertBudget;
  readonly #judging: PartitionJudging;
  readonly #raw: Float32Array;
  readonly #rawOne: Float32Array;
  readonly #surprise: Float32Array;
  readonly #firstSurprise: Float32Array;
  readonly #modelDomain: ReadonlyMap<string, number>;
  /** by slot of the domain slab, the model's index of the domain, -1 for one that it doesn't know */
  readonly #modelDomains = new Int32Array(MAX_DOMAINS).fill(-1);

  constructor(model: ScoringModel, options: PartitionOptions) {
    this.#model = model;
    const { plan, detectors, lambdas } = model;
    const { capacity } = options;
    this.engine = new FeatureEngine(plan);
    this.batch = new FeatureBatch(plan, capacity);
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
      entityLayout(
        model,
        this.#smoothing,
        this.#budget,
        options.labels !== undefined,
        options.remembersIds === true,
      ),
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
    this.#modelDomain = new Map(model.scales.domains.map((name, index) => [name, index]));
    this.second = options.labels && secondStage(model, options.labels, options.partitions);
    this.#secondary = (options.labels?.settings.secondary ?? []).map((field) =>
      plan.categories.indexOf(field),
    );
    this.#remembers = options.remembersIds === true;
    this.#foreseen = new Int32Array(capacity);
    this.#raw = new Float32Array(capacity * detectors.length);
    this.#rawOne = new Float32Array(capacity);
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

  /** Scores `columns` (at most `capacity` rows) and advances the state. */
  score(columns: EventColumns): ScoredBatch {
    const failed = this.#detect(columns);
    const slab = this.entities;
    const size = columns.size;
    const { joined, own } = this.#judging;
    this.#judging.judge(this.#raw, size, this.batch.domainSlots, slab.block('smoothing'), {
      state: slab.block(BUCKET_BLOCK),
      slots: this.batch.slots,
    });
    const budget = slab.block('budget');
    const suspicion = slab.block('suspicion');
    const flagged: FlaggedRow[] = [];
    for (const category of this.#secondary) columns.check(category);
    this.second?.visit({
      size,
      seconds: this.batch.times,
      hashes: this.#secondary.map((category) => columns.hashes[category]!),
      checks: this.#secondary.map((category) => columns.checks[category]!),
      text: (field, row) => columns.text(this.#secondary[field]!, row),
    });
    for (let row = 0; row < size; row++) {
      const judged = joined[row]!;
      const surprise =
        this.second === undefined ? judged : this.#rank(this.second, columns, suspicion, row, judged);
      this.#surprise[row] = surprise;
      this.#firstSurprise[row] = judged;
      const decision = this.#budget.decide(surprise, this.batch.times[row]!, budget, this.batch.slots[row]!);
      if (decision === 'quiet') continue;
      const threshold = this.#budget.threshold;
      flagged.push({
        row,
        surprise,
        threshold,
        severity: severityOf(surprise, threshold),
        alert: decision === 'alert',
        ...(this.second?.on && { labels: this.second.reasons() }),
      });
    }
    return {
      size,
      surprise: this.#surprise,
      firstSurprise: this.#firstSurprise,
      detectorSurprise: own,
      flagged,
      failed,
    };
  }

  #rank(
    second: SecondStage,
    columns: EventColumns,
    state: StateBlock,
    row: number,
    surprise: number,
  ): number {
    const event = this.#event;
    event.entity = columns.entities[row]!;
    event.seconds = this.batch.times[row]!;
    event.offset = columns.offsets[row]!;
    event.surprise = surprise;
    for (let i = 0; i < this.#secondary.length; i++) {
      const category = this.#secondary[i]!;
      const told = second.book.mayFollow(i, columns.hashes[category]![row]!);
      event.secondary[i] = told ? columns.text(category, row) : '';
    }
    const slot = this.batch.slots[row]!;
    this.#suspicion.read(state, slot, this.batch.gaps[row]!, event.suspicion, 0);
    this.#suspicion.add(state, slot, surprise);
    const { detectors } = this.#model;
    return second.rank(
      event,
      this.#judging.own,
      row * detectors.length,
      this.batch.x,
      row * this.batch.features,
    );
  }

  /** Features and raw scores of a micro-batch (rows x detectors), without judging them: what training needs. */
  detect(columns: EventColumns): { raw: Float32Array; failed: readonly string[] } {
    return { failed: this.#detect(columns), raw: this.#raw };
  }

  #detect(columns: EventColumns): string[] {
    const { detectors, scales } = this.#model;
    if (columns.size > this.batch.capacity)
      throw new RangeError(
        `a micro-batch of ${columns.size} events; this scorer takes ${this.batch.capacity} at most`,
      );
    if (this.domains.size >= MAX_DOMAINS - 1)
      for (let row = 0; row < columns.size; row++)
        if (this.domains.find(columns.domains[row]!) < 0) columns.domains[row] = OTHER;
    this.engine.extract(columns, this.batch, this.entities, this.domains, this.#newEntity, this.#newDomain);
    this.engine.scale(this.batch, scales, this.domains, this.#modelDomains);
    const failed: string[] = [];
    detectors.forEach((detector, index) => {
      const out = this.#rawOne;
      let sound = true;
      try {
        detector.score(this.batch, this.entities.block(detectorBlock(detector)), out);
        for (let row = 0; row < columns.size; row++) sound &&= Number.isFinite(out[row]);
      } catch {
        // A model backend that throws must not stop the stream: the others score, and the batch says so.
        sound = false;
      }
      if (!sound) failed.push(detector.name);
      const warmUp = detector.warmUp ?? 0;
      for (let row = 0; row < columns.size; row++) {
        const speaks = sound && this.batch.ages[row]! >= warmUp;
        this.#raw[row * detectors.length + index] = speaks ? out[row]! : Number.NaN;
      }
    });
    return failed;
  }

  readonly #newEntity = (slot: number): void => {
    for (const detector of this.#model.detectors) {
      if (detector.stateSize > 0) detector.initState(this.entities.block(detectorBlock(detector)), slot);
    }
    this.#smoothing.initState(this.entities.block('smoothing'), slot);
    this.#budget.initState(this.entities.block('budget'), slot);
    const bucket = this.entities.block(BUCKET_BLOCK);
    bucket.data[slot * bucket.stride + bucket.offset] = bucketOf(this.entities.keys[slot]!);
  };

  readonly #newDomain = (slot: number): void => {
    const { domainState, scales, plan } = this.#model;
    const floats = plan.domainBlocks.reduce((sum, block) => sum + block.size, 0);
    const index = this.#modelDomain.get(this.domains.keys[slot]!);
    const known = index ?? scales.domains.length;
    this.#modelDomains[slot] = index ?? -1;
    this.domains.data.set(
      domainState.subarray(known * floats, (known + 1) * floats),
      slot * this.domains.stride,
    );
  };

  /** Lays the judgements into the domain slab, so that it holds the domains' whole state. */
  flush(): void {
    this.second?.flush();
    this.#judging.flush(this.domains);
  }

  /** After the slabs were filled from a checkpoint. */
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

  /** prepares rows that a checkpoint is laid over */
  get initialisers(): { entity: (slot: number) => void; domain: (slot: number) => void } {
    return { entity: this.#newEntity, domain: this.#newDomain };
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

function detectorBlock(detector: Detector): string {
  const { name, stateVersion = 1 } = detector;
  return stateVersion === 1 ? `detector:${name}` : `detector:${name}@${stateVersion}`;
}

function entityLayout(
  model: ScoringModel,
  smoothing: Smoothing,
  budget: AlertBudget,
  labels: boolean,
  repeats: boolean,
): BlockLayout[] {
  return [
    ...model.plan.entityBlocks,
    { name: AGE_BLOCK, size: 1 },
    // Detectors without state get a block of nothing, so that each has one to be called with.
    ...model.detectors.map((detector) => ({ name: detectorBlock(detector), size: detector.stateSize })),
    { name: 'smoothing', size: smoothing.stateSize },
    { name: 'budget', size: budget.stateSize },
    { name: 'suspicion', size: labels ? SUSPICION_NAMES.length : 0 },
    { name: BUCKET_BLOCK, size: 1 },
    { name: RECENT_BLOCK, size: repeats ? RECENT_FLOATS : 0 },
  ];
}
