// What scoring costs a row, in all and by part: payments of many cards as records in bytes, taken in as the service
// takes them and straight through PartitionScorer; no broker. The totals are CPU time of the process over the timed
// rows; the parts are medians over the micro-batches of the time in each, which other programs on the machine disturb
// less than means, and the lowest twentieth, which they disturb least.
// usage: node scoring-cost.mjs [--events N] [--warm N] [--cards N] [--batch N] [--backend NAME] [--dist DIR] [--root DIR] [--no-labels] [--json]
import { join } from 'node:path';
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
const { load, model, root, pipeline, scorer, backend } = await openScorer({
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
samples.set('intake', []);
if (options.parts) {
  timing('extract', scorer.engine, 'extract');
  timing('scale', scorer.engine, 'scale');
  for (const { op } of model.plan.ops) timing(`  op ${op.name}`, op, 'run');
  for (const detector of model.detectors) timing(`detector ${detector.name}`, detector, 'score');
  timing('smoothing', Smoothing.prototype, 'smooth');
}

const { BatchIntake } = await load('services/scorer/batch-intake.js');
const { usedFields } = await load('services/scorer/field-intake.js');
const { EventDecoder } = await load('lib/event-decoder.js');
const { SchemaSource } = await load('lib/schema-source.js');
const { readSchema, singleObjectEncoder } = await load('lib/avro.js');
const { RecordColumns, withColumns } = await load('lib/record-columns.js');
const folder = join(root, 'schemas');
const encode = singleObjectEncoder(readSchema(join(folder, 'payment.avsc')));
const intake = new BatchIntake(
  pipeline,
  model.plan,
  new EventDecoder({
    reader: pipeline.schema,
    source: new SchemaSource({ folder }),
    fields: usedFields(pipeline, model.plan),
  }),
  scorer,
  capacity,
);

/** All micro-batches, before the first is timed: what makes events is several times as busy as what scores them. */
async function fetches() {
  const source = take(
    transactionsSource({ seed: 7, customers: cards, terminals: 2 * cards }),
    (warm + timed) * capacity,
  );
  const all = [];
  let messages = [];
  let offset = 0;
  for await (const { keys, events } of source.batches())
    for (let i = 0; i < events.length; i++) {
      const timestamp = String(events[i].time);
      messages.push({
        key: Buffer.from(keys[i]),
        value: encode(events[i]),
        timestamp,
        offset: String(offset++),
      });
      if (messages.length < capacity) continue;
      const { length, bytes, ...lanes } = RecordColumns.of(messages);
      all.push(withColumns(length, bytes, lanes));
      messages = [];
    }
  return all;
}

let cpu = 0;
let cpuIntake = 0;
let rows = 0;
let flagged = 0;
let batches = 0;
for (const records of await fetches()) {
  for (const part of parts.keys()) parts.set(part, 0);
  const now = await intake.prepare(records, 0, records.length);
  const before = cpuNow();
  const taken = intake.take(records, 0, records.length, 0, now);
  const start = cpuNow();
  if (intake.columns.size !== capacity || intake.readFromBytes !== capacity)
    throw new Error(
      `${intake.columns.size} of ${capacity} events were taken, ${intake.readFromBytes} of them from bytes; ${taken.late} late`,
    );
  const scored = scorer.score(intake.columns);
  const ended = cpuNow();
  scorer.second?.takeClosed();
  batches++;
  if (batches <= warm) continue;
  cpuIntake += start - before;
  cpu += ended - start;
  rows += capacity;
  flagged += scored.flagged.length;
  samples.get('whole').push(ended - start);
  samples.get('intake').push(start - before);
  for (const [part, sum] of parts) samples.get(part).push(sum);
}

const quantile = (values, at) => [...values].sort((a, b) => a - b)[Math.floor(values.length * at)] / capacity;
const perRow = Object.fromEntries([...samples].map(([part, values]) => [part, quantile(values, 0.5)]));
const low = Object.fromEntries([...samples].map(([part, values]) => [part, quantile(values, 0.05)]));
const result = {
  backend: backend.name,
  rows,
  flagged,
  entities: scorer.entities.size,
  bytesAnEntity: scorer.entities.stride * 4,
  cpu: cpu / rows,
  cpuIntake: cpuIntake / rows,
  perRow,
  low,
};
if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
else {
  process.stdout.write(
    `${rows} rows of ${result.entities} entities (${result.bytesAnEntity} bytes each) on ${result.backend}, ${flagged} flagged\n` +
      `mean CPU: scoring ${result.cpu.toFixed(2)} µs a row, intake ${result.cpuIntake.toFixed(2)}, both ${(result.cpu + result.cpuIntake).toFixed(2)}\n`,
  );
  const line = (part, of) =>
    process.stdout.write(
      `${part.padEnd(28)}${of(perRow).toFixed(3).padStart(8)}${of(low).toFixed(3).padStart(8)}\n`,
    );
  process.stdout.write(`${'µs a row'.padEnd(28)}${'median'.padStart(8)}${'low 5%'.padStart(8)}\n`);
  for (const part of Object.keys(perRow)) line(part, (values) => values[part]);
  const sum = (values, which) =>
    Object.entries(values).reduce((total, [part, value]) => total + (which(part) ? value : 0), 0);
  if (options.parts) {
    line(
      '  look-up, time, sensors',
      (values) => values.extract - sum(values, (part) => part.startsWith(' ')),
    );
    line(
      'judging and second stage',
      (values) => values.whole - sum(values, (part) => !/^ |whole|intake/.test(part)),
    );
  }
}
