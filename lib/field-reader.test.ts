import type avsc from 'avsc';
import fc from 'fast-check';
import { readerType, writerType } from './avro.js';
import { type BoundsCheck, boundsCheck } from './avro-bounds.js';
import { type FieldReader, FieldValues, fieldReader, KNOWN_TEXT, NUMBER, TEXT } from './field-reader.js';

type Json = Record<string, unknown>;

/** Types that events have, nested and named ones among them; every name is new. */
let names = 0;
const scalar = fc.constantFrom<unknown>('int', 'long', 'float', 'double', 'string', 'boolean', 'bytes', {
  type: 'long',
  logicalType: 'timestamp-millis',
});
const symbols = fc.uniqueArray(fc.constantFrom('A', 'B', 'C', 'D', 'E'), { minLength: 1 });
const enumOf = symbols.map((list) => ({ type: 'enum', name: `E${names++}`, symbols: list }));
const fixedOf = fc.nat(5).map((size) => ({ type: 'fixed', name: `F${names++}`, size: size + 1 }));
const plain = fc.oneof({ weight: 6, arbitrary: scalar }, enumOf, fixedOf);
const optional = fc
  .tuple(plain, fc.boolean())
  .map(([type, first]) => (first ? ['null', type] : [type, 'null']));
const nested = fc.array(fc.oneof(plain, optional), { maxLength: 3 }).map((types) => ({
  type: 'record',
  name: `R${names++}`,
  fields: types.map((type, i) => ({ name: `n${i}`, type })),
}));
const listed = plain.map((items) => ({ type: 'array', items }));
const fieldType = fc.oneof(
  { weight: 8, arbitrary: plain },
  { weight: 4, arbitrary: optional },
  { weight: 1, arbitrary: nested },
  { weight: 1, arbitrary: listed },
);
const DEFAULTS = [null, 7, 1.5, 'text', 'A', true];

/** A writer's schema, and a reader's made from it: fields left out, in another order, promoted, renamed, added. */
const pair = fc
  .tuple(
    fc.array(fieldType, { minLength: 1, maxLength: 8 }),
    fc.array(
      fc.record({ kept: fc.boolean(), promoted: fc.boolean(), renamed: fc.boolean(), order: fc.nat() }),
      {
        minLength: 8,
        maxLength: 8,
      },
    ),
    fc.array(fc.tuple(plain, fc.constantFrom(...DEFAULTS)), { maxLength: 2 }),
  )
  .map(([types, changes, added]) => {
    const fields = types.map((type, i) => ({ name: `f${i}`, type }));
    const kept = fields
      .map((field, i) => ({ field, change: changes[i]! }))
      .filter(({ change }) => change.kept)
      .sort((a, b) => a.change.order - b.change.order)
      .map(({ field, change }) => ({
        ...(change.renamed ? { name: `${field.name}new`, aliases: [field.name] } : { name: field.name }),
        type: change.promoted ? promoted(field.type) : field.type,
      }));
    const extra = added.map(([type, value], i) => ({
      name: `a${i}`,
      type: value === null ? ['null', type] : type,
      default: value,
    }));
    return {
      writer: { type: 'record', name: 'Event', namespace: 'w', fields },
      reader: { type: 'record', name: 'Event', namespace: 'r', fields: [...kept, ...extra] },
    };
  });

function promoted(type: unknown): unknown {
  const to: Record<string, unknown> = {
    int: 'double',
    long: ['null', 'double'],
    string: ['null', 'string'],
    float: 'double',
  };
  return typeof type === 'string' ? (to[type] ?? type) : type;
}

/** What avsc makes of bytes: the record, or 'not one'. */
function byAvsc(
  reader: avsc.Type,
  resolver: avsc.Resolver,
  fits: BoundsCheck | undefined,
  bytes: Buffer,
): Json | 'not one' {
  if (fits && !fits(bytes, 0)) return 'not one';
  try {
    const { value, offset } = reader.decode(bytes, 0, resolver);
    return offset === bytes.length ? (value as Json) : 'not one';
  } catch {
    return 'not one';
  }
}

function fieldOf(values: FieldValues, place: number, bytes: Buffer): unknown {
  switch (values.kinds[place]) {
    case NUMBER:
      return values.numbers[place];
    case TEXT:
      return bytes.toString('utf8', values.starts[place], values.ends[place]);
    case KNOWN_TEXT:
      return values.texts[place];
    default:
      return null;
  }
}

/** A reader for each field alone, since one field that it can't read takes the program of all. */
function check(
  fields: readonly { name: string; program: FieldReader }[],
  bytes: Buffer,
  expected: Json | 'not one',
): number {
  let read = 0;
  // In the middle of other bytes, as in a batch.
  const among = Buffer.concat([Buffer.alloc(3, 0x7f), bytes, Buffer.alloc(12, 0x02)]);
  for (const { name, program } of fields) {
    const values = new FieldValues(1);
    if (!program.read(among, 3, 3 + bytes.length, values)) continue;
    if (expected === 'not one') throw new Error(`${name} was read from bytes that avsc refuses`);
    expect(fieldOf(values, 0, among)).toEqual(expected[name]);
    read++;
  }
  return read;
}

test('reads what avsc reads, from good bytes and from damaged ones, or leaves it to avsc', () => {
  let good = 0;
  let goodAsked = 0;
  const mutation = fc.record({
    at: fc.nat(),
    byte: fc.nat(255),
    cut: fc.option(fc.nat(), { freq: 4 }),
    more: fc.nat(2),
  });
  fc.assert(
    fc.property(pair, fc.array(mutation, { maxLength: 12 }), ({ writer, reader }, mutations) => {
      let type: avsc.Type;
      let resolver: avsc.Resolver;
      let written: avsc.Type;
      try {
        type = readerType(reader);
        written = writerType(writer);
        resolver = type.createResolver(written, { ignoreNamespaces: true });
      } catch {
        return; // The pair doesn't resolve: there is nothing to read.
      }
      const fits = boundsCheck(writer);
      const fields = reader.fields.flatMap(({ name }) => {
        const program = fieldReader(writer, reader, [name]);
        return program ? [{ name, program }] : [];
      });
      for (let i = 0; i < 3; i++) {
        const bytes = written.toBuffer(written.random());
        good += check(fields, bytes, byAvsc(type, resolver, fits, bytes));
        goodAsked += fields.length;
        for (const { at, byte, cut, more } of mutations) {
          const damaged = Buffer.concat([
            bytes.subarray(0, cut === null ? bytes.length : cut % (bytes.length + 1)),
            Buffer.alloc(more, byte),
          ]);
          if (damaged.length > 0) damaged[at % damaged.length] = byte;
          check(fields, damaged, byAvsc(type, resolver, fits, damaged));
        }
      }
    }),
    { numRuns: 300 },
  );
  // Otherwise it would pass by refusing everything. Longs beyond 2^49 are avsc's.
  expect(good / goodAsked).toBeGreaterThan(0.8);
  expect(goodAsked).toBeGreaterThan(300);
});

const field = (name: string, type: unknown, more: Json = {}) => ({ name, type, ...more });
const record = (...fields: unknown[]) => ({ type: 'record', name: 'Payment', fields });

test('defaults, aliases, enums and unions come as they do from avsc', () => {
  const channel = { type: 'enum', name: 'Channel', symbols: ['chip', 'online'] };
  const writer = record(field('sum', 'int'), field('channel', channel), field('note', ['null', 'string']));
  const reader = record(
    field('amount', 'double', { aliases: ['sum'] }),
    field('channel', channel),
    field('note', ['null', 'string']),
    field('country', 'string', { default: 'NL' }),
    field('rate', 'double', { default: 1.5 }),
    field('city', ['null', 'string'], { default: null }),
  );
  const wanted = ['amount', 'channel', 'note', 'country', 'rate', 'city'];
  const program = fieldReader(writer, reader, wanted)!;
  const values = new FieldValues(wanted.length);
  const bytes = writerType(writer).toBuffer({ sum: -3, channel: 'online', note: 'héllo' });
  expect(program.read(bytes, 0, bytes.length, values)).toBe(true);
  expect(wanted.map((_, place) => fieldOf(values, place, bytes))).toEqual([
    -3,
    'online',
    'héllo',
    'NL',
    1.5,
    null,
  ]);
});

test.each([
  ['an array in it', record(field('a', 'int'), field('list', { type: 'array', items: 'int' }))],
  ['bytes to be read', record(field('a', 'bytes'))],
  [
    'an enum with symbols that the reader lacks',
    record(field('a', { type: 'enum', name: 'E', symbols: ['X', 'Z'] })),
  ],
])('a schema with %s is left to avsc', (_, writer) => {
  const reader = record(field('a', { type: 'enum', name: 'E', symbols: ['X'], default: 'X' }));
  expect(fieldReader(writer, reader, ['a'])).toBeUndefined();
});

test('a schema whose types double with every use is left to avsc', () => {
  let type: Json = { type: 'record', name: 'Level0', fields: [field('x', 'int')] };
  for (let level = 1; level <= 30; level++)
    type = {
      type: 'record',
      name: `Level${level}`,
      fields: [field('p', type), field('q', `Level${level - 1}`)],
    };
  expect(
    fieldReader(record(field('a', 'int'), field('n', type)), record(field('a', 'int')), ['a']),
  ).toBeUndefined();
});
