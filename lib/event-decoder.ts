import type { Resolver, Type } from 'avsc';
import { readerType, writerType } from './avro.js';
import { type BoundsCheck, boundsCheck } from './avro-bounds.js';
import { fingerprintOf } from './avro-canonical.js';
import { type Framing, framingOf, REGISTRY_HEADER, SINGLE_OBJECT_HEADER } from './avro-framing.js';
import { deadLetter, type Undecodable } from './dead-letter-reasons.js';
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
  | { resolver: Resolver | undefined; fits: BoundsCheck | undefined }
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

  decode(value: Buffer | null): T | Undecodable | Unprepared {
    if (value === null) return deadLetter.noValue();
    const { maxBytes = 1 << 20 } = this.options;
    if (value.length > maxBytes) return deadLetter.tooLarge(value.length, maxBytes);
    const body = bodyAt(value);
    if (body === 0) return deadLetter.notAvro(value);
    const writer = this.writerOf(value, body);
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
      const body = bodyAt(value);
      if (body > 0 && !this.writerOf(value, body)) wanted.set(value.toString('hex', 0, body), value);
    }
    const queue = [...wanted];
    const work = async () => {
      for (let next = queue.pop(); next; next = queue.pop()) this.keep(next[0], await this.lookUp(next[1]));
    };
    await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, work));
    this.last = undefined;
  }

  private writerOf(value: Buffer, body: number): Writer | undefined {
    const high = body === REGISTRY_HEADER ? -2 : value.readUInt32LE(6);
    const low = body === REGISTRY_HEADER ? value.readUInt32BE(1) : value.readUInt32LE(2);
    if (this.last === undefined || high !== this.lastHigh || low !== this.lastLow) {
      this.last = this.find(value.toString('hex', 0, body));
      this.lastHigh = high;
      this.lastLow = low;
    }
    const writer = this.last;
    if (writer && 'refused' in writer && writer.until <= this.now()) return undefined;
    return writer;
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

  private now(): number {
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
      if (fingerprintOf(schema) === this.fingerprint) return { resolver: undefined, fits };
      // The names must be equal without their namespaces, as the specification has it.
      return { resolver: this.type.createResolver(writerType(schema), { ignoreNamespaces: true }), fits };
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

/** Where the record begins behind its framing, 0 for no framing. */
function bodyAt(value: Buffer): number {
  if (value[0] === 0x00 && value.length >= REGISTRY_HEADER) return REGISTRY_HEADER;
  if (value[0] === 0xc3 && value[1] === 0x01 && value.length >= SINGLE_OBJECT_HEADER)
    return SINGLE_OBJECT_HEADER;
  return 0;
}
