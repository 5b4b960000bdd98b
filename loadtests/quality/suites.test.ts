import { join } from 'node:path';
import { packageRoot } from '../../lib/paths.js';
import { SeriesFolder } from '../../pipelines/production/series.js';
import { take } from '../../pipelines/source.js';
import { transactionsSource } from '../../pipelines/transactions/generator.js';
import { alertsAt, judgeStream, withoutBad } from './budget.js';
import { PlantedTally } from './planted.js';
import { plantedPayments, plantedPlant, plantedWater } from './planted-streams.js';
import { unitEvents } from './production-data.js';
import { plantedTally, WATER_LEARNED } from './reasons.js';
import { disposeOf, scoreStream, shippedModel, shippedPipeline } from './stream.js';

/** A small part of each suite on the shipped models, so that a change that breaks one shows with the tests. */
const examples = join(packageRoot(), 'examples');

test('production: fault 1 of the plant is surprising, its hours before are not', async () => {
  const shipped = await shippedPipeline('production');
  const model = await shippedModel(shipped);
  const events = unitEvents(new SeriesFolder(join(examples, 'production-tep')).get('d01_te'), 'unit');
  const surprises: number[] = [];
  await scoreStream(shipped.pipeline, model, [events], { learns: false }, ({ columns, scored }) => {
    surprises.push(...scored.surprise.subarray(0, columns.size));
  });
  disposeOf(model);
  expect(surprises).toHaveLength(960);
  const above = (from: number, to: number) => surprises.slice(from, to).filter((one) => one > 3).length;
  expect(above(0, 160)).toBeLessThan(16);
  expect(above(175, 960)).toBeGreaterThan(0.95 * 785);
});

test('production: what is over is over, after hours of a fault far beyond any threshold', async () => {
  const shipped = await shippedPipeline('production');
  const model = await shippedModel(shipped);
  const { keys, events } = unitEvents(
    new SeriesFolder(join(examples, 'production-tep')).get('d00_te'),
    'unit',
  );
  const faulty = events.map((event, row) =>
    row >= 300 && row < 360 ? { ...event, xmeas_12: (event as { xmeas_12: number }).xmeas_12 + 40 } : event,
  );
  const surprises: number[] = [];
  await scoreStream(
    shipped.pipeline,
    model,
    [{ keys, events: faulty }],
    { learns: false },
    ({ columns, scored }) => {
      surprises.push(...scored.surprise.subarray(0, columns.size));
    },
  );
  disposeOf(model);
  const above = (from: number, to: number) => surprises.slice(from, to).filter((one) => one > 3).length;
  expect(above(300, 360)).toBe(60);
  expect(above(375, 480)).toBeLessThan(5);
});

test('budget: decided again over the same surprises, a budget gives the alerts that the scorer gave', async () => {
  const shipped = await shippedPipeline('transactions');
  const model = await shippedModel(shipped);
  const payments = transactionsSource({ seed: 4, customers: 500, terminals: 1000, days: 6 });
  const stream = { partitions: 2, batches: withoutBad(take(payments, 6000)) };
  const { judged, alerts } = await judgeStream(shipped.pipeline, model, stream);
  disposeOf(model);
  expect(judged.surprises.length).toBeGreaterThan(4000);
  const at = (budget: number) => alertsAt(budget, shipped.pipeline, model, 2, judged).all;
  expect(at(shipped.pipeline.budget)).toBe(alerts);
  expect(at(400)).toBeGreaterThan(at(4));
});

test('reasons: faults are planted where they are said to be, and found by their field', async () => {
  const shipped = await shippedPipeline('production');
  const model = await shippedModel(shipped);
  const stream = await plantedPlant(join(examples, 'production-tep'), 1, 5000);
  const { tally } = await plantedTally(shipped.pipeline, model, stream);
  disposeOf(model);
  const kinds = [...tally.byKind().values()];
  const sum = (key: 'planted' | 'found' | 'right') => kinds.reduce((total, one) => total + one[key], 0);
  expect(sum('planted')).toBeGreaterThan(5);
  expect(sum('found')).toBeGreaterThan(0);
  expect(sum('right')).toBeGreaterThanOrEqual(0.8 * sum('found'));
});

test('reasons: a payment with one odd field is found by it, in a country that nobody has learned too', async () => {
  const shipped = await shippedPipeline('transactions');
  const model = await shippedModel(shipped);
  const { tally } = await plantedTally(shipped.pipeline, model, await plantedPayments(3, 300, 20));
  disposeOf(model);
  const kinds = tally.byKind();
  for (const kind of ['amount', 'country']) {
    const { found, right } = kinds.get(kind)!;
    expect(found).toBeGreaterThan(5);
    expect(right).toBeGreaterThanOrEqual(0.9 * found);
  }
});

test('agriculture: planted faults change their own readings and no others', async () => {
  const folder = join(examples, 'agriculture-water');
  const { events, planted } = await plantedWater(folder, 1, WATER_LEARNED);
  const dropout = planted.find(({ kind }) => kind === 'dropout')!;
  for (const position of dropout.positions) {
    expect(events[position]!.key).toBe(dropout.entity);
    expect(events[position]!.event[dropout.fields[0]!]).toBeNull();
  }
  expect(new Set(planted.map(({ kind }) => kind)).size).toBe(7);
});

test('a planted fault counts once, by its first risk', () => {
  const tally = new PlantedTally([{ entity: 'a', kind: 'spike', fields: ['ph'], positions: [10, 12, 14] }]);
  tally.risk(9, () => 'ph');
  expect(tally.byKind().get('spike')).toMatchObject({ planted: 1, found: 0 });
  const anyway = new PlantedTally(tally.planted, new Set([12]));
  anyway.risk(12, () => 'temperature');
  expect(anyway.byKind().get('spike')).toMatchObject({ found: 0 });
  tally.risk(12, () => 'ph');
  tally.risk(14, () => 'temperature');
  expect(tally.byKind().get('spike')).toEqual({ planted: 1, found: 1, right: 1, medianDelay: 1 });
});
