import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AvroError, ownCodec, readerType, registryEncoder, singleObjectEncoder } from './avro.js';
import { fingerprintOf } from './avro-canonical.js';
import { framingOf } from './avro-framing.js';
import { packageRoot } from './paths.js';

const reading = {
  type: 'record',
  name: 'Reading',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'time', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'ph', type: ['null', 'double'], default: null },
  ],
};
const value = { id: 'r1', time: 1_700_000_000_000, ph: 7.25 };

describe('framings', () => {
  test('a registry’s is a zero byte and the id, big-endian', () => {
    const bytes = registryEncoder(258, reading)(value);
    expect(bytes.subarray(0, 5).toString('hex')).toBe('0000000102');
    expect(framingOf(bytes)).toEqual({ kind: 'registry', id: 258, body: 5 });
    expect(readerType(reading).fromBuffer(bytes.subarray(5))).toEqual(value);
  });

  test('a single object’s is c3 01 and the fingerprint, little-endian', () => {
    const bytes = singleObjectEncoder(reading)(value);
    const reversed = Buffer.from(fingerprintOf(reading), 'hex').reverse().toString('hex');
    expect(bytes.subarray(0, 10).toString('hex')).toBe(`c301${reversed}`);
    expect(framingOf(bytes)).toEqual({ kind: 'singleObject', fingerprint: fingerprintOf(reading), body: 10 });
  });

  test.each([
    ['', 'nothing'],
    ['7b2261223a317d', 'JSON'],
    ['00000001', 'a cut-off header'],
    ['c301aabbccddeeff00', 'a cut-off fingerprint'],
  ])('%s has none: %s', (hex) => {
    expect(framingOf(Buffer.from(hex, 'hex'))).toBeUndefined();
  });
});

describe('encoders', () => {
  test('grow with the value', () => {
    const long = { ...value, id: 'x'.repeat(100_000) };
    const encode = singleObjectEncoder(reading);
    expect(readerType(reading).fromBuffer(encode(long).subarray(10))).toEqual(long);
    expect(encode(value)).toEqual(singleObjectEncoder(reading)(value));
  });

  test('keep nothing of one value in the next', () => {
    const encode = registryEncoder(1, reading);
    const first = encode(value);
    const copy = Buffer.from(first);
    encode({ ...value, id: 'another' });
    expect(first).toEqual(copy);
  });

  test('name the field that does not fit', () => {
    expect(() => singleObjectEncoder(reading)({ ...value, time: 'soon' })).toThrow(
      'time is "soon", not long',
    );
  });
});

test('a schema to read into must have unions whose branches can be told apart', () => {
  expect(() => readerType(['null', 'int', 'double'])).toThrow(AvroError);
});

describe('ownCodec', () => {
  const folder = mkdtempSync(join(tmpdir(), 'riskwire-schemas-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (file: string, schema: unknown) => writeFileSync(join(folder, file), JSON.stringify(schema));

  test.each(['risk', 'incident', 'delivery', 'dead-letter', 'score-block', 'control', 'feedback'])(
    'there is one for %s',
    (name) => {
      const { fingerprint } = ownCodec(name);
      expect(fingerprint).toBe(
        fingerprintOf(JSON.parse(readFileSync(join(packageRoot(), 'schemas', `${name}.avsc`), 'utf8'))),
      );
    },
  );

  test('reads what it wrote, times as plain numbers', () => {
    write('reading.avsc', reading);
    const codec = ownCodec<typeof value>('reading', folder);
    expect(codec.decode(codec.encode(value))).toEqual(value);
  });

  test('reads what an older version wrote, by the schema that was kept', () => {
    const older = { ...reading, fields: reading.fields.slice(0, 2) };
    write('reading.avsc', reading);
    write('reading.v1.avsc', older);
    const bytes = singleObjectEncoder(older)({ id: 'old', time: 1 });
    expect(ownCodec('reading', folder).decode(bytes)).toEqual({ id: 'old', time: 1, ph: null });
  });

  test('says which fingerprint it does not know', () => {
    write('reading.avsc', reading);
    const foreign = { ...reading, name: 'Other' };
    expect(() => ownCodec('reading', folder).decode(singleObjectEncoder(foreign)(value))).toThrow(
      fingerprintOf(foreign),
    );
  });

  test.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
    ['1 bytes follow', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)])],
    ['begins with 00000000', () => Buffer.alloc(20)],
  ])('refuses bytes: %s', (message, damage) => {
    write('reading.avsc', reading);
    const codec = ownCodec<typeof value>('reading', folder);
    expect(() => codec.decode(damage(codec.encode(value)))).toThrow(message);
  });
});
