import type { Resolver, Type } from 'avsc';
import { readerType, writerType } from './avro.js';
import { fingerprintOf } from './avro-canonical.js';
import { framingOf, REGISTRY_HEADER, SINGLE_OBJECT_HEADER } from './avro-framing.js';
import { deadLetter, type Undecodable } from './dead-letter-reasons.js';
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

/** resolver undefined: the writer is the reader */
type Writer = { resolver: Resolver | undefined } | { refused: Undecodable; until: number };

/**
 * Decodes events of mixed writers into one reader schema. decode is synchronous and makes no object but the event;
 * writers that it doesn't know yet are looked up by prepare, beforehand. An unknown schema makes dead letters; a registry
 * that can't be asked doesn't: prepare throws then, and the batch is to be tried again.
 */
export class EventDecoder<T = Record<string, unknown>> {
  readonly type: Type;
  private readonly writers = new Map<string, Writer>();
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
    for (const [key, value] of wanted) {
      const writer = await this.lookUp(value);
      if (this.writers.size >= (this.options.maxWriters ?? 256))
        this.writers.delete(this.writers.keys().next().value ?? '');
      this.writers.set(key, writer);
    }
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
    if (writer) {
      // The least recently met is first in the map, and goes first.
      this.writers.delete(key);
      this.writers.set(key, writer);
    }
    return writer;
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
    if (framing.kind === 'singleObject' && framing.fingerprint === this.fingerprint)
      return { resolver: undefined };
    try {
      const schema =
        framing.kind === 'registry'
          ? await source.byId(framing.id)
          : await source.byFingerprint(framing.fingerprint);
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
        return { refused: deadLetter.unsafeSchema(name, error.message), until: Number.POSITIVE_INFINITY };
      throw error;
    }
  }

  private resolve(schema: unknown, name: string): Writer {
    const until = Number.POSITIVE_INFINITY;
    const unsafe = unsafeBecause(schema);
    if (unsafe !== undefined) return { refused: deadLetter.unsafeSchema(name, unsafe), until };
    try {
      if (fingerprintOf(schema) === this.fingerprint) return { resolver: undefined };
      return { resolver: this.type.createResolver(writerType(schema)) };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return {
        refused: deadLetter.unresolvableSchema(name, this.type.name ?? 'the reader’s schema', why),
        until,
      };
    }
  }
}

/** Where the record begins behind its framing, 0 for no framing. */
function bodyAt(value: Buffer): number {
  if (value[0] === 0x00 && value.length >= REGISTRY_HEADER) return REGISTRY_HEADER;
  if (value[0] === 0xc3 && value[1] === 0x01 && value.length >= SINGLE_OBJECT_HEADER)
    return SINGLE_OBJECT_HEADER;
  return 0;
}
