/** The types of Avro schemas that fields are read by, as far as `fieldReader` knows them. */
type Named =
  | { type: 'enum'; symbols: string[] }
  | { type: 'fixed'; size: number }
  | { type: 'record'; fields: Field[]; space: string };
export interface Field {
  readonly name: string;
  readonly type: unknown;
  readonly default?: unknown;
  readonly aliases?: readonly string[];
}

/** Thrown for a schema that has what it doesn't know. */
export class Unknown extends Error {}

export type Found =
  | Named
  | { type: 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string' };
const PRIMITIVES = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']);

/** Types of a schema, by name where they are used a second time. */
export class Schemas {
  readonly #named = new Map<string, Named>();

  look(schema: unknown, space: string): Found {
    if (typeof schema === 'string') {
      if (PRIMITIVES.has(schema)) return { type: schema } as Found;
      const named = this.#named.get(fullName(schema, space));
      if (named === undefined) throw new Unknown();
      return named;
    }
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) throw new Unknown();
    const { type, name, namespace, symbols, size, fields } = schema as Record<string, unknown>;
    if (typeof type !== 'string' || PRIMITIVES.has(type)) return this.look(type, space);
    if (type !== 'record' && type !== 'enum' && type !== 'fixed') {
      if (type === 'array' || type === 'map' || type === 'error') throw new Unknown();
      return this.look(type, space);
    }
    const full = fullName(String(name), typeof namespace === 'string' ? namespace : space);
    const inner = full.includes('.') ? full.slice(0, full.lastIndexOf('.')) : '';
    const found: Named =
      type === 'enum'
        ? { type, symbols: (symbols as unknown[]).map(String) }
        : type === 'fixed'
          ? { type, size: Number(size) }
          : { type, fields: fields as Field[], space: inner };
    this.#named.set(full, found);
    return found;
  }
}

function fullName(name: string, space: string): string {
  return name.includes('.') || space === '' ? name : `${space}.${name}`;
}
