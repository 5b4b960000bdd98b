import { canonicalForm, crc64Avro, fingerprintOf } from './avro-canonical.js';

describe('fingerprintOf', () => {
  // The fingerprints of the Avro project's own schema tests (share/test/data/schema-tests.txt).
  test.each([
    ['null', '63dd24e7cc258f8a'],
    ['boolean', '9f42fc78a4d4f764'],
    ['int', '7275d51a3f395c8f'],
    ['long', 'd054e14493f41db7'],
    ['float', '4d7c02cb3ea8d790'],
    ['double', '8e7535c032ab957e'],
    ['bytes', '4fc016dac3201965'],
    ['string', '8f014872634503c7'],
  ])('of %s is %s', (type, expected) => {
    expect(fingerprintOf(type)).toBe(expected);
    expect(fingerprintOf({ type })).toBe(expected);
  });

  test('is the CRC of nothing for nothing', () => {
    expect(crc64Avro('')).toBe(0xc15d213aa4d7a795n);
  });

  test('does not change with docs, defaults, aliases, logical types and the order of attributes', () => {
    const plain = { type: 'record', name: 'a.R', fields: [{ name: 't', type: 'long' }] };
    const dressed = {
      fields: [
        { doc: 'when', type: { logicalType: 'timestamp-millis', type: 'long' }, default: 0, name: 't' },
      ],
      aliases: ['Q'],
      namespace: 'a',
      name: 'R',
      type: 'record',
    };
    expect(fingerprintOf(dressed)).toBe(fingerprintOf(plain));
    expect(fingerprintOf({ ...plain, name: 'b.R' })).not.toBe(fingerprintOf(plain));
  });
});

test('canonicalForm is what other implementations make of the same schema', () => {
  const schema = {
    type: 'record',
    name: 'Test',
    namespace: 'org.apache',
    aliases: ['T'],
    fields: [
      { name: 'a', type: { type: 'enum', name: 'E', symbols: ['A', 'B'], doc: 'x' } },
      { name: 'b', type: ['null', { type: 'fixed', name: 'other.F', size: 16 }], default: null },
      { name: 'c', type: { type: 'array', items: 'E' } },
      { name: 'd', type: { type: 'map', values: { type: 'long', logicalType: 'timestamp-millis' } } },
      { name: 'e', type: ['null', 'other.F'] },
    ],
  };
  expect(canonicalForm(schema)).toBe(
    '{"name":"org.apache.Test","type":"record","fields":[{"name":"a","type":{"name":"org.apache.E","type":"enum","symbols":["A","B"]}},' +
      '{"name":"b","type":["null",{"name":"other.F","type":"fixed","size":16}]},{"name":"c","type":{"type":"array","items":"org.apache.E"}},' +
      '{"name":"d","type":{"type":"map","values":"long"}},{"name":"e","type":["null","other.F"]}]}',
  );
  // As fastavro computes it.
  expect(fingerprintOf(schema)).toBe('6188931017815ea7');
});
