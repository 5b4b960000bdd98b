import { join } from 'node:path';
import { EventColumns } from '../../detection/features/columns.js';
import { type FeaturePlan, planFeatures } from '../../detection/features/plan.js';
import { buildModel } from '../../detection/model/build.js';
import { type Base, startModel } from '../../detection/model/start-model.js';
import { PartitionScorer, type ScoringModel } from '../../detection/scoring.js';
import type { Logger } from '../../lib/log.js';
import { type Backend, type BackendName, openBackend, type Tf } from '../../lib/tensors.js';
import { modelFingerprint } from '../../pipelines/fingerprint.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { type ModelPackage, ModelPackageError, readModelPackage } from './model-files.js';
import { readBase } from './train-base.js';

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
 * Reads the packages of all pipelines; one that has none yet starts from the shared model (see startModel). Chooses the tensor backend by measuring the largest model on each that is
 * there, and warms the models up.
 * @throws ModelPackageError when a package is damaged or was made for another pipeline, or is missing and the pipeline
 * has no numbers, so that nothing can watch it before a training
 */
export async function loadModels(
  pipelines: readonly Pipeline[],
  options: ModelOptions,
): Promise<{ models: LoadedPipeline[]; backend: Backend }> {
  const { log } = options;
  const packages: { pipeline: Pipeline; plan: FeaturePlan; found: ModelPackage }[] = [];
  const starting: { pipeline: Pipeline; base: Base }[] = [];
  for (const pipeline of pipelines) {
    const found = await packageOf(pipeline, options.folder);
    if (found === undefined) {
      starting.push({ pipeline, base: await readBase(options.folder) });
      log.warn(
        { pipeline: pipeline.name },
        `${pipeline.name} has no trained model yet and starts from the shared one: record some weeks of events, then run: riskwire train --pipeline ${pipeline.name}`,
      );
      continue;
    }
    if (found.manifest.fingerprint !== modelFingerprint(pipeline)) {
      throw new ModelPackageError(
        found.folder,
        `it was trained for other features or field types than the pipeline '${pipeline.name}' declares now; run: riskwire train --pipeline ${pipeline.name}`,
      );
    }
    packages.push({ pipeline, plan: planFeatures(pipeline.features), found });
  }
  const build = (tf: Tf): LoadedPipeline[] =>
    packages.map(({ pipeline, plan, found }) => ({
      pipeline,
      model: buildModel(found.manifest, found.weights, plan, tf),
    }));
  const started = starting.map(({ pipeline, base }) => ({ pipeline, model: startOf(pipeline, base) }));
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
  const built = [...build(backend.tf), ...started];
  const models = pipelines.map((pipeline) => built.find((one) => one.pipeline === pipeline)!);
  for (const { pipeline, model } of models) warmUp(pipeline, model, options.batchEvents)();
  log.info(
    { backend: backend.name, measured: backend.measured, models: models.map(({ model }) => model.id) },
    `models run on the ${backend.name} backend`,
  );
  return { models, backend };
}

/** undefined when there is none */
async function packageOf(pipeline: Pipeline, folder: string): Promise<ModelPackage | undefined> {
  try {
    return await readModelPackage(join(folder, pipeline.name));
  } catch (error) {
    if (!(error instanceof ModelPackageError && error.missing)) throw error;
    // Nothing but numbers can be watched before a training.
    if (pipeline.features.numbers.length === 0) throw error;
    return undefined;
  }
}

function startOf(pipeline: Pipeline, base: Base): ScoringModel {
  const { features, detectors: settings, smoothing: lambdas } = pipeline;
  return startModel({ features, settings, lambdas }, base);
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
