import avsc from 'avsc';
import fc from 'fast-check';
import { boundsCheck } from './avro-bounds.js';

const schema = {
  type: 'record',
  name: 'R',
  namespace: 'a',
  fields: [
    { name: 'names', type: { type: 'array', items: 'string' } },
    {
      name: 'counts',
      type: { type: 'map', values: ['null', 'long', { type: 'fixed', name: 'F', size: 3 }] },
    },
    {
      name: 'rows',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'Row',
          fields: [
            { name: 'x', type: 'double' },
            { name: 'e', type: { type: 'enum', name: 'E', symbols: ['A', 'B'] } },
          ],
        },
      },
    },
    { name: 'more', type: ['null', { type: 'array', items: 'Row' }] },
    { name: 'flag', type: 'boolean' },
    { name: 'raw', type: 'bytes' },
  ],
};
const type = avsc.Type.forSchema(schema as avsc.Schema, { wrapUnions: 'never' });
const row = fc.record({ x: fc.double({ noNaN: true }), e: fc.constantFrom('A', 'B') });
const values = fc.record({
  names: fc.array(fc.string()),
  counts: fc.dictionary(
    fc.string(),
    fc.oneof(
      fc.constant(null),
      fc.maxSafeInteger().map((n) => Math.trunc(n / 2)),
    ),
  ),
  rows: fc.array(row),
  more: fc.option(fc.array(row)),
  flag: fc.boolean(),
  raw: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
});

test('every value that was encoded fits, and none that is cut off', () => {
  const fits = boundsCheck(schema);
  fc.assert(
    fc.property(values, fc.nat(), (value, cut) => {
      const bytes = type.toBuffer(value);
      expect(fits?.(bytes, 0)).toBe(true);
      expect(fits?.(bytes.subarray(0, cut % bytes.length), 0)).toBe(false);
    }),
  );
});

test('a count that the bytes can’t hold is refused at once', () => {
  const started = performance.now();
  for (const count of [1e6, 3e8, 2 ** 50]) {
    const bytes = Buffer.concat([avsc.Type.forSchema('long').toBuffer(count), Buffer.alloc(100, 2)]);
    expect(boundsCheck(schema)?.(bytes, 0)).toBe(false);
  }
  expect(performance.now() - started).toBeLessThan(500);
});

test('blocks with their size in bytes are passed over, too', () => {
  // count -1, size 2, one string "a", end
  const bytes = Buffer.from([0x01, 0x04, 0x02, 0x61, 0x00]);
  expect(boundsCheck({ type: 'array', items: 'string' })?.(bytes, 0)).toBe(true);
});

test('schemas without arrays and maps need no check', () => {
  expect(
    boundsCheck({ type: 'record', name: 'R', fields: [{ name: 's', type: ['null', 'string'] }] }),
  ).toBeUndefined();
});
