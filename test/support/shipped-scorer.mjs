// A scorer of a shipped pipeline with its shipped model, from compiled code: what the measuring scripts beside this
// one have in common. `dist` may be that of another checkout, so that two builds can be compared.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = new URL('../../', import.meta.url).pathname;

/**
 * @param {{ dist?: string, backend: string, pipeline: string, capacity: number, entities?: number, labels?: boolean, models?: string }} options
 */
export async function openScorer({ dist, backend, pipeline: name, capacity, entities, labels, models }) {
  const base = pathToFileURL(`${resolve(dist ?? `${root}dist`)}/`);
  const load = (path) => import(new URL(path, base).href);
  const { loadPipelines } = await load('pipelines/loader.js');
  const { loadModels } = await load('services/scorer/models.js');
  const { Intake } = await load('services/scorer/intake.js');
  const { PartitionScorer } = await load('detection/scoring.js');
  const { EventColumns } = await load('detection/features/columns.js');
  const { LabelLog } = await load('detection/labels/label-log.js');
  const { createLog } = await load('lib/log.js');
  const [pipeline] = await loadPipelines(`${root}pipelines`, `${root}schemas`, [name]);
  const loaded = await loadModels([pipeline], {
    folder: models ?? `${root}models`,
    backend,
    batchEvents: capacity,
    log: createLog('test', { level: 'warn', destination: process.stderr }),
  });
  const { model } = loaded.models[0];
  const log = new LabelLog();
  const scorer = new PartitionScorer(model, {
    budget: pipeline.budget,
    quietSeconds: pipeline.quiet / 1000,
    partitions: 1,
    maxEntities: entities ?? 200_000,
    capacity,
    remembersIds: pipeline.eventId !== undefined,
    ...(labels && pipeline.labels && { labels: { settings: pipeline.labels, log, name: `${name}/0` } }),
  });
  return {
    load,
    root,
    pipeline,
    model,
    scorer,
    log,
    backend: loaded.backend,
    intake: new Intake(pipeline, model.plan, (zone) => scorer.engine.knowsZone(zone)),
    columns: () => new EventColumns(capacity, model.plan.numbers.length, model.plan.categories.length),
  };
}
