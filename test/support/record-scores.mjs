// Scores the beginning of a shipped stream and keeps all that was computed on the way (scaled features, raw scores of
// the detectors, surprises), or compares it with what another build had kept: whether a change made for speed has
// changed anything else. With --labels the frauds come back as labels a day after they happened.
// usage: node record-scores.mjs PIPELINE EVENTS FILE [--against] [--labels] [--dist DIR] [--root DIR] [--backend NAME] [--batch N]
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openScorer } from './shipped-scorer.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    against: { type: 'boolean', default: false },
    labels: { type: 'boolean', default: false },
    dist: { type: 'string' },
    root: { type: 'string' },
    backend: { type: 'string', default: 'wasm' },
    batch: { type: 'string', default: '1024' },
  },
});
const [name, events, file] = positionals;
const count = Number(events);
const capacity = Number(options.batch);
const {
  load,
  root,
  pipeline,
  model,
  scorer,
  log,
  intake,
  columns: makeColumns,
} = await openScorer({
  ...options,
  pipeline: name,
  capacity,
});
const { sourceOf } = await load('services/producer/sources.js');
const { take } = await load('pipelines/source.js');
const { effectiveFrom } = await load('detection/labels/records.js');

const width = model.plan.features.length;
const detectors = model.detectors.length;
const kept = {
  features: new Float32Array(count * width),
  ...Object.fromEntries(model.detectors.map(({ name }) => [`raw:${name}`, new Float32Array(count)])),
  detectorSurprise: new Float32Array(count * detectors),
  firstSurprise: new Float32Array(count),
  surprise: new Float32Array(count),
  flagged: new Float32Array(count),
  // of each micro-batch's last event: what the second stage makes of it, also while it is silent
  logit: new Float32Array(count),
};
let rows = 0;
for (const detector of model.detectors) {
  const score = detector.score.bind(detector);
  detector.score = (batch, state, out) => {
    score(batch, state, out);
    kept[`raw:${detector.name}`].set(out.subarray(0, batch.size), rows);
  };
}
const columns = makeColumns();
const flush = () => {
  if (columns.size === 0) return;
  const { size, detectorSurprise, firstSurprise, surprise, flagged } = scorer.score(columns);
  kept.features.set(scorer.batch.x.subarray(0, size * width), rows * width);
  kept.detectorSurprise.set(detectorSurprise.subarray(0, size * detectors), rows * detectors);
  kept.firstSurprise.set(firstSurprise.subarray(0, size), rows);
  kept.surprise.set(surprise.subarray(0, size), rows);
  for (const { row } of flagged) kept.flagged[rows + row] = 1;
  for (const closed of scorer.second?.takeClosed() ?? []) log.add(closed);
  kept.logit[rows] = scorer.second?.logit ?? 0;
  rows += size;
  columns.size = 0;
};
let offset = 0;
let watermark = Number.NEGATIVE_INFINITY;
for await (const { keys, events: batch, truth } of take(
  sourceOf(name, { examplesDir: `${root}examples` }),
  count,
).batches()) {
  if (options.labels)
    for (const { index, record } of truth) {
      if (record.type !== 'event') continue;
      const event = batch[index];
      const time = event[pipeline.time] / 1000;
      log.add({
        type: 'label',
        id: record.eventId,
        entity: keys[index],
        time,
        secondary: pipeline.labels.secondary.map((field) => event[field]),
        risk: true,
        surprise: 0,
        effectiveAt: effectiveFrom(time + 86_400),
      });
    }
  for (let i = 0; i < batch.length; i++) {
    if (intake.take(batch[i], keys[i], offset++, Number.NaN, watermark, columns) === 'taken')
      watermark = Math.max(watermark, columns.times[columns.size - 1]);
    if (columns.size === capacity) flush();
  }
}
flush();

const names = Object.keys(kept);
const all = Buffer.concat(names.map((key) => Buffer.from(kept[key].buffer)));
if (!options.against) {
  writeFileSync(file, all);
  process.stdout.write(
    `${name}: kept ${rows} rows of ${names.join(', ')}; second stage ${scorer.second?.on}\n`,
  );
} else {
  const before = readFileSync(file);
  if (before.length !== all.length)
    throw new Error(`${file} is of another stream, model or number of events`);
  let at = 0;
  for (const key of names) {
    const now = kept[key];
    const old = new Float32Array(
      before.buffer.slice(before.byteOffset + at, before.byteOffset + at + now.byteLength),
    );
    at += now.byteLength;
    let most = 0;
    let where = -1;
    let beyond = 0;
    let sum = 0;
    for (let i = 0; i < now.length; i++) {
      const same = Object.is(now[i], old[i]) || (Number.isNaN(now[i]) && Number.isNaN(old[i]));
      const off = same ? 0 : Math.abs(now[i] - old[i]) / Math.max(1, Math.abs(old[i]));
      if (off > 1e-4 || Number.isNaN(off)) beyond++;
      sum += off;
      if (!(off <= most)) {
        most = off;
        where = i;
      }
    }
    const found = where < 0 ? '' : ` at ${where}: ${old[where]} -> ${now[where]}`;
    process.stdout.write(
      `${name} ${key.padEnd(18)} largest difference ${most.toExponential(1)}${found}; mean ${(sum / now.length).toExponential(1)}; beyond 1e-4: ${beyond} of ${now.length}\n`,
    );
  }
}
