import { explainRow } from '../../../detection/explain.js';
import { EventColumns } from '../../../detection/features/columns.js';
import type { Reason } from '../../../detection/judging/reasons.js';
import type { LabelLog } from '../../../detection/labels/label-log.js';
import { effectiveFrom } from '../../../detection/labels/records.js';
import { type FlaggedRow, PartitionScorer, type ScoringModel } from '../../../detection/scoring.js';
import type { LabelSettings } from '../../../detection/second-stage/second-stage.js';
import type { Pipeline } from '../../../pipelines/loader.js';
import { Intake, type Taken } from '../../scorer/intake.js';

type Fields = Readonly<Record<string, unknown>>;

export interface ScoredEvent {
  /** position of the event, as it was given to `take` */
  readonly offset: number;
  readonly entity: string;
  readonly domain: string;
  /** epoch ms */
  readonly time: number;
  readonly event: Fields;
  /** -log10 p */
  readonly score: number;
  /** the strongest reason is first; of risks alone */
  readonly risk: (FlaggedRow & { readonly reasons: readonly Reason[] }) | undefined;
}

export interface OfflineOptions {
  readonly budget: number;
  readonly partitions: number;
  readonly maxEntities: number;
  readonly feedback?: Feedback | undefined;
}

/** Labels that come back: each counts from `settings.delay` after its event on, as if it came through the feedback topic. */
export interface Feedback {
  readonly settings: LabelSettings;
  readonly log: LabelLog;
  isRisk(offset: number): boolean;
}

/** rows of a micro-batch; where batches are cut makes no difference to any score */
const BATCH = 1024;

/**
 * One partition of a pipeline without Kafka: events in, scores out, through the parts that the scorer runs
 * (Intake, PartitionScorer, explainRow) in the order in which it runs them.
 */
export class OfflineScorer {
  readonly #model: ScoringModel;
  readonly #scorer: PartitionScorer;
  readonly #intake: Intake;
  readonly #columns: EventColumns;
  readonly #events: Fields[] = [];
  readonly #onScored: (event: ScoredEvent) => void;
  /** newest event time, epoch ms, that lateness is measured from */
  #watermark = Number.NEGATIVE_INFINITY;
  /** whether the rows that wait are to be scored or to be remembered alone */
  #learning = false;
  readonly #failed = new Set<string>();
  readonly #feedback: Feedback | undefined;

  constructor(
    pipeline: Pipeline,
    model: ScoringModel,
    options: OfflineOptions,
    onScored: (event: ScoredEvent) => void,
  ) {
    this.#model = model;
    this.#onScored = onScored;
    this.#feedback = options.feedback;
    this.#scorer = new PartitionScorer(model, {
      budget: options.budget,
      quietSeconds: pipeline.quiet / 1000,
      partitions: options.partitions,
      maxEntities: options.maxEntities,
      capacity: BATCH,
      ...(options.feedback && {
        labels: {
          settings: options.feedback.settings,
          log: options.feedback.log,
          name: `${pipeline.name}/0`,
        },
      }),
    });
    this.#intake = new Intake(pipeline, model.plan, (zone) => this.#scorer.engine.knowsZone(zone));
    this.#columns = new EventColumns(BATCH, model.plan.numbers.length, model.plan.categories.length);
  }

  /** detectors that failed in some batch */
  get failed(): readonly string[] {
    return [...this.#failed];
  }

  /** Takes an event in; it is scored with its micro-batch. */
  take(event: Fields, key: string, offset: number, messageTime = Number.NaN): Taken {
    if (this.#learning) this.flush();
    this.#learning = false;
    return this.#add(event, key, offset, messageTime);
  }

  /** Takes an event into the entities' memory without judging it: what the model was trained on. */
  remember(event: Fields, key: string, offset: number): Taken {
    if (!this.#learning) this.flush();
    this.#learning = true;
    return this.#add(event, key, offset, Number.NaN);
  }

  #add(event: Fields, key: string, offset: number, messageTime: number): Taken {
    const columns = this.#columns;
    const row = columns.size;
    const taken = this.#intake.take(event, key, offset, messageTime, this.#watermark, columns);
    if (taken !== 'taken') return taken;
    this.#events[row] = event;
    this.#watermark = Math.max(this.#watermark, columns.times[row]!);
    if (columns.size === columns.capacity) this.flush();
    return taken;
  }

  /** Scores what waits. */
  flush(): void {
    const columns = this.#columns;
    if (columns.size === 0) return;
    if (this.#learning) {
      for (const name of this.#scorer.detect(columns).failed) this.#failed.add(name);
      for (let row = 0; row < columns.size; row++) this.#giveLabel(row, 0);
      columns.size = 0;
      return;
    }
    const scored = this.#scorer.score(columns);
    for (const name of scored.failed) this.#failed.add(name);
    const flagged = new Map(scored.flagged.map((one) => [one.row, one]));
    for (let row = 0; row < scored.size; row++) {
      const risk = flagged.get(row);
      this.#onScored({
        offset: columns.offsets[row]!,
        entity: columns.entities[row]!,
        domain: columns.domains[row]!,
        time: columns.times[row]!,
        event: this.#events[row]!,
        score: scored.surprise[row]!,
        risk: risk && {
          ...risk,
          reasons: explainRow(this.#model, this.#scorer, columns, scored, row, (number) =>
            this.#unitOf(number, row),
          ).reasons,
        },
      });
    }
    for (let row = 0; row < scored.size; row++) this.#giveLabel(row, scored.firstSurprise[row]!);
    for (const closed of this.#scorer.second?.takeClosed() ?? []) this.#feedback?.log.add(closed);
    columns.size = 0;
  }

  /** Puts a row's label where the scorer reads labels; it takes effect after the delay, at a full hour. */
  #giveLabel(row: number, surprise: number): void {
    const feedback = this.#feedback;
    const columns = this.#columns;
    if (!feedback?.isRisk(columns.offsets[row]!)) return;
    const { categories } = this.#model.plan;
    const time = columns.times[row]! / 1000;
    feedback.log.add({
      type: 'label',
      id: String(columns.offsets[row]!),
      entity: columns.entities[row]!,
      time,
      secondary: feedback.settings.secondary.map(
        (field) => columns.categories[categories.indexOf(field)]![row]!,
      ),
      risk: true,
      surprise,
      effectiveAt: effectiveFrom(time + feedback.settings.delay),
    });
  }

  #unitOf(number: number, row: number): string {
    const { unit } = this.#model.plan.numbers[number]!;
    if (unit === undefined || typeof unit === 'string') return unit ?? '';
    return String(this.#events[row]![unit.field] ?? '');
  }
}
