import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../lib/paths.js';
import { parsePipeline } from '../../../pipelines/loader.js';
import { definitionText } from './definition-text.js';
import { propose, type SampleEvent } from './propose.js';
import { unitOf } from './schema-fields.js';

const schemaOf = (name: string): unknown =>
  JSON.parse(readFileSync(join(packageRoot(), 'schemas', `${name}.avsc`), 'utf8'));

function proposed(schemaName: string, sample: readonly SampleEvent[] = []) {
  const schema = schemaOf(schemaName);
  const proposal = propose({ schema, schemaName, topic: 'events', name: 'events', sample });
  const text = definitionText(proposal);
  const pipeline = parsePipeline('proposed.yaml', text, (name) =>
    name === schemaName ? JSON.stringify(schema) : undefined,
  );
  return { proposal, text, pipeline };
}

test.each(['payment', 'water-reading', 'plant-reading'])(
  'what is proposed for %s passes the loader',
  (name) => {
    expect(proposed(name).pipeline.name).toBe('events');
  },
);

test('the schema alone tells entity, time, zone, domain, units', () => {
  const { pipeline } = proposed('payment');
  expect(pipeline.entity).toBe('card');
  expect(pipeline.eventId).toBe('id');
  expect(pipeline.time).toBe('time');
  expect(pipeline.timeZone).toEqual({ field: 'timeZone' });
  expect(pipeline.domain).toEqual({ field: 'country' });
  expect(pipeline.features.numbers).toEqual([
    { field: 'amount', unit: { field: 'currency' }, habit: true, sensor: true },
  ]);
  const water = proposed('water-reading').pipeline;
  expect(water.features.numbers.map(({ field, unit }) => [field, unit])).toContainEqual([
    'conductivity',
    'µS/cm',
  ]);
  expect(water.detectors.checks).toBeDefined();
});

test('a sample tells the key, the pace, ranges, and what is of no use', () => {
  const start = Date.UTC(2024, 2, 1);
  const sample = Array.from({ length: 400 }, (_, i) => ({
    key: `s${i % 4}`,
    event: {
      id: `e${i}`,
      time: start + Math.floor(i / 4) * 900_000,
      site: 'same',
      watershed: `s${i % 4}`,
      temperature: 10 + (i % 7),
      conductivity: i % 100 < 3 ? 50_000 : 300 + (i % 11),
      ph: null,
      dissolvedOxygen: 8,
      turbidity: 1 + (i % 5),
      stage: 30 + (i % 3),
    },
  }));
  const { proposal, pipeline, text } = proposed('water-reading', sample);
  expect(pipeline.entity).toBe('watershed');
  expect(text).toContain('the Kafka key in the sample');
  expect(proposal.kind).toBe('sensors');
  expect(pipeline.detectors.checks).toEqual({ intervalSeconds: 900 });
  expect(proposal.left.map(({ field }) => field)).toEqual(['site', 'dissolvedOxygen']);
  expect(pipeline.features.numbers.find(({ field }) => field === 'conductivity')?.log).toBe(true);
  expect(pipeline.features.numbers.find(({ field }) => field === 'temperature')?.log).toBeUndefined();
});

test('a schema without a time or an entity is refused with the remedy', () => {
  const record = (fields: object[]) => ({ type: 'record', name: 'R', fields });
  const input = { schemaName: 'r', topic: 't', name: 'r', sample: [] };
  expect(() => propose({ ...input, schema: record([{ name: 'key', type: 'string' }]) })).toThrow(
    /timestamp-millis/,
  );
  expect(() => propose({ ...input, schema: record([{ name: 'time', type: 'long' }]) })).toThrow(
    /a string or an enum/,
  );
  expect(() => propose({ ...input, schema: 'string' })).toThrow(/not an Avro record/);
});

test.each([
  ['°C', '°C'],
  ['inlet temperature (°C)', '°C'],
  ['power in kW', 'kW'],
  ['mg/L', 'mg/L'],
  ['merchant category', undefined],
  ['amount', undefined],
  ["in the currency's main unit", undefined],
])('the unit in the doc %p is %p', (doc, unit) => {
  expect(unitOf(doc)).toBe(unit);
});
