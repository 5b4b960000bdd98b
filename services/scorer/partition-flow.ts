import { setImmediate as nextTurn } from 'node:timers/promises';
import type { KafkaMessage } from 'kafkajs';
import { explainRow } from '../../detection/explain.js';
import type { Reason } from '../../detection/judging/reasons.js';
import type { LabelLog } from '../../detection/labels/label-log.js';
import { PartitionScorer, type ScoredBatch, type ScoringModel } from '../../detection/scoring.js';
import type { EventDecoder } from '../../lib/event-decoder.js';
import { originOf } from '../../lib/letter-headers.js';
import { RecordColumns } from '../../lib/record-columns.js';
import type { TopicReader } from '../../lib/topic-reader.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { BatchIntake, type TakenIn } from './batch-intake.js';
import { CheckpointLog } from './checkpoint.js';
import { Checkpointing, type CheckpointingDependencies } from './checkpointing.js';
import { Publishing, type PublishingDependencies } from './publishing.js';
import { restoreState } from './restoring.js';
import { buildRisk, type Risk } from './risks.js';
import { Spill } from './spill.js';

/** What all partitions of a pipeline share in a process. */
export interface PipelineRuntime {
  readonly pipeline: Pipeline;
  readonly model: ScoringModel;
  /** reads the pipeline's `usedFields` */
  readonly decoder: EventDecoder;
  readonly partitions: number;
  /** what people said of the pipeline's events; undefined where it uses no labels */
  readonly labels: LabelLog | undefined;
}

export interface FlowDependencies extends PublishingDependencies, CheckpointingDependencies {
  readonly sentences: (reasons: readonly Reason[], context: { entity: string }) => Record<string, string>;
}

export interface FlowLimits {
  readonly batchEvents: number;
  /** entities kept in memory; the others wait in a file in `spillDir` */
  readonly maxEntities: number;
  readonly spillDir: string;
  readonly checkpointIntervalMs: number;
  /** share of the scores that is published, 0..1 */
  readonly scoreSampling: number;
}

/** Scoring goes on for so long without letting the process do anything else: answers, heartbeats, timers. */
const LONGEST_TURN_MS = 20;

/** One partition of one pipeline, from messages to committed offsets. */
export class PartitionFlow {
  readonly #runtime: PipelineRuntime;
  readonly #partition: number;
  readonly #dependencies: FlowDependencies;
  readonly #limits: FlowLimits;
  readonly #scorer: PartitionScorer;
  readonly #intake: BatchIntake;
  readonly #publishing: Publishing;
  readonly #checkpoints = new CheckpointLog();
  readonly #checkpointing: Checkpointing;
  readonly #spill: Spill;
  /** offset of the first event that the state has not seen; undefined before the first */
  #next: bigint | undefined;
  #failure: { error: unknown } | undefined;
  #failing: readonly string[] = [];
  #left = false;
  #turnBegan = 0;

  constructor(
    runtime: PipelineRuntime,
    partition: number,
    dependencies: FlowDependencies,
    limits: FlowLimits,
  ) {
    this.#runtime = runtime;
    this.#partition = partition;
    this.#dependencies = dependencies;
    this.#limits = limits;
    const { pipeline, model, decoder } = runtime;
    this.#scorer = new PartitionScorer(model, {
      budget: pipeline.budget,
      quietSeconds: pipeline.quiet / 1000,
      partitions: runtime.partitions,
      // A micro-batch needs all its entities at once.
      maxEntities: Math.max(limits.maxEntities, limits.batchEvents),
      capacity: limits.batchEvents,
      remembersIds: pipeline.eventId !== undefined,
      ...(pipeline.labels &&
        runtime.labels && {
          labels: { settings: pipeline.labels, log: runtime.labels, name: `${pipeline.name}/${partition}` },
        }),
    });
    const { entities } = this.#scorer;
    this.#spill = new Spill(entities.layout, limits.spillDir);
    entities.overflow = this.#spill;
    this.#intake = new BatchIntake(pipeline, model.plan, decoder, this.#scorer, limits.batchEvents);
    this.#publishing = new Publishing(
      { pipeline, partition, model: model.id, scoreSampling: limits.scoreSampling },
      dependencies,
    );
    this.#checkpointing = new Checkpointing(
      pipeline,
      partition,
      limits.checkpointIntervalMs,
      { scorer: this.#scorer, spill: this.#spill, log: this.#checkpoints },
      this.#publishing.outbox,
      dependencies,
    );
  }

  /** a send, a checkpoint or a micro-batch has failed for good: this flow's state is ahead of what is kept, and it must be made anew */
  get broken(): boolean {
    return (
      this.#failure !== undefined ||
      this.#checkpointing.failure !== undefined ||
      this.#publishing.outbox.failed
    );
  }

  /** offset of the first event that the state has not seen; undefined before the first */
  get next(): bigint | undefined {
    return this.#next;
  }

  /** detectors that failed in the last micro-batch */
  get failing(): readonly string[] {
    return this.#failing;
  }

  get entities(): number {
    return this.#scorer.entities.size + this.#spill.size;
  }

  /** Takes the state from the newest checkpoint, if there is one. */
  async restore(reader: TopicReader, signal?: AbortSignal): Promise<void> {
    const { log, names, now } = this.#dependencies;
    const { pipeline } = this.#runtime;
    const started = now();
    let said = started;
    const found = await restoreState(reader, this.#checkpoints, {
      topic: names.state(pipeline.name),
      partition: this.#partition,
      signal,
      lay: async (kind, bytes) => {
        await this.#letOthersIn();
        // State of labels that the pipeline no longer uses is left behind.
        this.#scorer.parts[kind]?.layPage(bytes);
      },
      onProgress: (reading, done, total) => {
        if (now() - said < 2000) return;
        said = now();
        log.info(
          { pipeline: pipeline.name, partition: this.#partition, reading, done, total },
          'restoring state',
        );
      },
    });
    this.#checkpointing.restored();
    if (found === undefined) return;
    this.#scorer.entities.takeDirty();
    this.#spill.rowsOf(false).close();
    this.#scorer.load(found.budget);
    this.#next = found.next;
    this.#intake.watermark = found.watermark;
    const seconds = (now() - started) / 1000;
    log.info(
      {
        pipeline: pipeline.name,
        partition: this.#partition,
        entities: this.entities,
        next: String(found.next),
        seconds,
      },
      'state restored',
    );
  }

  /**
   * Decode → dead letters → features → score → judge → publish, micro-batch by micro-batch. What is published is
   * not waited for here but before the checkpoint that covers it: see Checkpointing. A micro-batch is what a fetch has
   * brought, so that a single event is scored at once, up to `batchEvents` of it.
   */
  async process(
    messages: readonly KafkaMessage[] | RecordColumns,
    goOn: (lastOffset: string) => Promise<boolean>,
  ): Promise<void> {
    const { metrics } = this.#dependencies;
    const labels = { pipeline: this.#runtime.pipeline.name };
    const records = messages instanceof RecordColumns ? messages : RecordColumns.of(messages);
    this.#turnBegan = performance.now();
    for (let from = 0; from < records.length; from += this.#limits.batchEvents) {
      const started = performance.now();
      const to = Math.min(records.length, from + this.#limits.batchEvents);
      const now = await this.#intake.prepare(records, from, to);
      if (this.#left) return;
      // No await from here to `#next`: a checkpoint taken meanwhile sees all of a micro-batch or nothing of it.
      this.#advance(records, from, to, now);
      const last = records.offsets[to - 1]!;
      const next = BigInt(last) + 1n;
      if (this.#next === undefined || next > this.#next) this.#next = next;
      const took = performance.now() - started;
      this.#checkpointing.worked(took);
      metrics.batchSeconds.observe(labels, took / 1000);
      metrics.batchEvents.observe(labels, to - from);
      await this.#publishing.outbox.room();
      this.#throwIfFailed();
      if (this.checkpointDue()) this.startCheckpoint();
      await this.#letOthersIn();
      if (!(await goOn(String(last)))) break;
    }
    this.publishScores();
  }

  /** The sampled scores, unless they were sent a moment ago. To be called now and then in a stream that rests. */
  publishScores(): void {
    this.#publishing.flushScoresNowAndThen();
  }

  /** In a backlog and in a restore nothing here ever waits: then answers, heartbeats and timers would, for as long as a fetch takes to score. */
  async #letOthersIn(): Promise<void> {
    if (performance.now() - this.#turnBegan < LONGEST_TURN_MS) return;
    await nextTurn();
    this.#turnBegan = performance.now();
  }

  /** A failure halfway (a full disk under the spilled entities) leaves state that has seen part of a micro-batch. */
  #advance(records: RecordColumns, from: number, to: number, now: number): void {
    try {
      const taken = this.#intake.take(records, from, to, Number(this.#next ?? 0n), now);
      this.#count(taken);
      const { risks, scores } = this.#score();
      // What is told of the stream itself comes before the risks of its events.
      this.#publishing.rejected(taken.rejected);
      this.#publishing.risks(risks);
      this.#publishing.visits(this.#scorer.second?.takeClosed() ?? []);
      if (scores !== undefined)
        this.#publishing.scores(this.#intake.columns, scores, (row) => this.#originOf(row));
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }

  #count({ read, late, repeated }: TakenIn): void {
    const { metrics } = this.#dependencies;
    const pipeline = this.#runtime.pipeline.name;
    metrics.events.inc({ pipeline }, read);
    this.#showSecondStage();
    if (late > 0) metrics.dropped.inc({ pipeline, reason: 'late' }, late);
    if (repeated > 0) metrics.dropped.inc({ pipeline, reason: 'duplicate' }, repeated);
  }

  #score(): { risks: Risk[]; scores: ScoredBatch | undefined } {
    const { columns } = this.#intake;
    if (columns.size === 0) return { risks: [], scores: undefined };
    const { model, pipeline } = this.#runtime;
    const scored = this.#scorer.score(columns);
    this.#failing = scored.failed;
    const source = {
      pipeline,
      partition: this.#partition,
      columns,
      eventOf: (row: number) => this.#intake.event(row),
      originOf: (row: number) => this.#originOf(row),
      model: model.id,
      degraded: scored.failed.length > 0,
      firstSurprise: scored.firstSurprise,
      now: this.#dependencies.now(),
    };
    const risks = scored.flagged.map((flagged) => {
      const { reasons, detectors } = explainRow(model, this.#scorer, columns, scored, flagged.row, (number) =>
        this.#unitOf(number, flagged.row),
      );
      return buildRisk(
        source,
        flagged,
        reasons,
        detectors,
        this.#dependencies.sentences(reasons, { entity: pipeline.entity }),
      );
    });
    return { risks, scores: scored };
  }

  /** The offset at which a replayed event stood first; undefined for the others. */
  #originOf(row: number): number | undefined {
    const offset = this.#intake.columns.offsets[row]!;
    const { topic } = this.#runtime.pipeline;
    return originOf(this.#intake.headers(row), { topic, partition: this.#partition, offset })?.offset;
  }

  #showSecondStage(): void {
    const figures = this.#scorer.second?.figures;
    if (figures === undefined) return;
    const { metrics } = this.#dependencies;
    const labels = { pipeline: this.#runtime.pipeline.name, partition: String(this.#partition) };
    metrics.secondStageOn.set(labels, figures.on ? 1 : 0);
    metrics.secondStageLost.set(labels, figures.lost);
    if (figures.risks === 0) return;
    metrics.secondStageAp.set({ ...labels, stage: 'first' }, figures.firstAp);
    metrics.secondStageAp.set({ ...labels, stage: 'second' }, figures.secondAp);
  }

  #unitOf(number: number, row: number): string {
    const unit = this.#runtime.model.plan.numbers[number]!.unit;
    if (unit === undefined || typeof unit === 'string') return unit ?? '';
    return String(this.#intake.event(row)[unit.field] ?? '');
  }

  checkpointDue(): boolean {
    return this.#checkpointing.due;
  }

  /** Starts a checkpoint unless one is under way or nothing is new. Its failure is thrown by the next `process` or `close`. */
  startCheckpoint(): void {
    this.#publishing.flushScores();
    this.#checkpointing.start(this.#next, this.#intake.watermark);
  }

  #throwIfFailed(): void {
    const failure = this.#failure ?? this.#checkpointing.failure;
    if (failure !== undefined) throw failure.error;
  }

  /** The partition has moved on, or the flow is done: no more labels are wanted. */
  leave(): void {
    this.#left = true;
    this.#scorer.second?.close();
    this.#spill.close();
  }

  /** A last checkpoint of what was scored. */
  async close(): Promise<void> {
    await this.#checkpointing.done();
    this.#throwIfFailed();
    this.startCheckpoint();
    await this.#checkpointing.done();
    this.#throwIfFailed();
  }
}
