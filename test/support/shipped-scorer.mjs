// A scorer of a shipped pipeline with its shipped model, from compiled code: what the measuring scripts beside this
// one have in common. `dist` (code) and `root` (pipelines, schemas, models, examples) may be those of another checkout,
// so that two builds can be compared on the same input.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const here = new URL('../../', import.meta.url).pathname;

/**
 * @param {{ dist?: string, root?: string, backend: string, pipeline: string, capacity: number, budget?: number, entities?: number, labels?: boolean }} options
 */
export async function openScorer({
  dist,
  root: given,
  backend,
  pipeline: name,
  capacity,
  budget,
  entities,
  labels,
}) {
  const root = given === undefined ? here : `${resolve(given)}/`;
  const base = pathToFileURL(`${resolve(dist ?? `${here}dist`)}/`);
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
    folder: `${root}models`,
    backend,
    batchEvents: capacity,
    log: createLog('test', { level: 'warn', destination: process.stderr }),
  });
  const { model } = loaded.models[0];
  const log = new LabelLog();
  const scorer = new PartitionScorer(model, {
    budget: budget ?? pipeline.budget,
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
