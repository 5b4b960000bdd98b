import { join } from 'node:path';
import { EventColumns } from '../../detection/features/columns.js';
import { type FeaturePlan, planFeatures } from '../../detection/features/plan.js';
import { buildModel } from '../../detection/model/build.js';
import { PartitionScorer, type ScoringModel } from '../../detection/scoring.js';
import type { Logger } from '../../lib/log.js';
import { type Backend, type BackendName, openBackend, type Tf } from '../../lib/tensors.js';
import { modelFingerprint } from '../../pipelines/fingerprint.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { type ModelPackage, ModelPackageError, readModelPackage } from './model-files.js';

export interface ModelOptions {
  /** holds a package a pipeline, by its name */
  readonly folder: string;
  readonly backend: 'auto' | BackendName;
  readonly batchEvents: number;
  readonly log: Logger;
}

export interface LoadedPipeline {
  readonly pipeline: Pipeline;
  readonly model: ScoringModel;
}

/**
 * Reads the packages of all pipelines, chooses the tensor backend by measuring the largest model on each that is
 * there, and warms the models up.
 * @throws ModelPackageError when a package is missing, damaged, or was made for another pipeline
 */
export async function loadModels(
  pipelines: readonly Pipeline[],
  options: ModelOptions,
): Promise<{ models: LoadedPipeline[]; backend: Backend }> {
  const { log } = options;
  const packages: { pipeline: Pipeline; plan: FeaturePlan; found: ModelPackage }[] = [];
  for (const pipeline of pipelines) {
    const found = await readModelPackage(join(options.folder, pipeline.name));
    if (found.manifest.fingerprint !== modelFingerprint(pipeline)) {
      throw new ModelPackageError(
        found.folder,
        `it was trained for other features or field types than the pipeline '${pipeline.name}' declares now; run: riskwire train --pipeline ${pipeline.name}`,
      );
    }
    packages.push({ pipeline, plan: planFeatures(pipeline.features), found });
  }
  const build = (tf: Tf) =>
    packages.map(({ pipeline, plan, found }) => ({
      pipeline,
      model: buildModel(found.manifest, found.weights, plan, tf),
    }));
  const backend = await openBackend(options.backend, {
    log: (message) => log.warn({}, message),
    trial: (tf) => {
      const models = build(tf);
      const runs = models.map(({ pipeline, model }) => warmUp(pipeline, model, options.batchEvents));
      return {
        run: () => {
          for (const run of runs) run();
        },
        dispose: () => {
          for (const { model } of models) for (const detector of model.detectors) detector.dispose();
        },
      };
    },
  });
  const models = build(backend.tf);
  for (const { pipeline, model } of models) warmUp(pipeline, model, options.batchEvents)();
  log.info(
    { backend: backend.name, measured: backend.measured, models: models.map(({ model }) => model.id) },
    `models run on the ${backend.name} backend`,
  );
  return { models, backend };
}

/** Scores a full micro-batch of made-up events on state of its own, so that the first real one isn't slow. */
function warmUp(pipeline: Pipeline, model: ScoringModel, batchEvents: number): () => void {
  const scorer = new PartitionScorer(model, {
    budget: pipeline.budget,
    quietSeconds: pipeline.quiet / 1000,
    partitions: 1,
    maxEntities: Math.max(1000, batchEvents),
    capacity: batchEvents,
  });
  const columns = new EventColumns(batchEvents, model.plan.numbers.length, model.plan.categories.length);
  columns.size = batchEvents;
  for (let row = 0; row < batchEvents; row++) {
    columns.entities[row] = `entity-${row % 97}`;
    columns.domains[row] = model.scales.domains[0] ?? 'all';
    columns.zones[row] = 'UTC';
    columns.times[row] = 1_600_000_000_000 + row * 1000;
    for (const values of columns.numbers) values[row] = (row * 37) % 101;
    for (const values of columns.categories) values[row] = `value-${row % 11}`;
  }
  return () => {
    scorer.detect(columns);
  };
}
