/**
 * Why a message could not be taken in. The codes go into the `reason` of dead letters and into metrics, so they are kept;
 * the sentence names the field, the value and the remedy.
 */
export const DEAD_LETTER_REASONS = {
  noValue: 'the message has no value',
  notAvro: 'neither Avro framing',
  unknownSchema: 'written with a schema that nobody knows',
  unsafeSchema: 'written with a schema that is not read',
  unresolvableSchema: 'written with a schema that does not resolve into the pipeline’s',
  truncated: 'the bytes end too early',
  trailingBytes: 'bytes are left over',
  malformed: 'the bytes are not what the schema says',
  tooLarge: 'larger than is taken in',
  nullKey: 'no entity',
  missingField: 'a field that must be there is missing',
  notFinite: 'a number is NaN or infinite',
  timeOutOfRange: 'the event time is out of range',
  tooFarAhead: 'the event time is in the future',
  badTimeZone: 'no such time zone',
  refused: 'ClickHouse does not take its row',
} as const;

export type DeadLetterReason = keyof typeof DEAD_LETTER_REASONS;

/** What a decoder or a check returns in place of an event. A value, never thrown. */
export class Undecodable {
  constructor(
    readonly reason: DeadLetterReason,
    readonly detail: string,
    /** the event field at fault, '' for none */
    readonly field = '',
    /** fingerprint (or id) of the writer's schema when that is at fault: what all events of that writer share */
    readonly writer?: string,
  ) {}
}

const iso = (ms: number) => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : 'outside the calendar');

export const deadLetter = {
  noValue: () =>
    new Undecodable('noValue', 'the message has no value: an event needs an Avro record as its value'),
  notAvro: (value: Uint8Array) =>
    new Undecodable(
      'notAvro',
      `the value begins with ${Buffer.from(value.subarray(0, 4)).toString('hex') || 'nothing'}, and is ${value.length} bytes: write Avro with a schema registry’s framing (00 and a 4-byte id) or in single-object encoding (c3 01 and an 8-byte fingerprint)`,
    ),
  unknownSchemaId: (id: number, where: string) =>
    new Undecodable(
      'unknownSchema',
      `schema id ${id} is not known ${where}: register the writer’s schema there, then replay`,
    ),
  unknownFingerprint: (fingerprint: string, where: string) =>
    new Undecodable(
      'unknownSchema',
      `no schema ${where} has the fingerprint ${fingerprint}: add the writer’s schema there, then replay`,
    ),
  unsafeSchema: (writer: string, why: string, fingerprint?: string) =>
    new Undecodable(
      'unsafeSchema',
      `the writer’s schema (${writer}) ${why}: such schemas are not read, because a few bytes of them can take all memory`,
      '',
      fingerprint,
    ),
  unresolvableSchema: (writer: string, reader: string, why: string, fingerprint?: string, field = '') =>
    new Undecodable(
      'unresolvableSchema',
      `the writer’s schema (${writer}) does not resolve into ${reader}: ${field && `${field}: `}${why}; give the reader’s field (or enum) a default, or write a compatible type`,
      field,
      fingerprint,
    ),
  truncated: (bytes: number) =>
    new Undecodable(
      'truncated',
      `the record needs more than the ${bytes} bytes that are there: it was cut off, or written with another schema than it says`,
    ),
  trailingBytes: (left: number) =>
    new Undecodable(
      'trailingBytes',
      `${left} bytes are left over after the record: it was written with another schema than it says`,
    ),
  malformed: (why: string) =>
    new Undecodable('malformed', `the bytes don’t hold what their schema says: ${why}`),
  tooLarge: (bytes: number, limit: number) =>
    new Undecodable(
      'tooLarge',
      `the value is ${bytes} bytes, and ${limit} are taken in: leave large fields out of the event`,
    ),
  nullKey: (field: string) =>
    new Undecodable('nullKey', `${field} is empty, so there is no entity to score: fill it in`, field),
  keyTooLong: (bytes: number, limit: number) =>
    new Undecodable(
      'tooLarge',
      `the key is ${bytes} bytes, and an entity's name has ${limit} at most: use a hash of it`,
      'key',
    ),
  domainTooLong: (field: string, bytes: number, limit: number) =>
    new Undecodable(
      'tooLarge',
      `${field} is ${bytes} bytes, and the name of a domain has ${limit} at most: domains are few and named briefly`,
      field,
    ),
  missingField: (field: string) =>
    new Undecodable('missingField', `${field} is missing: the pipeline needs it in every event`, field),
  notFinite: (field: string, value: number) =>
    new Undecodable(
      'notFinite',
      `${field} is ${value}: write a finite number, or null when there is no reading`,
      field,
    ),
  timeOutOfRange: (field: string, ms: number, from: number, to: number) =>
    new Undecodable(
      'timeOutOfRange',
      `${field} is ${ms} (${iso(ms)}), outside ${iso(from)} to ${iso(to)}: write the event time in milliseconds since 1970 (not seconds or microseconds)`,
      field,
    ),
  tooFarAhead: (field: string, ms: number, now: number, limit: string) =>
    new Undecodable(
      'tooFarAhead',
      `${field} is ${iso(ms)}, ahead of ${iso(now)} by more than ${limit}: set the writer’s clock, or raise the pipeline’s "ahead"`,
      field,
    ),
  badTimeZone: (field: string, value: string) =>
    new Undecodable(
      'badTimeZone',
      `${field} is ${JSON.stringify(value.slice(0, 60))}, which is no IANA time zone: write one such as Asia/Shanghai`,
      field,
    ),
} as const;
