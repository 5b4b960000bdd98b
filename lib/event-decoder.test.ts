import { registryEncoder, singleObjectEncoder } from './avro.js';
import { Undecodable } from './dead-letter-reasons.js';
import { EventDecoder, UNPREPARED } from './event-decoder.js';
import { RegistryUnreachable } from './registry.js';
import { SchemaSource } from './schema-source.js';

const field = (name: string, type: unknown, extra: object = {}) => ({ name, type, ...extra });
const reader = {
  type: 'record',
  name: 'Payment',
  namespace: 'bank',
  fields: [
    field('id', 'string'),
    field('time', { type: 'long', logicalType: 'timestamp-millis' }),
    field('amount', 'double'),
    field('country', ['null', 'string'], { default: null }),
  ],
};
const older = { ...reader, fields: reader.fields.slice(0, 3) };
const newer = { ...reader, fields: [...reader.fields, field('tags', { type: 'array', items: 'string' })] };
const foreign = { ...reader, fields: [field('id', 'string'), field('amount', 'string')] };
const event = { id: 'p1', time: 1_700_000_000_123, amount: 12.5, country: 'NL' };

/** A registry that holds these schemas; `down` makes it unreachable. */
function setUp(schemas: Record<number, unknown> = {}, options: object = {}) {
  const registry = { schemas, down: false, asked: [] as number[], now: 0 };
  const source = new SchemaSource({
    registry: {
      schemaById: async (id) => {
        registry.asked.push(id);
        if (registry.down) throw new RegistryUnreachable('no answer');
        const schema = registry.schemas[id];
        return schema === undefined ? undefined : { schema: JSON.stringify(schema) };
      },
    },
  });
  const decoder = new EventDecoder({ reader, source, now: () => registry.now, ...options });
  const decode = async (value: Buffer | null) => {
    const first = decoder.decode(value);
    if (first !== UNPREPARED) return first;
    await decoder.prepare([value]);
    return decoder.decode(value);
  };
  return { registry, decoder, decode };
}

describe('writers', () => {
  test('of both framings and several versions mix in one topic', async () => {
    const { decode } = setUp({ 1: older, 2: newer, 3: reader });
    expect(await decode(singleObjectEncoder(reader)(event))).toEqual(event);
    expect(await decode(registryEncoder(1, older)(event))).toEqual({ ...event, country: null });
    expect(await decode(registryEncoder(2, newer)({ ...event, tags: ['a', 'b'] }))).toEqual(event);
    expect(await decode(registryEncoder(3, reader)(event))).toEqual(event);
    expect(await decode(singleObjectEncoder(reader)(event))).toEqual(event);
  });

  test('a writer’s names may have another namespace', async () => {
    const { decode } = setUp({ 1: { ...older, namespace: 'com.example.pay' } });
    expect(await decode(registryEncoder(1, older)(event))).toMatchObject({ id: 'p1' });
  });

  test('an int is read into a double', async () => {
    const whole = {
      ...older,
      fields: [field('id', 'string'), field('time', 'long'), field('amount', 'int')],
    };
    const { decode } = setUp({ 1: whole });
    expect(await decode(registryEncoder(1, whole)({ ...event, amount: 12 }))).toMatchObject({ amount: 12 });
  });

  test('each is asked for once', async () => {
    const { registry, decoder, decode } = setUp({ 7: older });
    const bytes = registryEncoder(7, older)(event);
    expect(decoder.decode(bytes)).toBe(UNPREPARED);
    await decoder.prepare([bytes, bytes, null, Buffer.from('junk')]);
    for (let i = 0; i < 3; i += 1) await decode(bytes);
    expect(registry.asked).toEqual([7]);
  });

  test('more than are kept still decode', async () => {
    const schemas = Object.fromEntries(Array.from({ length: 9 }, (_unused, i) => [i, older]));
    const { decode } = setUp(schemas, { maxWriters: 2 });
    for (let round = 0; round < 2; round += 1) {
      for (let id = 0; id < 9; id += 1)
        expect(await decode(registryEncoder(id, older)(event))).toMatchObject({ id: 'p1' });
    }
  });
});

describe('dead letters', () => {
  const expectDead = (result: unknown, reason: string, detail: RegExp) => {
    expect(result).toBeInstanceOf(Undecodable);
    expect(result).toMatchObject({ reason, detail: expect.stringMatching(detail) });
  };
  const good = singleObjectEncoder(reader)(event);

  test.each([
    ['no value', null, 'noValue', /no value/],
    ['an empty value', Buffer.alloc(0), 'notAvro', /0 bytes/],
    ['JSON', Buffer.from('{"id":"p1"}'), 'notAvro', /begins with 7b226964/],
    ['bytes that end early', good.subarray(0, good.length - 4), 'truncated', /needs more than the \d+ bytes/],
    ['bytes left over', Buffer.concat([good, Buffer.from('xyz')]), 'trailingBytes', /3 bytes are left over/],
    ['an unknown id', registryEncoder(99, reader)(event), 'unknownSchema', /id 99 .*register/],
    [
      'an unknown fingerprint',
      singleObjectEncoder({ ...reader, name: 'Unknown' })(event),
      'unknownSchema',
      /fingerprint [0-9a-f]{16}/,
    ],
    [
      'a schema that does not resolve',
      registryEncoder(5, foreign)({ id: 'p1', amount: '12' }),
      'unresolvableSchema',
      /id 5.*does not resolve into bank.Payment/,
    ],
    ['a schema that holds itself', registryEncoder(6, reader)(event), 'unsafeSchema', /holds itself/],
    [
      'a branch that is not there',
      Buffer.concat([good.subarray(0, good.length - 4), Buffer.from([0x7e])]),
      'malformed',
      /./,
    ],
    [
      'a value over the limit',
      Buffer.concat([good, Buffer.alloc(2_000_000)]),
      'tooLarge',
      /2000\d+ bytes, and 1048576/,
    ],
  ])('%s', async (_name, value, reason, detail) => {
    const recursive = { ...reader, fields: [...reader.fields, field('parent', ['null', 'Payment'])] };
    const { decode } = setUp({ 5: foreign, 6: recursive });
    expectDead(await decode(value), reason, detail);
  });

  test('a long list that isn’t there takes no time', async () => {
    const { decode } = setUp({ 2: newer });
    const bytes = registryEncoder(2, newer)({ ...event, tags: [] });
    const hostile = Buffer.concat([
      bytes.subarray(0, bytes.length - 1),
      Buffer.from([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
    ]);
    expectDead(await decode(hostile), 'truncated', /./);
  });

  test('the good ones between them decode', async () => {
    const { decode } = setUp();
    await decode(Buffer.from('junk'));
    await decode(registryEncoder(99, reader)(event));
    expect(await decode(good)).toEqual(event);
  });
});

describe('the source', () => {
  const bytes = registryEncoder(4, older)(event);

  test('unreachable makes no dead letter: prepare throws, and later it works', async () => {
    const { registry, decoder, decode } = setUp({ 4: older });
    registry.down = true;
    await expect(decoder.prepare([bytes])).rejects.toThrow(RegistryUnreachable);
    expect(decoder.decode(bytes)).toBe(UNPREPARED);
    registry.down = false;
    expect(await decode(bytes)).toMatchObject({ id: 'p1' });
  });

  test('an id that is registered later begins to work', async () => {
    const { registry, decode } = setUp();
    expect(await decode(bytes)).toMatchObject({ reason: 'unknownSchema' });
    registry.schemas[4] = older;
    expect(await decode(bytes)).toMatchObject({ reason: 'unknownSchema' });
    expect(registry.asked).toEqual([4]);
    registry.now = 5_000;
    expect(await decode(bytes)).toMatchObject({ id: 'p1' });
    expect(registry.asked).toEqual([4, 4]);
  });
});
