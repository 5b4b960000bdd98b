import { join } from 'node:path';
import { type Encoder, readSchema, registryEncoder, singleObjectEncoder } from '../../lib/avro.js';
import type { AvroSchema } from '../../lib/avro-canonical.js';
import { framingOf, registryHeader, singleObjectHeader } from '../../lib/avro-framing.js';
import type { DeadLetterReason } from '../../lib/dead-letter-reasons.js';
import type { RegistryClient } from '../../lib/registry.js';

/** What can be wrong with a message, each with the reason it has as a dead letter. */
export const BAD_KINDS = {
  notAvro: 'notAvro',
  unknownSchemaId: 'unknownSchema',
  unknownFingerprint: 'unknownSchema',
  unresolvableSchema: 'unresolvableSchema',
  missingField: 'unresolvableSchema',
  nullKey: 'nullKey',
  truncated: 'truncated',
  notANumber: 'notFinite',
  infinity: 'notFinite',
  yearOne: 'timeOutOfRange',
  year9999: 'timeOutOfRange',
  hugeString: 'tooLarge',
} as const satisfies Record<string, DeadLetterReason>;
export type BadKind = keyof typeof BAD_KINDS;

export interface BadMessage {
  readonly kind: BadKind;
  readonly key: string | null;
  readonly value: Buffer;
}

export interface BadMakerOptions {
  schemasDir: string;
  topic: string;
  schema: AvroSchema;
  /** the record's fields that the kinds spoil */
  fields: { time: string; number: string; text: string };
  registry?: RegistryClient;
}

const YEAR_ONE = Date.parse('0001-01-01T00:00:00Z');
const YEAR_9999 = Date.parse('9999-12-31T23:59:59Z');
const HUGE = 2 << 20;
const NO_SUCH_ID = 0x7fff_fff0;
const NO_SUCH_FINGERPRINT = '0bad0bad0bad0bad';

type Event = Record<string, unknown>;
export type BadMaker = (kind: BadKind, key: string, event: object) => BadMessage;

/** Prepares what bad events need, such as schemas that the registry knows and that don't resolve into the pipeline's. */
export async function badEventMaker(options: BadMakerOptions): Promise<BadMaker> {
  const { schema, fields } = options;
  const encode: Encoder = singleObjectEncoder(schema);
  const foreign = await foreignEncoders(options);
  const makers: Record<BadKind, (event: Event) => Buffer> = {
    notAvro: (event) => Buffer.from(JSON.stringify(event)),
    unknownSchemaId: (event) => reframed(encode(event), registryHeader(NO_SUCH_ID)),
    unknownFingerprint: (event) => reframed(encode(event), singleObjectHeader(NO_SUCH_FINGERPRINT)),
    unresolvableSchema: (event) => foreign.unresolvable(event),
    missingField: (event) => foreign.missingField(event),
    nullKey: (event) => encode(event),
    truncated: (event) => {
      const whole = encode(event);
      return whole.subarray(0, whole.length >> 1);
    },
    notANumber: (event) => encode({ ...event, [fields.number]: Number.NaN }),
    infinity: (event) => encode({ ...event, [fields.number]: Number.POSITIVE_INFINITY }),
    yearOne: (event) => encode({ ...event, [fields.time]: YEAR_ONE }),
    year9999: (event) => encode({ ...event, [fields.time]: YEAR_9999 }),
    hugeString: (event) => encode({ ...event, [fields.text]: 'x'.repeat(HUGE) }),
  };
  return (kind, key, event) => ({
    kind,
    key: kind === 'nullKey' ? null : key,
    value: makers[kind](event as Event),
  });
}

interface Foreign {
  unresolvable(event: Event): Buffer;
  missingField(event: Event): Buffer;
}

/**
 * Writers whose schema is known and doesn't resolve: the pipeline's own with the number as a text, and without it.
 * They are registered under subjects of their own. Without a registry known schemas are those of the schemas folder, so
 * another record's stands in for both.
 */
async function foreignEncoders({
  schemasDir,
  topic,
  schema,
  fields,
  registry,
}: BadMakerOptions): Promise<Foreign> {
  if (!registry) {
    const feedback = singleObjectEncoder(readSchema(join(schemasDir, 'feedback.avsc')));
    const stray = (event: Event) =>
      feedback({
        id: String(event['id']),
        pipeline: topic,
        domain: '',
        entity: '',
        incident: '',
        eventId: String(event['id']),
        eventTime: Number(event[fields.time]),
        label: 'risk',
        givenAt: Number(event[fields.time]),
        givenBy: 'a stray producer',
        note: '',
      });
    return { unresolvable: stray, missingField: stray };
  }
  const record = schema as { fields: { name: string; type: unknown }[] };
  const asText = {
    ...record,
    fields: record.fields.map((field) =>
      field.name === fields.number ? { name: field.name, type: 'string' } : field,
    ),
  };
  const without = { ...record, fields: record.fields.filter((field) => field.name !== fields.time) };
  const textEncoder = registryEncoder(await registry.register(`${topic}-unresolvable`, asText), asText);
  const withoutEncoder = registryEncoder(await registry.register(`${topic}-missing-field`, without), without);
  return {
    unresolvable: (event) => textEncoder({ ...event, [fields.number]: String(event[fields.number]) }),
    missingField: withoutEncoder,
  };
}

/** The same record behind another header. */
function reframed(message: Buffer, header: Buffer): Buffer {
  return Buffer.concat([header, message.subarray(framingOf(message)!.body)]);
}
