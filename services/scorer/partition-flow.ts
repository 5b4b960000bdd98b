import type { KafkaMessage, Producer } from 'kafkajs';
import { explainRow } from '../../detection/explain.js';
import { EventColumns } from '../../detection/features/columns.js';
import { hashString } from '../../detection/features/hash.js';
import type { Reason } from '../../detection/judging/reasons.js';
import type { LabelLog } from '../../detection/labels/label-log.js';
import { PartitionScorer, type ScoredBatch, type ScoringModel } from '../../detection/scoring.js';
import { decodePage, encodePages } from '../../detection/state/encoding.js';
import type { Slab } from '../../detection/state/slab.js';
import type { OwnCodec } from '../../lib/avro.js';
import { type DeadLetter, deadLetterOf } from '../../lib/dead-letter.js';
import { deadLetter, Undecodable } from '../../lib/dead-letter-reasons.js';
import { type EventDecoder, UNPREPARED } from '../../lib/event-decoder.js';
import { sendBatches } from '../../lib/kafka.js';
import type { Logger } from '../../lib/log.js';
import type { ScorerMetrics } from '../../lib/metrics.js';
import type { TopicReader } from '../../lib/topic-reader.js';
import type { TopicNames } from '../../lib/topics.js';
import type { Pipeline } from '../../pipelines/loader.js';
import {
  type CheckpointDraft,
  CheckpointLog,
  type Page,
  type StatePoint,
  type StateRecord,
} from './checkpoint.js';
import { Intake } from './intake.js';
import { sendVisits, type VisitsRecord } from './labels.js';
import { Outbox } from './outbox.js';
import { buildRisk, type Risk, riskKey } from './risks.js';
import { Spill, type SpilledRows } from './spill.js';
import { streamRisk } from './stream-risk.js';

/** What all partitions of a pipeline share in a process. */
export interface PipelineRuntime {
  readonly pipeline: Pipeline;
  readonly model: ScoringModel;
  readonly decoder: EventDecoder;
  readonly partitions: number;
  /** what people said of the pipeline's events; undefined where it uses no labels */
  readonly labels: LabelLog | undefined;
}

export interface FlowDependencies {
  readonly producer: Producer;
  readonly names: TopicNames;
  readonly metrics: ScorerMetrics;
  readonly log: Logger;
  readonly now: () => number;
  readonly codecs: {
    readonly risk: OwnCodec<Risk>;
    readonly deadLetter: OwnCodec<DeadLetter>;
    readonly scoreBlock: OwnCodec<Record<string, unknown>>;
    readonly visits: OwnCodec<VisitsRecord>;
  };
  readonly sentences: (reasons: readonly Reason[], context: { entity: string }) => Record<string, string>;
  /** commits the next offset to read; false when the partition is no longer this member's, or is about to move */
  readonly commit: (topic: string, partition: number, next: string) => Promise<boolean>;
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

/** produce requests under way before scoring waits: with 1 MiB each, the bound of what a slow broker makes it hold */
const MOST_SENDS = 32;
/** what a dead letter keeps of a value that is larger than this; the whole is where it came from */
const MOST_DEAD_BYTES = 8 << 20;

/**
 * With many entities a checkpoint is large: it is due no sooner than so many times what its pages took to make (sending
 * them takes about as long again), so that checkpoints stay a small share of the work. What is read again after a crash
 * grows with it, and so does the lag that the group shows, up to the second bound.
 */
const CHECKPOINT_SHARE = 40;
const LONGEST_CHECKPOINT_WAIT_MS = 20_000;

/** One partition of one pipeline, from messages to committed offsets. */
export class PartitionFlow {
  readonly #runtime: PipelineRuntime;
  readonly #partition: number;
  readonly #dependencies: FlowDependencies;
  readonly #limits: FlowLimits;
  readonly #scorer: PartitionScorer;
  readonly #intake: Intake;
  readonly #columns: EventColumns;
  readonly #events: Readonly<Record<string, unknown>>[] = [];
  readonly #outbox = new Outbox(MOST_SENDS);
  readonly #checkpoints = new CheckpointLog();
  readonly #spill: Spill;
  /** offset of the first event that the state has not seen; undefined before the first */
  #next: bigint | undefined;
  #committed: bigint | undefined;
  #watermark = Number.NEGATIVE_INFINITY;
  #checkpointing: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;
  #lastCheckpoint = 0;
  /** ms of this process that the pages of the last checkpoint took to make */
  #pagesTook = 0;
  #failing: readonly string[] = [];
  #left = false;
  /** writers' schemas that can't be read and were told of */
  readonly #foreignWriters = new Set<string>();

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
    const { pipeline, model } = runtime;
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
    this.#intake = new Intake(pipeline, model.plan, (zone) => this.#scorer.engine.knowsZone(zone));
    this.#columns = new EventColumns(
      limits.batchEvents,
      model.plan.numbers.length,
      model.plan.categories.length,
    );
  }

  /** a send, a checkpoint or a micro-batch has failed for good: this flow's state is ahead of what is kept, and it must be made anew */
  get broken(): boolean {
    return this.#failure !== undefined || this.#outbox.failed;
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
    const records = new Map<string, Buffer>();
    const started = now();
    let said = started;
    await reader.readPartition(names.state(pipeline.name), this.#partition, {
      signal,
      onRecord: ({ key, value }) => {
        if (key === null || key === undefined) return;
        if (value === null) records.delete(key.toString());
        else records.set(key.toString(), value);
      },
      onProgress: (done, total) => {
        if (now() - said < 2000) return;
        said = now();
        log.info({ pipeline: pipeline.name, partition: this.#partition, done, total }, 'restoring state');
      },
    });
    const found = this.#checkpoints.restore(records);
    this.#lastCheckpoint = now();
    if (found === undefined) return;
    const { initialisers } = this.#scorer;
    const second = this.#scorer.second?.slabs;
    for (const { kind, bytes } of found.pages) {
      if (kind === 'entities') decodePage(bytes, this.#scorer.entities, initialisers.entity);
      else if (kind === 'domains') decodePage(bytes, this.#scorer.domains, initialisers.domain);
      // State of labels that the pipeline no longer uses is left behind.
      else if (second !== undefined) decodePage(bytes, second[kind], () => undefined);
    }
    this.#scorer.entities.takeDirty();
    this.#spill.rowsOf(false).close();
    for (const slab of Object.values(second ?? {})) slab.takeDirty();
    this.#scorer.load(found.point.budget);
    this.#next = found.point.next;
    this.#committed = found.point.next;
    this.#watermark = found.point.watermark;
    const seconds = (now() - started) / 1000;
    log.info(
      {
        pipeline: pipeline.name,
        partition: this.#partition,
        entities: this.entities,
        next: String(found.point.next),
        seconds,
      },
      'state restored',
    );
  }

  /**
   * Decode → dead letters → features → score → judge → publish, micro-batch by micro-batch. What is published is
   * not waited for here but before the checkpoint that covers it: see `#checkpoint`.
   */
  async process(
    messages: readonly KafkaMessage[],
    goOn: (lastOffset: string) => Promise<boolean>,
  ): Promise<void> {
    const { pipeline } = this.#runtime;
    const { metrics } = this.#dependencies;
    for (let from = 0; from < messages.length; from += this.#limits.batchEvents) {
      const started = performance.now();
      const chunk = messages.slice(from, from + this.#limits.batchEvents);
      const decoded = await this.#decode(chunk);
      if (this.#left) return;
      // No await from here to `#next`: a checkpoint taken meanwhile sees all of a micro-batch or nothing of it.
      this.#advance(chunk, decoded);
      const next = BigInt(chunk[chunk.length - 1]!.offset) + 1n;
      if (this.#next === undefined || next > this.#next) this.#next = next;
      metrics.batchSeconds.observe({ pipeline: pipeline.name }, (performance.now() - started) / 1000);
      metrics.batchEvents.observe({ pipeline: pipeline.name }, chunk.length);
      await this.#outbox.room();
      this.#throwIfFailed();
      if (this.checkpointDue()) this.startCheckpoint();
      if (!(await goOn(chunk[chunk.length - 1]!.offset))) return;
    }
  }

  /** A failure halfway (a full disk under the spilled entities) leaves state that has seen part of a micro-batch. */
  #advance(
    chunk: readonly KafkaMessage[],
    decoded: readonly (Record<string, unknown> | Undecodable)[],
  ): void {
    try {
      const rejected = this.#takeIn(chunk, decoded);
      const { risks, scores } = this.#score();
      this.#publish(risks, rejected, scores);
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }

  /** Events or why not, by message. Throws when writers' schemas can't be asked for now. */
  async #decode(chunk: readonly KafkaMessage[]): Promise<(Record<string, unknown> | Undecodable)[]> {
    const { decoder } = this.#runtime;
    for (let attempt = 0; attempt < 3; attempt++) {
      await decoder.prepare(chunk.map((message) => message.value));
      const decoded: (Record<string, unknown> | Undecodable)[] = [];
      for (const { key, value } of chunk) {
        if (key === null || key === undefined || key.length === 0) {
          decoded.push(deadLetter.nullKey('key'));
          continue;
        }
        const event = decoder.decode(value);
        // A schema that was unknown a while ago is due to be asked for again: once more from the top.
        if (event === UNPREPARED) break;
        decoded.push(event);
      }
      if (decoded.length === chunk.length) return decoded;
    }
    throw new Error(
      `the writers' schemas of ${this.#runtime.pipeline.topic} could not be prepared in three attempts`,
    );
  }

  #takeIn(
    chunk: readonly KafkaMessage[],
    decoded: readonly (Record<string, unknown> | Undecodable)[],
  ): { message: KafkaMessage; rejection: Undecodable }[] {
    const { pipeline } = this.#runtime;
    const { metrics } = this.#dependencies;
    const columns = this.#columns;
    const rejected: { message: KafkaMessage; rejection: Undecodable }[] = [];
    columns.size = 0;
    this.#scorer.beginBatch();
    let late = 0;
    let repeated = 0;
    let read = 0;
    for (let i = 0; i < chunk.length; i++) {
      const message = chunk[i]!;
      const event = decoded[i]!;
      const offset = Number(message.offset);
      // Read again after a restart or a rebalance: the state has it already, and its risks were acked before that.
      if (this.#next !== undefined && offset < this.#next) continue;
      read++;
      const row = columns.size;
      const outcome =
        event instanceof Undecodable
          ? event
          : this.#intake.take(
              event,
              message.key!.toString('utf8'),
              offset,
              Number(message.timestamp),
              this.#watermark,
              columns,
            );
      if (outcome === 'taken' && this.#isRepeat(columns.entities[row]!, event as Record<string, unknown>)) {
        columns.size = row;
        repeated++;
      } else if (outcome === 'taken') {
        this.#events[row] = event as Record<string, unknown>;
        if (columns.times[row]! > this.#watermark) this.#watermark = columns.times[row]!;
      } else if (outcome === 'late') late++;
      else rejected.push({ message, rejection: outcome });
    }
    metrics.events.inc({ pipeline: pipeline.name }, read);
    this.#showSecondStage();
    if (late > 0) metrics.dropped.inc({ pipeline: pipeline.name, reason: 'late' }, late);
    if (repeated > 0) metrics.dropped.inc({ pipeline: pipeline.name, reason: 'duplicate' }, repeated);
    return rejected;
  }

  /** A producer that retries sends an event twice, under one id: it is scored once. An event without an id has no double. */
  #isRepeat(entity: string, event: Readonly<Record<string, unknown>>): boolean {
    const { eventId } = this.#runtime.pipeline;
    if (eventId === undefined) return false;
    const id = event[eventId];
    if (id === undefined || id === null || id === '') return false;
    return this.#scorer.repeats(entity, String(id));
  }

  #score(): { risks: Risk[]; scores: ScoredBatch | undefined } {
    if (this.#columns.size === 0) return { risks: [], scores: undefined };
    const { model, pipeline } = this.#runtime;
    const scored = this.#scorer.score(this.#columns);
    this.#failing = scored.failed;
    const source = {
      pipeline,
      partition: this.#partition,
      columns: this.#columns,
      events: this.#events,
      model: model.id,
      degraded: scored.failed.length > 0,
      firstSurprise: scored.firstSurprise,
      now: this.#dependencies.now(),
    };
    const risks = scored.flagged.map((flagged) => {
      const { reasons, detectors } = explainRow(
        model,
        this.#scorer,
        this.#columns,
        scored,
        flagged.row,
        (number) => this.#unitOf(number, flagged.row),
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
    return String(this.#events[row]![unit.field] ?? '');
  }

  #publish(
    risks: readonly Risk[],
    rejected: readonly { message: KafkaMessage; rejection: Undecodable }[],
    scores: ScoredBatch | undefined,
  ): void {
    const { producer, names, metrics, codecs, now } = this.#dependencies;
    const { pipeline } = this.#runtime;
    const told = [...this.#streamRisks(rejected), ...risks];
    if (told.length > 0) {
      this.#outbox.add(() =>
        sendBatches(
          producer,
          names.risks,
          told.map((risk) => ({ key: riskKey(risk), value: codecs.risk.encode(risk) })),
        ),
      );
      metrics.risks.inc({ pipeline: pipeline.name }, risks.length);
    }
    const closed = this.#scorer.second?.takeClosed() ?? [];
    if (closed.length > 0)
      this.#outbox.add(() => sendVisits(producer, names, pipeline, closed, codecs.visits));
    if (rejected.length > 0) {
      const letters = rejected.map(({ message, rejection }) =>
        deadLetterOf(
          {
            pipeline: pipeline.name,
            topic: pipeline.topic,
            partition: this.#partition,
            message,
            deadAt: now(),
          },
          rejection,
          MOST_DEAD_BYTES,
        ),
      );
      this.#outbox.add(() =>
        sendBatches(
          producer,
          names.deadLetters,
          letters.map((letter) => ({ key: letter.id, value: codecs.deadLetter.encode(letter) })),
        ),
      );
      for (const { rejection } of rejected)
        metrics.deadLetters.inc({ pipeline: pipeline.name, reason: rejection.reason });
    }
    const sample = scores === undefined ? [] : this.#sample(scores.size);
    if (scores !== undefined && sample.length > 0) {
      const columns = this.#columns;
      const block = {
        pipeline: pipeline.name,
        topic: pipeline.topic,
        partition: this.#partition,
        model: this.#runtime.model.id,
        sampling: this.#limits.scoreSampling,
        offsets: sample.map((row) => columns.offsets[row]!),
        entities: sample.map((row) => columns.entities[row]!),
        domains: sample.map((row) => columns.domains[row]!),
        eventTimes: sample.map((row) => columns.times[row]!),
        scores: sample.map((row) => scores.surprise[row]!),
      };
      this.#outbox.add(() =>
        sendBatches(producer, names.scores, [{ key: null, value: codecs.scoreBlock.encode(block) }]),
      );
    }
  }

  /** What is wrong with the stream itself: told once for each writer's schema that can't be read. */
  #streamRisks(rejected: readonly { message: KafkaMessage; rejection: Undecodable }[]): Risk[] {
    const risks: Risk[] = [];
    for (const { message, rejection } of rejected) {
      const { writer } = rejection;
      if (writer === undefined || this.#foreignWriters.has(writer)) continue;
      this.#foreignWriters.add(writer);
      const { pipeline, model } = this.#runtime;
      const { log, now } = this.#dependencies;
      const { name, topic } = pipeline;
      const partition = this.#partition;
      log.warn(
        { topic, partition, schema: writer, detail: rejection.detail },
        'a stream can not be read whole',
      );
      const source = { pipeline: name, topic, partition, message, model: model.id, now: now() };
      risks.push(streamRisk(source, rejection));
    }
    return risks;
  }

  /** Rows whose scores are kept: chosen by offset, so that a second reading keeps the same ones. */
  #sample(size: number): number[] {
    const bound = this.#limits.scoreSampling * 2 ** 32;
    const rows: number[] = [];
    if (bound <= 0) return rows;
    for (let row = 0; row < size; row++) {
      if (hashString(String(this.#columns.offsets[row]!), this.#partition) < bound) rows.push(row);
    }
    return rows;
  }

  checkpointDue(): boolean {
    const wait = Math.min(LONGEST_CHECKPOINT_WAIT_MS, CHECKPOINT_SHARE * this.#pagesTook);
    return (
      this.#dependencies.now() - this.#lastCheckpoint >= Math.max(this.#limits.checkpointIntervalMs, wait)
    );
  }

  /** Starts a checkpoint unless one is under way or nothing is new. Its failure is thrown by the next `process` or `close`. */
  startCheckpoint(): void {
    if (this.#checkpointing !== undefined || this.#next === undefined || this.#next === this.#committed)
      return;
    this.#lastCheckpoint = this.#dependencies.now();
    this.#checkpointing = this.#checkpoint(this.#next)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#checkpointing = undefined;
      });
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /**
   * The order that loses nothing: risks and dead letters acked → state acked → offsets committed. Dying between
   * any two, the events are read again from the committed offset; those below the state's own offset change
   * nothing, and the others give the same scores, and so the same ids, as before.
   */
  async #checkpoint(next: bigint): Promise<void> {
    const { producer, names, commit } = this.#dependencies;
    const { pipeline, model } = this.#runtime;
    const topic = names.state(pipeline.name);
    const whole = this.#checkpoints.wholeDue;
    // The pages are copies, taken at once: scoring goes on while they travel.
    const pages = this.#pages(whole);
    // Rows that are not in memory stay as they are in their file until they are read.
    const spilled = this.#spill.rowsOf(whole);
    const point: StatePoint = {
      next,
      watermark: this.#watermark,
      model: model.id,
      budget: this.#scorer.budgetState,
    };
    const partition = this.#partition;
    const draft = this.#checkpoints.begin(whole);
    await this.#outbox.acked();
    const records = pagesOf(draft, pages, spilled, partition);
    try {
      await sendBatches(producer, topic, records);
    } finally {
      spilled.close();
    }
    await sendBatches(producer, topic, [{ ...draft.marker(point), partition }]);
    if (!(await commit(pipeline.topic, partition, String(next)))) return;
    this.#committed = next;
    const dead = this.#checkpoints.committed();
    if (dead.length > 0)
      await sendBatches(
        producer,
        topic,
        dead.map((record) => ({ ...record, partition })),
      );
  }

  #pages(whole: boolean): Page[] {
    const { entities, domains } = this.#scorer;
    const started = performance.now();
    this.#scorer.flush();
    const dirty = entities.takeDirty();
    const second = Object.entries(this.#scorer.second?.slabs ?? {}) as [Page['kind'], Slab][];
    const pages = [
      ...encodePages(domains, domains.allSlots()).map((bytes): Page => ({ kind: 'domains', bytes })),
      ...encodePages(entities, whole ? entities.allSlots() : dirty).map(
        (bytes): Page => ({ kind: 'entities', bytes }),
      ),
      ...second.flatMap(([kind, slab]) => {
        const changed = slab.takeDirty();
        return encodePages(slab, whole ? slab.allSlots() : changed).map((bytes): Page => ({ kind, bytes }));
      }),
    ];
    this.#pagesTook = performance.now() - started;
    return pages;
  }

  /** The partition has moved on, or the flow is done: no more labels are wanted. */
  leave(): void {
    this.#left = true;
    this.#scorer.second?.close();
    this.#spill.close();
  }

  /** A last checkpoint of what was scored. */
  async close(): Promise<void> {
    await this.#checkpointing;
    this.#throwIfFailed();
    this.startCheckpoint();
    await this.#checkpointing;
    this.#throwIfFailed();
  }
}

/** The records of a checkpoint's pages, made as they are sent. */
function* pagesOf(
  draft: CheckpointDraft,
  pages: readonly Page[],
  spilled: SpilledRows,
  partition: number,
): Generator<StateRecord & { partition: number }> {
  for (const page of pages) yield { ...draft.page(page), partition };
  for (const bytes of spilled.pages()) yield { ...draft.page({ kind: 'entities', bytes }), partition };
}
