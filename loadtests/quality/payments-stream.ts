import { EventColumns } from '../../detection/features/columns.js';
import { hashString } from '../../detection/features/hash.js';
import { type FeaturePlan, planFeatures } from '../../detection/features/plan.js';
import type { LabelLog } from '../../detection/labels/label-log.js';
import { effectiveFrom } from '../../detection/labels/records.js';
import type { SpellOptions } from '../../detection/labels/spell-rates.js';
import { buildModel } from '../../detection/model/build.js';
import type { Manifest } from '../../detection/model/manifest.js';
import { PartitionScorer, type ScoringModel } from '../../detection/scoring.js';
import { Recording } from '../../detection/training/recording.js';
import { trainModel } from '../../detection/training/train-model.js';
import type { Tf } from '../../lib/tensors.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { KINDS, TERMINAL } from '../../pipelines/transactions/frauds.js';
import { type Payment, transactionsSource } from '../../pipelines/transactions/generator.js';
import { Intake } from '../../services/scorer/intake.js';
import { type PaymentLog, TRAIN_STARTS } from './payments-protocol.js';

/** The generated payments through what a deployed scorer runs: learning from their beginning, and scoring them all. */
const BATCH = 1024;
const LEARN_EVENTS = 100_000;
const DAY_MS = 86_400_000;
/** seconds that labels take */
const DELAY = 7 * 86_400;
const START = Date.UTC(2018, 3, 1);
/** payments held until their labels come, about those of a week */
const HOLD = 65_536;
/** one card in so many is not there before the first test week, where new cards are asked for */
const NEW_CARDS = 5;
export const NEW_FROM_DAY = TRAIN_STARTS[0]! + 14;

export interface ScoreOptions {
  readonly labels: LabelLog;
  readonly spells?: SpellOptions;
  /** leaves out one card in five before the first test week */
  readonly newCards?: boolean;
}

export interface ScoredPayments {
  readonly log: PaymentLog;
  /** surprise by payment, before labels re-rank it and after */
  readonly first: Float32Array;
  readonly final: Float32Array;
  /** 1 for a fraud that a perfect judge of payments and labels knows: see Knowable */
  readonly knowable: Float32Array;
  /** by payment, how many of its card came before it; -1 for cards that are not new */
  readonly ages: Int32Array;
}

/** A model learned from the beginning of the stream, as `riskwire train` does. */
export function learn(
  pipeline: Pipeline,
  seed: number,
  tf: Tf,
  progress: (line: string) => void,
): ScoringModel {
  const plan = planFeatures(pipeline.features);
  const recording = new Recording(plan, BATCH, LEARN_EVENTS + BATCH);
  const intake = new Intake(pipeline, plan, (zone) => recording.knowsZone(zone));
  eachBatch(
    plan,
    intake,
    seed,
    LEARN_EVENTS,
    () => false,
    (columns) => recording.add(columns),
  );
  const stretch = recording.finish();
  progress(`learning from ${stretch.set.rows} events`);
  const { weights } = trainModel(
    stretch,
    plan,
    pipeline.detectors,
    pipeline.smoothing,
    seed,
    tf,
    () => undefined,
  );
  const days = (stretch.to - stretch.from) / 86_400;
  const manifest = {
    id: `transactions-${seed}`,
    features: plan.features.map((feature) => feature.name),
    domains: [...stretch.scales.domains],
    detectors: pipeline.detectors,
    judging: { eventsPerDay: stretch.set.rows / days, budget: pipeline.budget },
  } as unknown as Manifest;
  return buildModel(manifest, weights, plan, tf);
}

/** Streams the whole log through a partition's scorer. */
export function score(
  pipeline: Pipeline,
  model: ScoringModel,
  seed: number,
  progress: (line: string) => void,
  { labels, spells = {}, newCards = false }: ScoreOptions,
): ScoredPayments {
  const settings = {
    secondary: ['terminal'],
    delay: DELAY,
    window: 86_400,
    late: 21_600,
    spells,
    hold: HOLD,
  };
  const scorer = new PartitionScorer(model, {
    budget: pipeline.budget,
    quietSeconds: pipeline.quiet / 1000,
    partitions: 1,
    maxEntities: 100_000,
    capacity: BATCH,
    labels: { settings, log: labels, name: 'transactions/0' },
  });
  const intake = new Intake(pipeline, model.plan, (zone) => scorer.engine.knowsZone(zone));
  const most = 2_000_000;
  const log = { days: new Int16Array(most), cards: new Int32Array(most), kinds: new Uint8Array(most) };
  const first = new Float32Array(most);
  const final = new Float32Array(most);
  const knowable = new Float32Array(most);
  const known = new Knowable(DELAY);
  const ages = new Int32Array(most).fill(-1);
  const started = performance.now();
  let size = 0;
  const isLeftOut = (card: string, time: number) =>
    newCards && isNew(card) && time < START + NEW_FROM_DAY * DAY_MS;
  eachBatch(model.plan, intake, seed, most, isLeftOut, (columns, ofBatch) => {
    const { surprise, firstSurprise } = scorer.score(columns);
    for (let row = 0; row < columns.size; row++) {
      const entity = columns.entities[row]!;
      log.days[size] = Math.floor((columns.times[row]! - START) / DAY_MS);
      log.cards[size] = scorer.batch.slots[row]!;
      log.kinds[size] = ofBatch[row]!;
      if (newCards && isNew(entity)) ages[size] = scorer.batch.ages[row]!;
      const time = columns.times[row]! / 1000;
      knowable[size] = known.see(columns.categories[0]![row]!, ofBatch[row]!, time) ? 1 : 0;
      final[size] = surprise[row]!;
      first[size++] = firstSurprise[row]!;
      if (ofBatch[row] === 0) continue;
      labels.add({
        type: 'label',
        id: `${entity}/${time}`,
        entity,
        time,
        secondary: [columns.categories[0]![row]!],
        risk: true,
        surprise: firstSurprise[row]!,
        effectiveAt: effectiveFrom(time + DELAY),
      });
    }
    for (const closed of scorer.second?.takeClosed() ?? []) labels.add(closed);
  });
  const seconds = (performance.now() - started) / 1000;
  progress(`seed ${seed}: ${size} payments scored in ${seconds.toFixed(0)} s`);
  progress(JSON.stringify(scorer.second?.figures));
  return { log: { size, ...log }, first, final, knowable, ages };
}

/**
 * Frauds that can be told at all: all but those at a terminal of whose spell no fraud has been labelled yet, which look
 * like its genuine payments. What is left is the ceiling of every judge.
 */
export class Knowable {
  /** time of the first fraud of a terminal's spell */
  readonly #since = new Map<string, number>();

  /** @param delay seconds that labels take */
  constructor(private readonly delay: number) {}

  /** Takes in the next payment. @returns whether it is a fraud that can be known for one */
  see(terminal: string, kind: number, seconds: number): boolean {
    if (kind === 0) {
      this.#since.delete(terminal);
      return false;
    }
    if (kind !== TERMINAL) return true;
    const since = this.#since.get(terminal);
    if (since === undefined) this.#since.set(terminal, seconds);
    return since !== undefined && effectiveFrom(since + this.delay) <= seconds;
  }
}

function isNew(card: string): boolean {
  return hashString(card) % NEW_CARDS === 0;
}

function eachBatch(
  plan: FeaturePlan,
  intake: Intake,
  seed: number,
  most: number,
  isLeftOut: (card: string, time: number) => boolean,
  take: (columns: EventColumns, kinds: Uint8Array) => void,
): void {
  const columns = new EventColumns(BATCH, plan.numbers.length, plan.categories.length);
  const kinds = new Uint8Array(BATCH);
  const source = transactionsSource({ plain: true, seed });
  let offset = 0;
  for (const batch of source.batches() as Iterable<{
    keys: readonly string[];
    events: readonly Payment[];
    truth: readonly { index: number; record: { kind?: string } }[];
  }>) {
    const ofBatch = new Map(
      batch.truth.map(({ index, record }) => [index, KINDS.indexOf(record.kind as (typeof KINDS)[number])]),
    );
    for (let i = 0; i < batch.events.length; i++) {
      const row = columns.size;
      const event = batch.events[i] as unknown as Record<string, unknown>;
      if (isLeftOut(batch.keys[i]!, batch.events[i]!.time)) continue;
      const taken = intake.take(
        event,
        batch.keys[i]!,
        offset++,
        Number.NaN,
        Number.NEGATIVE_INFINITY,
        columns,
      );
      if (taken !== 'taken') throw new Error(`payment ${offset - 1} was not taken in`);
      kinds[row] = ofBatch.get(i) ?? 0;
      if (columns.size < BATCH) continue;
      take(columns, kinds);
      columns.size = 0;
      if (offset >= most) return;
    }
  }
  if (columns.size > 0) take(columns, kinds);
}
