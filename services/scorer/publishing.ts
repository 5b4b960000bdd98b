import type { Producer } from 'kafkajs';
import type { EventColumns } from '../../detection/features/columns.js';
import { DecimalHash } from '../../detection/features/hash.js';
import type { Visits } from '../../detection/labels/records.js';
import type { ScoredBatch } from '../../detection/scoring.js';
import type { OwnCodec } from '../../lib/avro.js';
import { type DeadLetter, deadLetterOf } from '../../lib/dead-letter.js';
import { sendBatches } from '../../lib/kafka.js';
import type { Logger } from '../../lib/log.js';
import type { ScorerMetrics } from '../../lib/metrics.js';
import type { TopicNames } from '../../lib/topics.js';
import type { Pipeline } from '../../pipelines/loader.js';
import type { Rejected } from './batch-intake.js';
import { sendVisits } from './labels.js';
import { Outbox } from './outbox.js';
import { type Risk, riskKey } from './risks.js';
import { streamRisk } from './stream-risk.js';
import type { VisitsRecord } from './visits-record.js';

export interface PublishingDependencies {
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
}

/** What is said of a partition in what it publishes. */
export interface PublishingSource {
  readonly pipeline: Pipeline;
  readonly partition: number;
  /** id of the model */
  readonly model: string;
  /** share of the scores that is published, 0..1 */
  readonly scoreSampling: number;
}

/** produce requests under way before scoring waits: with 1 MiB each, the bound of what a slow broker makes it hold */
const MOST_SENDS = 32;
/** what a dead letter keeps of a value that is larger than this; the whole is where it came from */
const MOST_DEAD_BYTES = 8 << 20;

/** sampled scores of a block at most, about, and ms between two blocks that are smaller */
const BLOCK_SCORES = 1000;
const BLOCK_MS = 250;

interface Sample {
  readonly offsets: number[];
  readonly entities: string[];
  readonly domains: string[];
  readonly eventTimes: number[];
  readonly scores: number[];
}

function emptySample(): Sample {
  return { offsets: [], entities: [], domains: [], eventTimes: [], scores: [] };
}

/** What a partition publishes, one send after the other; a checkpoint waits for `outbox.acked`. */
export class Publishing {
  readonly outbox = new Outbox(MOST_SENDS);
  readonly #source: PublishingSource;
  readonly #dependencies: PublishingDependencies;
  /** writers' schemas that can't be read and were told of */
  readonly #foreignWriters = new Set<string>();
  /** chooses the scores that are kept */
  readonly #chance: DecimalHash;
  #sampled = emptySample();
  /** by performance.now() */
  #flushed = Number.NEGATIVE_INFINITY;

  constructor(source: PublishingSource, dependencies: PublishingDependencies) {
    this.#source = source;
    this.#chance = new DecimalHash(source.partition);
    this.#dependencies = dependencies;
  }

  risks(risks: readonly Risk[]): void {
    if (risks.length === 0) return;
    this.#tell(risks);
    this.#dependencies.metrics.risks.inc({ pipeline: this.#source.pipeline.name }, risks.length);
  }

  #tell(risks: readonly Risk[]): void {
    const { producer, names, codecs } = this.#dependencies;
    this.outbox.add(() =>
      sendBatches(
        producer,
        names.risks,
        risks.map((risk) => ({ key: riskKey(risk), value: codecs.risk.encode(risk) })),
      ),
    );
  }

  visits(closed: readonly Visits[]): void {
    if (closed.length === 0) return;
    const { producer, names, codecs } = this.#dependencies;
    this.outbox.add(() => sendVisits(producer, names, this.#source.pipeline, closed, codecs.visits));
  }

  rejected(rejected: readonly Rejected[]): void {
    if (rejected.length === 0) return;
    const { producer, names, metrics, codecs, now } = this.#dependencies;
    const { pipeline, partition } = this.#source;
    const about = this.#streamRisks(rejected);
    if (about.length > 0) this.#tell(about);
    const origin = { pipeline: pipeline.name, topic: pipeline.topic, partition, deadAt: now() };
    const letters = rejected.map(({ message, rejection }) =>
      deadLetterOf({ ...origin, message }, rejection, MOST_DEAD_BYTES),
    );
    this.outbox.add(() =>
      sendBatches(
        producer,
        names.deadLetters,
        letters.map((letter) => ({ key: letter.id, value: codecs.deadLetter.encode(letter) })),
      ),
    );
    for (const { rejection } of rejected)
      metrics.deadLetters.inc({ pipeline: pipeline.name, reason: rejection.reason });
  }

  /** What is wrong with the stream itself: told once for each writer's schema that can't be read. */
  #streamRisks(rejected: readonly Rejected[]): Risk[] {
    const risks: Risk[] = [];
    for (const { message, rejection } of rejected) {
      const { writer } = rejection;
      if (writer === undefined || this.#foreignWriters.has(writer)) continue;
      this.#foreignWriters.add(writer);
      const { pipeline, partition, model } = this.#source;
      const { log, now } = this.#dependencies;
      const { name, topic } = pipeline;
      log.warn(
        { topic, partition, schema: writer, detail: rejection.detail },
        'a stream can not be read whole',
      );
      risks.push(streamRisk({ pipeline: name, topic, partition, message, model, now: now() }, rejection));
    }
    return risks;
  }

  /**
   * Keeps a sample of the scores; they go out in blocks, see `flushScoresNowAndThen`.
   * @param originOf the offset at which a row's event stood first, where that is another one
   */
  scores(columns: EventColumns, scores: ScoredBatch, originOf: (row: number) => number | undefined): void {
    const sample = this.#sampled;
    for (const row of this.#sample(columns.offsets, scores.size)) {
      sample.offsets.push(originOf(row) ?? columns.offsets[row]!);
      sample.entities.push(columns.entities[row]!);
      sample.domains.push(columns.domains[row]!);
      sample.eventTimes.push(columns.times[row]!);
      sample.scores.push(scores.surprise[row]!);
    }
    if (sample.offsets.length >= BLOCK_SCORES) this.flushScores();
  }

  /**
   * Sends the sampled scores so far as one block, unless the last one was sent a moment ago. A request a micro-batch
   * would cost more than scoring a tenth of its events, and hold up the risks behind it.
   */
  flushScoresNowAndThen(): void {
    if (performance.now() >= this.#flushed + BLOCK_MS) this.flushScores();
  }

  /** Sends the sampled scores so far as one block: before a checkpoint, which must find them acked. */
  flushScores(): void {
    const sample = this.#sampled;
    if (sample.offsets.length === 0) return;
    this.#flushed = performance.now();
    this.#sampled = emptySample();
    const { producer, names, codecs } = this.#dependencies;
    const { pipeline, partition, model, scoreSampling } = this.#source;
    const { name, topic } = pipeline;
    const block = { pipeline: name, topic, partition, model, sampling: scoreSampling, ...sample };
    this.outbox.add(() =>
      sendBatches(producer, names.scores, [{ key: null, value: codecs.scoreBlock.encode(block) }]),
    );
  }

  /** Rows whose scores are kept: chosen by offset, so that a second reading keeps the same ones. */
  #sample(offsets: Float64Array, size: number): number[] {
    const bound = this.#source.scoreSampling * 2 ** 32;
    const rows: number[] = [];
    if (bound <= 0) return rows;
    for (let row = 0; row < size; row++) if (this.#chance.of(offsets[row]!) < bound) rows.push(row);
    return rows;
  }
}
