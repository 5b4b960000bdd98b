import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import avsc, { type Type } from 'avsc';
import { type AvroSchema, fingerprintOf } from './avro-canonical.js';
import { framingOf, registryHeader, singleObjectHeader } from './avro-framing.js';
import { packageRoot } from './paths.js';

/** A value doesn't fit the schema, or bytes don't hold what their framing says. */
export class AvroError extends Error {
  override readonly name = 'AvroError';
}

/**
 * The type that values are read into: logical types stay plain (a timestamp is a number of ms), a union's value is the
 * value itself. A union whose branches can't be told apart in JavaScript, such as int and double, is refused.
 */
export function readerType(schema: unknown): Type {
  try {
    return avsc.Type.forSchema(schema as avsc.Schema, { logicalTypes: {}, wrapUnions: 'never' });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AvroError(`the schema can't be read into: ${why}`, { cause: error });
  }
}

/** The type that bytes were written with. */
export function writerType(schema: unknown): Type {
  return avsc.Type.forSchema(schema as avsc.Schema, { logicalTypes: {}, wrapUnions: 'auto' });
}

export type Encoder<V = unknown> = (value: V) => Buffer;

/** Encodes with a schema registry's framing. */
export function registryEncoder<V = unknown>(id: number, schema: unknown): Encoder<V> {
  return encoder(readerType(schema), registryHeader(id));
}

/** Encodes as a single object. */
export function singleObjectEncoder<V = unknown>(schema: unknown): Encoder<V> {
  return encoder(readerType(schema), singleObjectHeader(fingerprintOf(schema)));
}

function encoder<V>(type: Type, header: Buffer): Encoder<V> {
  let scratch = Buffer.allocUnsafe(4_096);
  header.copy(scratch);
  return (value) => {
    try {
      let end = type.encode(value, scratch, header.length);
      if (end < 0) {
        // What was missing is the negative of what encode returns.
        scratch = Buffer.allocUnsafe(2 * (scratch.length - end));
        header.copy(scratch);
        end = type.encode(value, scratch, header.length);
      }
      return Buffer.from(scratch.subarray(0, end));
    } catch (error) {
      throw new AvroError(
        `${type.name ?? 'the value'} can't be encoded: ${misfitOf(type, value) ?? String(error)}`,
        { cause: error },
      );
    }
  };
}

/** Names the first field that doesn't fit. */
function misfitOf(type: Type, value: unknown): string | undefined {
  let misfit: string | undefined;
  type.isValid(value, {
    errorHook: (path: string[], found: unknown, expected: Type) => {
      misfit ??= `${path.join('.') || 'it'} is ${shown(found)}, not ${expected.typeName}`;
    },
  } as never);
  return misfit;
}

function shown(value: unknown): string {
  const text = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

export interface OwnCodec<V> {
  encode(value: V): Buffer;
  decode(bytes: Buffer): V;
  readonly schema: AvroSchema;
  readonly fingerprint: string;
}

/**
 * The codec of one of our own topics: schemas/NAME.avsc in single-object encoding. Records that an older version wrote
 * are read through the older schemas kept in the same folder.
 */
export function ownCodec<V = Record<string, unknown>>(
  name: string,
  folder = join(packageRoot(), 'schemas'),
): OwnCodec<V> {
  const schema = readSchema(join(folder, `${name}.avsc`));
  const type = readerType(schema);
  const fingerprint = fingerprintOf(schema);
  const encode = singleObjectEncoder<V>(schema);
  const resolvers = new Map<string, avsc.Resolver>();

  const resolverFor = (found: string) => {
    const known = resolvers.get(found);
    if (known) return known;
    const written = readSchemaFolder(folder).get(found);
    if (!written)
      throw new AvroError(
        `no schema in ${folder} has the fingerprint ${found}: a newer version of riskwire may have written it, upgrade this one`,
      );
    const resolver = type.createResolver(writerType(written.schema));
    resolvers.set(found, resolver);
    return resolver;
  };

  const decode = (bytes: Buffer): V => {
    const framing = framingOf(bytes);
    if (framing?.kind !== 'singleObject')
      throw new AvroError(
        `not a ${name} in Avro single-object encoding: it begins with ${bytes.subarray(0, 4).toString('hex') || 'nothing'}`,
      );
    const resolver = framing.fingerprint === fingerprint ? undefined : resolverFor(framing.fingerprint);
    const { value, offset } = type.decode(bytes, framing.body, resolver);
    if (offset !== bytes.length)
      throw new AvroError(
        offset < 0 ? `the ${name} is cut off` : `${bytes.length - offset} bytes follow the ${name}`,
      );
    return value as V;
  };
  return { encode, decode, schema, fingerprint };
}

export function readSchema(file: string): AvroSchema {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as AvroSchema;
  } catch (error) {
    throw new AvroError(`${file} is no Avro schema: ${(error as Error).message}`, { cause: error });
  }
}

/** Every schema file of a folder by fingerprint. */
export function readSchemaFolder(folder: string): Map<string, { file: string; schema: AvroSchema }> {
  const found = new Map<string, { file: string; schema: AvroSchema }>();
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.avsc')) continue;
    const schema = readSchema(join(folder, file));
    found.set(fingerprintOf(schema), { file, schema });
  }
  return found;
}
