import { join } from 'node:path';
import { EventColumns } from '../../detection/features/columns.js';
import { planFeatures } from '../../detection/features/plan.js';
import { ZoneClock } from '../../detection/features/zones.js';
import { Undecodable } from '../../lib/dead-letter-reasons.js';
import { packageRoot } from '../../lib/paths.js';
import { loadPipelines, type Pipeline } from '../../pipelines/loader.js';
import { Intake } from './intake.js';

const NOW = Date.UTC(2024, 5, 1, 12);
let pipeline: Pipeline;

beforeAll(async () => {
  const root = packageRoot();
  [pipeline] = (await loadPipelines(join(root, 'pipelines'), join(root, 'schemas'), ['transactions'])) as [
    Pipeline,
  ];
});

const payment = {
  id: 'p-1',
  time: NOW,
  card: 'c-1',
  terminal: 't-1',
  merchant: 'grocery',
  amount: 12.5,
  currency: 'EUR',
  channel: 'chip',
  country: 'DE',
  timeZone: 'Europe/Berlin',
  issuer: 'bank',
};

function take(change: Record<string, unknown>, watermark = NOW - 1000) {
  const plan = planFeatures(pipeline.features);
  const clock = new ZoneClock();
  const columns = new EventColumns(4, plan.numbers.length, plan.categories.length);
  const taken = new Intake(pipeline, plan, (zone) => clock.knows(zone)).take(
    { ...payment, ...change },
    'c-1',
    7,
    NOW,
    watermark,
    columns,
  );
  return { taken, columns };
}

test('a good event becomes a row', () => {
  const { taken, columns } = take({});
  expect(taken).toBe('taken');
  expect(columns.size).toBe(1);
  expect(columns.numbers[0]![0]).toBe(12.5);
  expect(columns.categories.map((values) => values[0])).toEqual(['t-1', 'grocery', 'chip', 'DE', 'EUR']);
  expect([
    columns.entities[0],
    columns.domains[0],
    columns.zones[0],
    columns.times[0],
    columns.offsets[0],
  ]).toEqual(['c-1', 'DE', 'Europe/Berlin', NOW, 7]);
});

test.each([
  ['NaN', { amount: Number.NaN }, 'notFinite', 'amount'],
  ['infinity', { amount: Number.NEGATIVE_INFINITY }, 'notFinite', 'amount'],
  ['year 1', { time: Date.parse('0001-01-01T00:00:00Z') }, 'timeOutOfRange', 'time'],
  ['year 9999', { time: Date.parse('9999-12-31T00:00:00Z') }, 'timeOutOfRange', 'time'],
  ['microseconds', { time: NOW * 1000 }, 'timeOutOfRange', 'time'],
  ['no time', { time: null }, 'missingField', 'time'],
  ['a clock that is an hour ahead', { time: NOW + 3_600_000 }, 'tooFarAhead', 'time'],
  ['a zone that is none', { timeZone: 'Mars/Olympus' }, 'badTimeZone', 'timeZone'],
  ['no domain', { country: null }, 'missingField', 'country'],
])('%s is a dead letter that names the field', (_, change, reason, field) => {
  const { taken, columns } = take(change);
  expect(taken).toBeInstanceOf(Undecodable);
  expect(taken).toMatchObject({ reason, field });
  expect((taken as Undecodable).detail).toContain(field);
  expect(columns.size).toBe(0);
});

test('an event that is too late is dropped by rule, a late one is not', () => {
  expect(take({ time: NOW - 7 * 3_600_000 }).taken).toBe('late');
  expect(take({ time: NOW - 5 * 3_600_000 }).taken).toBe('taken');
});

test('a missing number is a row with NaN, not a dead letter', () => {
  const { taken, columns } = take({ amount: null });
  expect(taken).toBe('taken');
  expect(columns.numbers[0]![0]).toBeNaN();
});
