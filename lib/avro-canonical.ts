/** An Avro schema as JSON gives it. */
export type AvroSchema = string | AvroSchema[] | { [attribute: string]: unknown };

const PRIMITIVES = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']);

/** Avro's Parsing Canonical Form (avro.apache.org/docs, "Transforming into Parsing Canonical Form"). */
export function canonicalForm(schema: unknown): string {
  return canonical(schema, '');
}

function canonical(schema: unknown, namespace: string): string {
  if (typeof schema === 'string')
    return JSON.stringify(PRIMITIVES.has(schema) ? schema : fullName(schema, namespace));
  if (Array.isArray(schema)) return `[${schema.map((branch) => canonical(branch, namespace)).join(',')}]`;
  if (typeof schema !== 'object' || schema === null)
    throw new TypeError(`an Avro schema can't be ${JSON.stringify(schema)}`);
  const {
    type,
    name,
    fields,
    symbols,
    items,
    values,
    size,
    namespace: own,
  } = schema as Record<string, unknown>;

  // {"type": "string"} and {"type": {...}} say no more than what they hold.
  if (typeof type !== 'string') return canonical(type, namespace);
  if (type === 'array') return `{"type":"array","items":${canonical(items, namespace)}}`;
  if (type === 'map') return `{"type":"map","values":${canonical(values, namespace)}}`;
  if (type !== 'record' && type !== 'error' && type !== 'enum' && type !== 'fixed')
    return canonical(type, namespace);

  const full = fullName(String(name), typeof own === 'string' ? own : namespace);
  const inner = full.includes('.') ? full.slice(0, full.lastIndexOf('.')) : '';
  const head = `{"name":${JSON.stringify(full)},"type":${JSON.stringify(type)}`;
  if (type === 'enum')
    return `${head},"symbols":[${(symbols as unknown[]).map((symbol) => JSON.stringify(symbol)).join(',')}]}`;
  if (type === 'fixed') return `${head},"size":${Number(size)}}`;
  const parts = (fields as { name: unknown; type: unknown }[]).map(
    (field) => `{"name":${JSON.stringify(field.name)},"type":${canonical(field.type, inner)}}`,
  );
  return `${head},"fields":[${parts.join(',')}]}`;
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

const EMPTY = 0xc15d213aa4d7a795n;
const TABLE = Array.from({ length: 256 }, (_unused, i) => {
  let value = BigInt(i);
  for (let bit = 0; bit < 8; bit += 1) value = (value >> 1n) ^ ((value & 1n) === 1n ? EMPTY : 0n);
  return value;
});

/** CRC-64-AVRO of a text, as the Avro specification defines it. */
export function crc64Avro(text: string): bigint {
  let value = EMPTY;
  for (const byte of Buffer.from(text))
    value = (value >> 8n) ^ (TABLE[Number((value ^ BigInt(byte)) & 0xffn)] ?? 0n);
  return value;
}

/** A schema's CRC-64-AVRO fingerprint, 16 hexadecimal digits, most significant first. */
export function fingerprintOf(schema: unknown): string {
  return crc64Avro(canonicalForm(schema)).toString(16).padStart(16, '0');
}
