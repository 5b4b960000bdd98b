// What scoring costs a row, in all and by part: payments of many cards straight through PartitionScorer, no broker and
// no Avro. The total is CPU time of the process over the timed rows; the parts are medians over the micro-batches of
// the time in each, which other programs on the machine disturb less than means.
// usage: node scoring-cost.mjs [--events N] [--warm N] [--cards N] [--batch N] [--backend NAME] [--dist DIR] [--root DIR] [--no-labels] [--json]
import { parseArgs } from 'node:util';
import { openScorer } from './shipped-scorer.mjs';

const { values: options } = parseArgs({
  allowNegative: true,
  options: {
    events: { type: 'string', default: '400000' },
    warm: { type: 'string', default: '300000' },
    cards: { type: 'string', default: '100000' },
    batch: { type: 'string', default: '2048' },
    backend: { type: 'string', default: 'wasm' },
    dist: { type: 'string' },
    root: { type: 'string' },
    labels: { type: 'boolean', default: true },
    parts: { type: 'boolean', default: true },
    json: { type: 'boolean', default: false },
  },
});
const cards = Number(options.cards);
const capacity = Number(options.batch);
const warm = Math.ceil(Number(options.warm) / capacity);
const timed = Math.ceil(Number(options.events) / capacity);
const {
  load,
  model,
  scorer,
  intake,
  columns: makeColumns,
  backend,
} = await openScorer({
  ...options,
  pipeline: 'transactions',
  capacity,
  entities: cards + 1,
});
const { transactionsSource } = await load('pipelines/transactions/generator.js');
const { Smoothing } = await load('detection/judging/smoothing.js');
const { take } = await load('pipelines/source.js');

const parts = new Map();
const samples = new Map();
/** CPU time of the process, µs */
function cpuNow() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** time in a function, added up by part and micro-batch */
function timing(part, owner, name) {
  const inner = owner[name];
  parts.set(part, 0);
  samples.set(part, []);
  Object.defineProperty(owner, name, {
    configurable: true,
    value(...args) {
      const start = cpuNow();
      const result = inner.apply(this, args);
      parts.set(part, parts.get(part) + cpuNow() - start);
      return result;
    },
  });
}
samples.set('whole', []);
samples.set('repeats', []);
if (options.parts) {
  timing('extract', scorer.engine, 'extract');
  timing('scale', scorer.engine, 'scale');
  for (const { op } of model.plan.ops) timing(`  op ${op.name}`, op, 'run');
  for (const detector of model.detectors) timing(`detector ${detector.name}`, detector, 'score');
  timing('smoothing', Smoothing.prototype, 'smooth');
}

/** an event as a decoder gives it: every text a string of its own */
function decoded(event) {
  const copy = {};
  for (const key in event) {
    const value = event[key];
    copy[key] = typeof value === 'string' ? Buffer.from(value, 'latin1').latin1Slice() : value;
  }
  return copy;
}

const columns = makeColumns();
const ids = [];
let cpu = 0;
let cpuRepeats = 0;
let rows = 0;
let flagged = 0;
let batches = 0;
function score() {
  for (const part of parts.keys()) parts.set(part, 0);
  const before = cpuNow();
  scorer.beginBatch();
  for (let i = 0; i < columns.size; i++) {
    columns.slots[i] = scorer.slotOf(columns.entities[i]);
    scorer.repeats(columns.slots[i], ids[i]);
  }
  const start = cpuNow();
  const scored = scorer.score(columns);
  const ended = cpuNow();
  scorer.second?.takeClosed();
  batches++;
  if (batches > warm) {
    cpuRepeats += start - before;
    cpu += ended - start;
    rows += columns.size;
    flagged += scored.flagged.length;
    samples.get('whole').push(ended - start);
    samples.get('repeats').push(start - before);
    for (const [part, sum] of parts) samples.get(part).push(sum);
  }
  columns.size = 0;
}

const source = take(
  transactionsSource({ seed: 7, customers: cards, terminals: 2 * cards }),
  (warm + timed) * capacity,
);
let offset = 0;
for await (const { keys, events } of source.batches()) {
  for (let i = 0; i < events.length; i++) {
    const event = decoded(events[i]);
    ids[columns.size] = event.id;
    const key = Buffer.from(keys[i], 'latin1').latin1Slice();
    if (intake.take(event, key, offset++, Number.NaN, Number.NEGATIVE_INFINITY, columns) !== 'taken')
      throw new Error(`the event ${event.id} was not taken`);
    if (columns.size === capacity) score();
  }
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const perRow = Object.fromEntries([...samples].map(([part, values]) => [part, median(values) / capacity]));
const result = {
  backend: backend.name,
  rows,
  flagged,
  entities: scorer.entities.size,
  bytesAnEntity: scorer.entities.stride * 4,
  cpu: cpu / rows,
  cpuRepeats: cpuRepeats / rows,
  perRow,
};
if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
else {
  process.stdout.write(
    `${rows} rows of ${result.entities} entities (${result.bytesAnEntity} bytes each) on ${result.backend}, ${flagged} flagged\n` +
      `CPU ${result.cpu.toFixed(2)} µs a row; looking up entities and repeats before it ${result.cpuRepeats.toFixed(2)}\n`,
  );
  const known = Object.entries(perRow).reduce(
    (sum, [part, value]) => sum + (/^ |whole|repeats/.test(part) ? 0 : value),
    0,
  );
  const ops = Object.entries(perRow).reduce(
    (sum, [part, value]) => sum + (part.startsWith(' ') ? value : 0),
    0,
  );
  for (const [part, value] of Object.entries(perRow))
    process.stdout.write(`${part.padEnd(28)}${value.toFixed(3).padStart(8)}\n`);
  if (options.parts)
    process.stdout.write(
      `${'  look-up, time, sensors'.padEnd(28)}${(perRow.extract - ops).toFixed(3).padStart(8)}\n${'judging and second stage'.padEnd(28)}${(perRow.whole - known).toFixed(3).padStart(8)}\n`,
    );
}
