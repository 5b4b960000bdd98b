// Scores the beginning of a shipped stream on one TensorFlow.js backend and prints what it flags as JSON. A process of
// its own, since a process runs one backend and the native one doesn't load inside jest.
// usage: node score-stream.mjs BACKEND PIPELINE EVENTS     (compiled code in dist/)
const dist = new URL('../../dist/', import.meta.url);
const load = (path) => import(new URL(path, dist).href);
const [backendName, pipelineName, count] = process.argv.slice(2);
const [
  { loadPipelines },
  { loadModels },
  { Intake },
  { PartitionScorer },
  { EventColumns },
  { sourceOf },
  { take },
  { createLog },
] = await Promise.all([
  load('pipelines/loader.js'),
  load('services/scorer/models.js'),
  load('services/scorer/intake.js'),
  load('detection/scoring.js'),
  load('detection/features/columns.js'),
  load('services/producer/sources.js'),
  load('pipelines/source.js'),
  load('lib/log.js'),
]);
const root = new URL('../../', import.meta.url).pathname;
const BATCH = 1024;
const [pipeline] = await loadPipelines(`${root}pipelines`, `${root}schemas`, [pipelineName]);
const log = createLog('test', { level: 'warn', destination: process.stderr });
const { models, backend } = await loadModels([pipeline], {
  folder: `${root}models`,
  backend: backendName,
  batchEvents: BATCH,
  log,
});
const { model } = models[0];
const scorer = new PartitionScorer(model, {
  budget: 200,
  quietSeconds: pipeline.quiet / 1000,
  partitions: 1,
  maxEntities: 100_000,
  capacity: BATCH,
});
const intake = new Intake(pipeline, model.plan, (zone) => scorer.engine.knowsZone(zone));
const columns = new EventColumns(BATCH, model.plan.numbers.length, model.plan.categories.length);
const risks = [];
let offset = 0;
let watermark = Number.NEGATIVE_INFINITY;
const flush = () => {
  if (columns.size === 0) return;
  for (const { row, surprise, severity } of scorer.score(columns).flagged)
    risks.push({ offset: columns.offsets[row], score: surprise, severity });
  columns.size = 0;
};
for await (const { keys, events } of take(
  sourceOf(pipelineName, { examplesDir: `${root}examples` }),
  Number(count),
).batches()) {
  for (let i = 0; i < events.length; i++) {
    if (intake.take(events[i], keys[i], offset++, Number.NaN, watermark, columns) === 'taken')
      watermark = Math.max(watermark, columns.times[columns.size - 1]);
    if (columns.size === BATCH) flush();
  }
}
flush();
process.stdout.write(`${JSON.stringify({ backend: backend.name, events: offset, risks })}\n`);
