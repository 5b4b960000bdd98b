import type { Resolver, Type } from 'avsc';
import { readerType, writerType } from './avro.js';
import { type BoundsCheck, boundsCheck } from './avro-bounds.js';
import { fingerprintOf } from './avro-canonical.js';
import { type Framing, framingOf, REGISTRY_HEADER, SINGLE_OBJECT_HEADER } from './avro-framing.js';
import { deadLetter, type Undecodable } from './dead-letter-reasons.js';
import { type FieldReader, type FieldValues, fieldReader } from './field-reader.js';
import type { RecordColumns } from './record-columns.js';
import { misfitField } from './schema-misfit.js';
import { unsafeBecause } from './schema-safety.js';
import { ForeignSchema, type SchemaSource } from './schema-source.js';

/** Returned for a value whose writer hasn't been looked up yet: await prepare, then decode again. */
export const UNPREPARED = Symbol('unprepared');
export type Unprepared = typeof UNPREPARED;

export interface EventDecoderOptions {
  /** the schema that events are read into */
  reader: unknown;
  source: Pick<SchemaSource, 'byId' | 'byFingerprint' | 'idsFrom' | 'fingerprintsFrom'>;
  /** fields that `readFields` reads. Default none */
  fields?: readonly string[];
  /** larger values are dead letters. Default 1 MiB */
  maxBytes?: number;
  /** writers that are kept. Default 256 */
  maxWriters?: number;
  /** how long an unknown schema stays unknown before it is asked for again. Default 5 s */
  unknownMs?: number;
  /** for tests */
  now?: () => number;
}

const MAX_REFUSED = 4_096;
const LOOKUPS_AT_ONCE = 8;

/** resolver undefined: the writer is the reader */
type Writer =
  | { resolver: Resolver | undefined; fits: BoundsCheck | undefined; fields: FieldReader | undefined }
  | { refused: Undecodable; until: number };

/**
 * Decodes events of mixed writers into one reader schema. decode is synchronous and makes no object but the event;
 * writers that it doesn't know yet are looked up by prepare, beforehand. An unknown schema makes dead letters; a registry
 * that can't be asked doesn't: prepare throws then, and the batch is to be tried again.
 */
export class EventDecoder<T = Record<string, unknown>> {
  readonly type: Type;
  private readonly writers = new Map<string, Writer>();
  /** apart, so that a topic full of other bytes doesn't push out the real writers */
  private readonly refused = new Map<string, Writer>();
  private readonly fingerprint: string;
  /** the writer of the value before, since most values have the same */
  private lastHigh = -1;
  private lastLow = -1;
  private last: Writer | undefined;

  constructor(private readonly options: EventDecoderOptions) {
    this.type = readerType(options.reader);
    this.fingerprint = fingerprintOf(options.reader);
  }

  /**
   * Reads `options.fields` of the event in bytes[at, end) without decoding it; false where that can't be done, and
   * `decode` is to say what the event is.
   */
  readFields(bytes: Buffer, at: number, end: number, values: FieldValues): boolean {
    if (at < 0 || end - at > (this.options.maxBytes ?? 1 << 20)) return false;
    const body = bodyAt(bytes, at, end);
    if (body === at) return false;
    const writer = this.found(bytes, at, body);
    if (writer === undefined || 'refused' in writer || writer.fields === undefined) return false;
    return writer.fields.read(bytes, body, end, values);
  }

  /** Values of records[from, to) whose writer hasn't been looked up, or is to be again by `now`: for `prepare`. */
  unprepared(records: RecordColumns, from: number, to: number, now: number): Buffer[] {
    const { bytes, valueStarts, valueEnds } = records;
    const found: Buffer[] = [];
    for (let row = from; row < to; row++) {
      const at = valueStarts[row]!;
      if (at < 0) continue;
      const body = bodyAt(bytes, at, valueEnds[row]!);
      if (body > at && !this.writerOf(bytes, at, body, now)) found.push(bytes.subarray(at, valueEnds[row]!));
    }
    return found;
  }

  /** @param now epoch ms, by which a schema that was unknown a while ago is due to be asked for again */
  decode(value: Buffer | null, now = this.now()): T | Undecodable | Unprepared {
    if (value === null) return deadLetter.noValue();
    const { maxBytes = 1 << 20 } = this.options;
    if (value.length > maxBytes) return deadLetter.tooLarge(value.length, maxBytes);
    const body = bodyAt(value, 0, value.length);
    if (body === 0) return deadLetter.notAvro(value);
    const writer = this.writerOf(value, 0, body, now);
    if (!writer) return UNPREPARED;
    if ('refused' in writer) return writer.refused;
    if (writer.fits && !writer.fits(value, body)) return deadLetter.truncated(value.length);
    try {
      const { value: event, offset } = this.type.decode(value, body, writer.resolver);
      if (offset < 0) return deadLetter.truncated(value.length);
      if (offset !== value.length) return deadLetter.trailingBytes(value.length - offset);
      return event as T;
    } catch (error) {
      // avsc throws on a branch or symbol that isn't there and on a long beyond 2^53: all faults of these bytes.
      return deadLetter.malformed(error instanceof Error ? error.message : String(error));
    }
  }

  /** Looks up the writers of these values that aren't known. Throws when the source can't be asked now. */
  async prepare(values: Iterable<Buffer | null>): Promise<void> {
    const wanted = new Map<string, Buffer>();
    for (const value of values) {
      if (value === null) continue;
      const body = bodyAt(value, 0, value.length);
      if (body > 0 && !this.writerOf(value, 0, body, this.now()))
        wanted.set(value.toString('hex', 0, body), value);
    }
    const queue = [...wanted];
    const work = async () => {
      for (let next = queue.pop(); next; next = queue.pop()) this.keep(next[0], await this.lookUp(next[1]));
    };
    await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, work));
    this.last = undefined;
  }

  /** The writer that the framing in bytes[at, body) names. */
  private writerOf(bytes: Buffer, at: number, body: number, now: number): Writer | undefined {
    const writer = this.found(bytes, at, body);
    return writer && 'refused' in writer && writer.until <= now ? undefined : writer;
  }

  private found(bytes: Buffer, at: number, body: number): Writer | undefined {
    const high = body - at === REGISTRY_HEADER ? -2 : bytes.readUInt32LE(at + 6);
    const low = body - at === REGISTRY_HEADER ? bytes.readUInt32BE(at + 1) : bytes.readUInt32LE(at + 2);
    if (this.last === undefined || high !== this.lastHigh || low !== this.lastLow) {
      this.last = this.find(bytes.toString('hex', at, body));
      this.lastHigh = high;
      this.lastLow = low;
    }
    return this.last;
  }

  private find(key: string): Writer | undefined {
    const writer = this.writers.get(key);
    if (!writer) return this.refused.get(key);
    // The least recently met is first in the map, and goes first.
    this.writers.delete(key);
    this.writers.set(key, writer);
    return writer;
  }

  private keep(key: string, writer: Writer): void {
    const [map, limit] =
      'refused' in writer ? [this.refused, MAX_REFUSED] : [this.writers, this.options.maxWriters ?? 256];
    this.refused.delete(key);
    const oldest = map.keys().next().value;
    if (map.size >= limit && oldest !== undefined) map.delete(oldest);
    map.set(key, writer);
  }

  /** epoch ms */
  now(): number {
    return this.options.now?.() ?? Date.now();
  }

  private async lookUp(value: Buffer): Promise<Writer> {
    const { source, unknownMs = 5_000 } = this.options;
    const framing = framingOf(value);
    if (!framing) throw new Error('prepare was given a value without a framing');
    const until = this.now() + unknownMs;
    const name = framing.kind === 'registry' ? `id ${framing.id}` : `fingerprint ${framing.fingerprint}`;
    try {
      const schema = await this.schemaOf(framing);
      if (schema === undefined) {
        const refused =
          framing.kind === 'registry'
            ? deadLetter.unknownSchemaId(framing.id, source.idsFrom)
            : deadLetter.unknownFingerprint(framing.fingerprint, source.fingerprintsFrom);
        return { refused, until };
      }
      return this.resolve(schema, name);
    } catch (error) {
      if (error instanceof ForeignSchema)
        return {
          refused: deadLetter.unsafeSchema(name, error.message, name),
          until: Number.POSITIVE_INFINITY,
        };
      throw error;
    }
  }

  private fieldsOf(schema: unknown): FieldReader | undefined {
    const { reader, fields = [] } = this.options;
    return fields.length === 0 ? undefined : fieldReader(schema, reader, fields);
  }

  private async schemaOf(framing: Framing): Promise<unknown> {
    const { reader, source } = this.options;
    if (framing.kind === 'registry') return source.byId(framing.id);
    return framing.fingerprint === this.fingerprint ? reader : source.byFingerprint(framing.fingerprint);
  }

  private resolve(schema: unknown, name: string): Writer {
    const until = Number.POSITIVE_INFINITY;
    const unsafe = unsafeBecause(schema);
    if (unsafe !== undefined)
      return { refused: deadLetter.unsafeSchema(name, unsafe, writerName(schema, name)), until };
    try {
      const fits = boundsCheck(schema);
      if (fingerprintOf(schema) === this.fingerprint)
        return { resolver: undefined, fits, fields: this.fieldsOf(schema) };
      // The names must be equal without their namespaces, as the specification has it.
      const resolver = this.type.createResolver(writerType(schema), { ignoreNamespaces: true });
      return { resolver, fits, fields: this.fieldsOf(schema) };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return {
        refused: deadLetter.unresolvableSchema(
          name,
          this.type.name ?? 'the reader’s schema',
          why,
          writerName(schema, name),
          misfitField(this.type, writerType(schema)),
        ),
        until,
      };
    }
  }
}

/** The schema's fingerprint, however it was asked for; what it was asked for by where it has none. */
function writerName(schema: unknown, name: string): string {
  try {
    return fingerprintOf(schema);
  } catch {
    return name;
  }
}

/** Where the record in bytes[at, end) begins behind its framing, `at` for no framing. */
function bodyAt(bytes: Buffer, at: number, end: number): number {
  if (bytes[at] === 0x00 && end - at >= REGISTRY_HEADER) return at + REGISTRY_HEADER;
  if (bytes[at] === 0xc3 && bytes[at + 1] === 0x01 && end - at >= SINGLE_OBJECT_HEADER)
    return at + SINGLE_OBJECT_HEADER;
  return at;
}
