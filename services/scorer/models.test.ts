import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventColumns } from '../../detection/features/columns.js';
import { PartitionScorer, type ScoringModel } from '../../detection/scoring.js';
import { silentLog } from '../../lib/log.js';
import { packageRoot } from '../../lib/paths.js';
import { loadPipelines, type Pipeline } from '../../pipelines/loader.js';
import { sourceOf } from '../producer/sources.js';
import { Intake } from './intake.js';
import { ModelPackageError } from './model-files.js';
import { loadModels } from './models.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'riskwire-models-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The shipped pipeline with the small memory, which is made ready in less time. */
async function pipelineOf(name: string): Promise<Pipeline> {
  const root = packageRoot();
  const [pipeline] = await loadPipelines(join(root, 'pipelines'), join(root, 'schemas'), [name]);
  return { ...pipeline!, detectors: { ...pipeline!.detectors, memory: { size: 'small' } } };
}

const load = (pipeline: Pipeline) =>
  loadModels([pipeline], { folder, backend: 'wasm', batchEvents: 64, log: silentLog() });

const scorerOf = (pipeline: Pipeline, model: ScoringModel): PartitionScorer =>
  new PartitionScorer(model, {
    budget: pipeline.budget,
    quietSeconds: pipeline.quiet / 1000,
    partitions: 1,
    maxEntities: 1000,
    capacity: 64,
  });

/** Surprises of events from..to of the pipeline's own stream. */
async function surprises(
  pipeline: Pipeline,
  model: ScoringModel,
  scorer: PartitionScorer,
  to: number,
  from = 0,
) {
  const intake = new Intake(pipeline, model.plan, (zone) => scorer.engine.knowsZone(zone));
  const columns = new EventColumns(64, model.plan.numbers.length, model.plan.categories.length);
  const out: number[] = [];
  const score = () => {
    const { surprise, size } = scorer.score(columns);
    out.push(...surprise.subarray(0, size));
    columns.size = 0;
  };
  const source = sourceOf(pipeline.name, { examplesDir: join(packageRoot(), 'examples') });
  let at = from;
  for await (const { keys, events } of source.batches(from)) {
    for (let i = 0; i < events.length && at < to; i++) {
      intake.take(events[i] as Record<string, unknown>, keys[i]!, at++, Number.NaN, 0, columns);
      if (columns.size === 64) score();
    }
    if (at >= to) break;
  }
  if (columns.size > 0) score();
  return out;
}

test.each(['agriculture', 'transactions'])(
  '%s without a package starts from the shared model and scores at once',
  async (name) => {
    const pipeline = await pipelineOf(name);
    const { models } = await load(pipeline);
    const { model } = models[0]!;
    expect(model.id).toMatch(/^base-/);
    expect(model.detectors.map(({ name: detector }) => detector).includes('shared')).toBe(
      name !== 'transactions',
    );
    const found = await surprises(pipeline, model, scorerOf(pipeline, model), 600);
    expect(found).toHaveLength(600);
    for (const one of found) expect(Number.isFinite(one)).toBe(true);
    // 600 payments are of nearly as many cards: of none enough is known yet
    if (name === 'agriculture') expect(new Set(found.slice(300)).size).toBeGreaterThan(100);
  },
);

test('a restart in the middle of a start changes no score', async () => {
  const pipeline = await pipelineOf('agriculture');
  const { model } = (await load(pipeline)).models[0]!;
  const whole = await surprises(pipeline, model, scorerOf(pipeline, model), 1280);
  const first = scorerOf(pipeline, model);
  await surprises(pipeline, model, first, 640);
  first.flush();
  const { model: again } = (await load(pipeline)).models[0]!;
  const second = scorerOf(pipeline, again);
  for (const part of ['entities', 'domains'] as const)
    for (const page of first.parts[part].takePages(true)) second.parts[part].layPage(page);
  second.load(first.budgetState);
  expect(await surprises(pipeline, again, second, 1280, 640)).toEqual(whole.slice(640));
});

test('a damaged package is refused, and so is none where there are no numbers', async () => {
  const pipeline = await pipelineOf('agriculture');
  const bare = { ...pipeline, features: { ...pipeline.features, numbers: [] } };
  await expect(load(bare)).rejects.toThrow(ModelPackageError);
  await mkdir(join(folder, 'agriculture'));
  await writeFile(join(folder, 'agriculture', 'manifest.json'), '{}');
  await expect(load(pipeline)).rejects.toThrow(/damaged/);
  await rm(join(folder, 'agriculture'), { recursive: true });
});
