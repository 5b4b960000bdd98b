// Scores the beginning of a shipped stream on one TensorFlow.js backend and prints what it flags as JSON. A process of
// its own, since a process runs one backend and the native one doesn't load inside jest.
// usage: node score-stream.mjs BACKEND PIPELINE EVENTS     (compiled code in dist/)
import { openScorer } from './shipped-scorer.mjs';

const [backendName, pipelineName, count] = process.argv.slice(2);
const BATCH = 1024;
const opened = await openScorer({
  backend: backendName,
  pipeline: pipelineName,
  capacity: BATCH,
  budget: 200,
  entities: 100_000,
});
const { load, root, scorer, intake, backend } = opened;
const { sourceOf } = await load('services/producer/sources.js');
const { take } = await load('pipelines/source.js');
const columns = opened.columns();
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
