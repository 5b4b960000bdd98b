/** What a pipeline definition may say of a field, by its Avro type. Reads the schema's JSON; null branches are set aside. */
export interface AvroField {
  readonly name: string;
  /** the type's name without null: string, long, double, enum, record … ; 'union' for several */
  readonly type: string;
  readonly nullable: boolean;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typeName(type: unknown): { type: string; nullable: boolean } {
  if (Array.isArray(type)) {
    const rest = type.filter((branch) => branch !== 'null');
    const nullable = rest.length < type.length;
    return rest.length === 1 ? { type: typeName(rest[0]).type, nullable } : { type: 'union', nullable };
  }
  if (isObject(type))
    return isObject(type.type) || Array.isArray(type.type)
      ? typeName(type.type)
      : { type: String(type.type), nullable: false };
  return { type: String(type), nullable: false };
}

/** Fields by name; undefined when the schema is not a record. */
export function readerFields(schema: unknown): ReadonlyMap<string, AvroField> | undefined {
  if (!isObject(schema) || schema.type !== 'record' || !Array.isArray(schema.fields)) return undefined;
  const fields = new Map<string, AvroField>();
  for (const field of schema.fields as unknown[]) {
    if (!isObject(field) || typeof field.name !== 'string') return undefined;
    fields.set(field.name, { name: field.name, ...typeName(field.type) });
  }
  return fields;
}

const TYPES = {
  time: ['long'],
  number: ['int', 'long', 'float', 'double'],
  text: ['string', 'enum'],
};

/** Why the field can't serve, or undefined. */
export function fieldFaults(
  fields: ReadonlyMap<string, AvroField>,
  name: string,
  wanted: 'time' | 'number' | 'text' | 'any',
): string | undefined {
  const field = fields.get(name);
  if (field === undefined)
    return `the schema has no field '${name}'; it has ${[...fields.keys()].slice(0, 12).join(', ')}${fields.size > 12 ? ', …' : ''}`;
  if (wanted === 'any') return undefined;
  if (!TYPES[wanted].includes(field.type))
    return `field '${name}' is of type ${field.type}; ${wanted === 'time' ? 'a time is a long (epoch ms)' : wanted === 'number' ? 'a number is an int, long, float or double' : 'this needs a string or an enum'}`;
  return undefined;
}
