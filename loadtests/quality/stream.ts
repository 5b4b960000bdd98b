import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventColumns } from '../../detection/features/columns.js';
import { planFeatures } from '../../detection/features/plan.js';
import { untrainedPriors } from '../../detection/judging/fit-judgement.js';
import { buildModel } from '../../detection/model/build.js';
import { judgedAs, untrainedDetectors } from '../../detection/model/detectors.js';
import { PartitionScorer, type ScoredBatch, type ScoringModel } from '../../detection/scoring.js';
import { partitionOf } from '../../lib/partitioner.js';
import { packageRoot } from '../../lib/paths.js';
import { type Backend, openBackend } from '../../lib/tensors.js';
import { loadPipelines, type Pipeline } from '../../pipelines/loader.js';
import { Intake } from '../../services/scorer/intake.js';
import { readModelPackage } from '../../services/scorer/model-files.js';
import { type RecordedEvents, train } from '../../services/scorer/train.js';

/** Events in arrival order with their keys; what an EventSource gives fits. */
export type Batches = AsyncIterable<RecordedEvents> | Iterable<RecordedEvents>;

export interface StreamOptions {
  /** alerts a day; by default the pipeline's */
  readonly budget?: number;
  readonly partitions?: number;
  /** false: every row is judged by what training knew, see PartitionOptions.learns */
  readonly learns?: boolean;
  readonly batchEvents?: number;
}

/** A micro-batch that was just scored; columns.offsets holds each row's position in the stream. */
export interface Scored {
  readonly partition: number;
  readonly columns: EventColumns;
  readonly scored: ScoredBatch;
  readonly scorer: PartitionScorer;
}

const MAX_ENTITIES = 200_000;

/**
 * Scores a stream as the scorer service does from the decoded event on: intake, features, detectors, judging and
 * budget, one PartitionScorer a partition, keys laid to partitions as producers lay them. Gives the number of events.
 */
export function scoreStream(
  pipeline: Pipeline,
  model: ScoringModel,
  batches: Batches,
  options: StreamOptions,
  visit: (scored: Scored) => void,
): Promise<number> {
  return feed(pipeline, model, batches, options, (scorer, columns, partition) => {
    visit({ partition, columns, scored: scorer.score(columns), scorer });
  });
}

/** The same up to the detectors' raw scores (rows x detectors), without the judging. */
export function detectStream(
  pipeline: Pipeline,
  model: ScoringModel,
  batches: Batches,
  visit: (columns: EventColumns, raw: Float32Array) => void,
): Promise<number> {
  return feed(pipeline, model, batches, {}, (scorer, columns) => {
    visit(columns, scorer.detect(columns).raw);
  });
}

async function feed(
  pipeline: Pipeline,
  model: ScoringModel,
  batches: Batches,
  options: StreamOptions,
  step: (scorer: PartitionScorer, columns: EventColumns, partition: number) => void,
): Promise<number> {
  const { partitions = 1, batchEvents = 256, budget = pipeline.budget } = options;
  const parts = Array.from({ length: partitions }, () => {
    const scorer = new PartitionScorer(model, {
      budget,
      quietSeconds: pipeline.quiet / 1000,
      partitions,
      maxEntities: MAX_ENTITIES,
      capacity: batchEvents,
      learns: options.learns,
    });
    return {
      scorer,
      intake: new Intake(pipeline, model.plan, (zone) => scorer.engine.knowsZone(zone)),
      columns: new EventColumns(batchEvents, model.plan.numbers.length, model.plan.categories.length),
      watermark: Number.NEGATIVE_INFINITY,
    };
  });
  const flush = (partition: number): void => {
    const { scorer, columns } = parts[partition]!;
    if (columns.size > 0) step(scorer, columns, partition);
    columns.size = 0;
  };
  let position = 0;
  for await (const { keys, events } of batches) {
    for (let i = 0; i < events.length; i++) {
      const key = keys[i]!;
      const partition = partitions > 1 ? partitionOf(key, partitions) : 0;
      const part = parts[partition]!;
      const { columns } = part;
      const event = events[i]! as Record<string, unknown>;
      const taken = part.intake.take(event, key, position++, Number.NaN, part.watermark, columns);
      if (taken !== 'taken') continue;
      part.watermark = Math.max(part.watermark, columns.times[columns.size - 1]!);
      if (columns.size === batchEvents) flush(partition);
    }
  }
  for (let partition = 0; partition < partitions; partition++) flush(partition);
  return position;
}

/** A pipeline's detectors that need no training, and priors that nobody measured: how a stream starts without a model. */
export function untrainedModel(pipeline: Pipeline, eventsPerDay: number): ScoringModel {
  const plan = planFeatures(pipeline.features);
  const detectors = untrainedDetectors(pipeline.detectors, plan);
  const features = plan.features.length;
  return {
    id: `${pipeline.name}-untrained`,
    plan,
    scales: {
      domains: [],
      centres: new Float32Array(features),
      scales: new Float32Array(features).fill(1),
      features,
    },
    detectors,
    lambdas: pipeline.smoothing,
    ordinary: detectors.map(() => 0),
    priors: untrainedPriors(
      { detectors: judgedAs(detectors), lambdas: pipeline.smoothing.length },
      detectors.map(() => 1),
    ),
    domainState: new Float32Array(plan.domainBlocks.reduce((sum, block) => sum + block.size, 0)),
    eventsPerDay,
  };
}

/** A model learned from a stretch of a stream as `riskwire train` does it, package written and read back. */
export async function trainOn(
  pipeline: Pipeline,
  batches: Batches,
  seed: number,
  backend: Backend,
): Promise<ScoringModel> {
  const folder = await mkdtemp(join(tmpdir(), 'riskwire-quality-'));
  try {
    const { folder: made } = await train({
      pipeline,
      events: batches,
      folder,
      seed,
      maxEvents: 1_000_000,
      backend,
      version: 'benchmark',
      progress: () => undefined,
      now: Date.now,
    });
    return await modelFrom(made, pipeline, backend);
  } finally {
    await rm(folder, { recursive: true });
  }
}

export async function modelFrom(folder: string, pipeline: Pipeline, backend: Backend): Promise<ScoringModel> {
  const { manifest, weights } = await readModelPackage(folder);
  return buildModel(manifest, weights, planFeatures(pipeline.features), backend.tf);
}

export interface Shipped {
  readonly pipeline: Pipeline;
  readonly backend: Backend;
}

export async function shippedPipeline(name: string): Promise<Shipped> {
  const root = packageRoot();
  const [pipeline] = await loadPipelines(join(root, 'pipelines'), join(root, 'schemas'), [name]);
  return { pipeline: pipeline!, backend: await openBackend('wasm') };
}

export function shippedModel({ pipeline, backend }: Shipped): Promise<ScoringModel> {
  return modelFrom(join(packageRoot(), 'models', pipeline.name), pipeline, backend);
}

export function disposeOf(model: ScoringModel): void {
  for (const detector of model.detectors) detector.dispose();
}
