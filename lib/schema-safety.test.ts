import { unsafeBecause } from './schema-safety.js';

const record = (...types: unknown[]) => ({
  type: 'record',
  name: 'R',
  fields: types.map((type, i) => ({ name: `f${i}`, type })),
});

test.each([
  ['a record that holds itself', record(['null', 'R']), 'holds itself (R)'],
  [
    'one that does through another',
    record({ type: 'record', name: 'Q', fields: [{ name: 'r', type: { type: 'array', items: 'R' } }] }),
    'holds itself (R)',
  ],
  [
    'one that does under a namespace',
    { type: 'record', name: 'R', namespace: 'a', fields: [{ name: 'r', type: ['null', 'a.R'] }] },
    'holds itself (a.R)',
  ],
  ['an array of nulls', record({ type: 'array', items: 'null' }), 'items take no bytes'],
  [
    'an array of records of nulls',
    record({ type: 'array', items: { type: 'record', name: 'E', fields: [{ name: 'n', type: 'null' }] } }),
    'items take no bytes',
  ],
  [
    'an array of nothing, named',
    record({ type: 'fixed', name: 'F', size: 0 }, { type: 'array', items: 'F' }),
    'items take no bytes',
  ],
  ['one inside a map', { type: 'map', values: { type: 'array', items: 'null' } }, 'items take no bytes'],
])('%s is not read', (_name, schema, why) => {
  expect(unsafeBecause(schema)).toContain(why);
});

test.each([
  ['plain fields', record('string', ['null', 'double'], { type: 'long', logicalType: 'timestamp-millis' })],
  ['an array of unions with null', record({ type: 'array', items: ['null', 'string'] })],
  ['a map of nulls, which has keys', record({ type: 'map', values: 'null' })],
  [
    'a type used twice',
    record({ type: 'enum', name: 'E', symbols: ['A'] }, 'E', { type: 'array', items: 'E' }),
  ],
])('%s is read', (_name, schema) => {
  expect(unsafeBecause(schema)).toBeUndefined();
});
