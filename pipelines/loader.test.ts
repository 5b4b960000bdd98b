import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../lib/paths.js';
import { loadPipelines, parsePipeline } from './loader.js';
import { DefinitionError } from './yaml-faults.js';

const root = packageRoot();
const payment = readFileSync(join(root, 'schemas', 'payment.avsc'), 'utf8');
const schemas = (name: string) => (name === 'payment' ? payment : undefined);
const good = readFileSync(join(root, 'pipelines', 'transactions', 'pipeline.yaml'), 'utf8');

function faultsOf(text: string) {
  try {
    parsePipeline('p.yaml', text, schemas);
  } catch (error) {
    if (error instanceof DefinitionError) return error.faults;
    throw error;
  }
  return [];
}

test('the pipelines that ship are sound', async () => {
  const pipelines = await loadPipelines(join(root, 'pipelines'), join(root, 'schemas'));
  expect(pipelines.map((p) => p.name)).toEqual(['agriculture', 'production', 'transactions']);
  expect(pipelines.find((p) => p.name === 'production')?.features.numbers).toHaveLength(52);
});

test('a name that is not there is said with those that are', async () => {
  await expect(loadPipelines(join(root, 'pipelines'), join(root, 'schemas'), ['payments'])).rejects.toThrow(
    /'payments'.*agriculture, production, transactions/,
  );
});

test('how far the sequence model looks back is two events unless one is said', () => {
  const lagsOf = (sequence: string) => {
    const text = good.replace(/sequence: \{.*\}/, `sequence: ${sequence}`);
    const parsed = parsePipeline('p.yaml', text, schemas);
    return parsed.detectors.sequence;
  };
  expect(lagsOf('{ hidden: 8 }')).toEqual({ hidden: 8 });
  expect(lagsOf('{ hidden: 8, lags: 2 }')).toEqual({ hidden: 8 });
  expect(lagsOf('{ hidden: 8, lags: 1 }')).toEqual({ hidden: 8, lags: 1 });
  expect(faultsOf(good.replace(/sequence: \{.*\}/, 'sequence: { lags: 3 }'))).not.toEqual([]);
});

test('every fault comes with its line', () => {
  const faults = faultsOf(
    good.replace('entity: card ', 'entity: cart ').replace('fields: [amount]', 'fields: [amuont]'),
  );
  const lineOf = (text: string) => good.split('\n').findIndex((line) => line.includes(text)) + 1;
  expect(faults).toEqual([
    { line: lineOf('entity: card'), path: 'entity', message: expect.stringContaining("no field 'cart'") },
    {
      line: lineOf('fields: [amount]'),
      path: 'features.numbers.0.fields.0',
      message: expect.stringContaining("no field 'amuont'"),
    },
  ]);
});

test('an unknown word is named', () => {
  const faults = faultsOf(good.replace('  quiet: 1h', '  quiet: 1h\n  bugdet: 3'));
  expect(faults).toHaveLength(1);
  expect(faults[0]).toMatchObject({
    path: 'judging.bugdet',
    message: expect.stringContaining("'bugdet' is not known"),
  });
});

test.each([
  ['late: 6h', 'late: soon', 'late'],
  ['budget: 20', 'budget: -1', 'judging.budget'],
  ['time: time', 'time: amount', 'time'],
  ['schema: payment ', 'schema: paiment ', 'schema'],
  ['timeZone: { field: timeZone }', 'timeZone: { fixed: Europe/Atlantis }', 'timeZone.fixed'],
])('%s → %s is refused at %s', (from, to, path) => {
  expect(good).toContain(from);
  expect(faultsOf(good.replace(from, to)).map((fault) => fault.path)).toContain(path);
});

test('text that is not YAML is refused by line', () => {
  expect(faultsOf('name: a\n  topic: [')[0]?.line).toBeGreaterThan(0);
});
