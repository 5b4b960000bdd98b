import { join } from 'node:path';
import { readSchema } from '../../lib/avro.js';
import { Undecodable } from '../../lib/dead-letter-reasons.js';
import { EventDecoder } from '../../lib/event-decoder.js';
import { SchemaSource } from '../../lib/schema-source.js';
import type { Payment } from '../../pipelines/transactions/generator.js';
import { BAD_KINDS, type BadKind, badEventMaker } from './bad-events.js';
import { encodersFor } from './framing.js';

const schemasDir = join(__dirname, '../../schemas');
const schema = readSchema(join(schemasDir, 'payment.avsc'));
const payment: Payment = {
  id: 'p1',
  time: 1_704_067_200_000,
  card: 'card-1',
  terminal: 'terminal-1',
  merchant: 'grocery',
  amount: 12.5,
  currency: 'EUR',
  channel: 'chip',
  country: 'DE',
  timeZone: 'Europe/Berlin',
  issuer: 'rheinbank',
};

/** Registers in order, ids from 1. */
function memoryRegistry() {
  const schemas: string[] = [];
  return {
    register: async (_subject: string, one: unknown) => schemas.push(JSON.stringify(one)),
    schemaById: async (id: number) =>
      schemas[id - 1] === undefined ? undefined : { schema: schemas[id - 1]! },
  };
}

type Registry = ReturnType<typeof memoryRegistry>;
const make = (registry?: Registry) =>
  badEventMaker({
    schemasDir,
    topic: 'transactions',
    schema,
    fields: { time: 'time', number: 'amount', text: 'id' },
    registry: registry as never,
  });

async function decode(value: Buffer, registry?: Registry): Promise<unknown> {
  const decoder = new EventDecoder({
    reader: schema,
    source: new SchemaSource({ folder: schemasDir, registry }),
  });
  await decoder.prepare([value]);
  return decoder.decode(value);
}

describe.each([
  ['with a registry', memoryRegistry()],
  ['without one', undefined],
])('bad events %s', (_name, registry) => {
  const undecodable: BadKind[] = [
    'notAvro',
    'unknownSchemaId',
    'unknownFingerprint',
    'unresolvableSchema',
    'missingField',
    'truncated',
    'hugeString',
  ];

  it.each(undecodable)('%s does not decode, for its reason', async (kind) => {
    const { value, key } = (await make(registry))(kind, 'card-1', payment);
    const result = await decode(value, registry);
    expect(result).toBeInstanceOf(Undecodable);
    expect((result as Undecodable).reason).toBe(BAD_KINDS[kind]);
    expect(key).toBe('card-1');
  });

  it.each([
    ['nullKey', {}],
    ['notANumber', { amount: Number.NaN }],
    ['infinity', { amount: Number.POSITIVE_INFINITY }],
    ['yearOne', { time: -62_135_596_800_000 }],
    ['year9999', { time: 253_402_300_799_000 }],
  ] as const)('%s decodes, and what it is bad for is there', async (kind, spoilt) => {
    const { value, key } = (await make(registry))(kind, 'card-1', payment);
    expect(await decode(value, registry)).toEqual({ ...payment, ...spoilt });
    expect(key).toBe(kind === 'nullKey' ? null : 'card-1');
  });
});

describe('encodersFor', () => {
  const options = (registry?: Registry, framing?: 'registry' | 'single-object' | 'both') => ({
    schemasDir,
    registry: registry as never,
    framing,
  });

  it('takes both framings in turns with a registry, and one without', async () => {
    const registry = memoryRegistry();
    const both = await encodersFor('payment', 'transactions', options(registry));
    expect(both.encoders.map((encode) => encode(payment).subarray(0, 2).toString('hex'))).toEqual([
      '0000',
      'c301',
    ]);
    for (const encode of both.encoders) expect(await decode(encode(payment), registry)).toEqual(payment);
    expect((await encodersFor('payment', 'transactions', options())).encoders).toHaveLength(1);
    expect(
      (await encodersFor('payment', 'transactions', options(registry, 'registry'))).encoders,
    ).toHaveLength(1);
  });

  it('refuses the registry framing without a registry', async () => {
    await expect(encodersFor('payment', 'transactions', options(undefined, 'registry'))).rejects.toThrow(
      /RISKWIRE_REGISTRY_URL/,
    );
  });
});
