import { type AvroField, readerFields } from '../../../pipelines/avro-fields.js';

export interface DocumentedField extends AvroField {
  readonly doc: string;
  readonly logicalType: string | undefined;
}

const NUMBERS = new Set(['int', 'long', 'float', 'double']);

export function isNumber(field: DocumentedField): boolean {
  return NUMBERS.has(field.type);
}

export function isText(field: DocumentedField): boolean {
  return field.type === 'string' || field.type === 'enum';
}

/** Fields with what their schema says of them; undefined when it is no record. */
export function documentedFields(schema: unknown): DocumentedField[] | undefined {
  const fields = readerFields(schema);
  if (fields === undefined) return undefined;
  const raw = (schema as { fields: Record<string, unknown>[] }).fields;
  return [...fields.values()].map((field, index) => ({
    ...field,
    doc: typeof raw[index]?.['doc'] === 'string' ? raw[index]['doc'] : '',
    logicalType: logicalTypeOf(raw[index]?.['type']),
  }));
}

function logicalTypeOf(type: unknown): string | undefined {
  if (Array.isArray(type)) return type.map(logicalTypeOf).find((found) => found !== undefined);
  if (typeof type !== 'object' || type === null) return undefined;
  const { logicalType } = type as { logicalType?: unknown };
  return typeof logicalType === 'string' ? logicalType : undefined;
}

/** A record's own doc, '' for none. */
export function recordDoc(schema: unknown): string {
  const { doc } = schema as { doc?: unknown };
  return typeof doc === 'string' ? doc : '';
}

/**
 * The unit that a field's doc names: the whole doc when it is as short as one ('mg/L'), what stands in brackets
 * ('inlet temperature (°C)'), or what follows 'in' at its end ('power in kW').
 */
export function unitOf(doc: string): string | undefined {
  const text = doc.trim().replace(/\.$/, '');
  const looksLikeUnit = (word: string) =>
    /^[\p{L}%‰°µΩ][\p{L}\d%‰°µΩ³²/·*^-]{0,9}$/u.test(word) && !/^(id|the|a|of|name|local|UTC)$/i.test(word);
  const bracketed = /[([]([^)\]]{1,10})[)\]]\s*$/.exec(text)?.[1]?.trim();
  if (bracketed !== undefined && looksLikeUnit(bracketed)) return bracketed;
  const after = /\bin\s+(\S{1,10})$/.exec(text)?.[1];
  if (after !== undefined && looksLikeUnit(after)) return after;
  // a word of letters alone is more likely a word than a unit, unless units are written so
  if (/^(pH|NTU|[kMGm]?(Pa|W|V|A|Hz|Wh|g|m|L|s)|cm|mm|bar|ppm|rpm|h|min|K|C|F|%)$/.test(text)) return text;
  return /[°µ%³²/]/.test(text) && looksLikeUnit(text) ? text : undefined;
}

/** The topic that a record's doc names: 'A card payment. Topic transactions, key = card.' */
export function documentedTopic(schema: unknown): string | undefined {
  return /\btopic\s*[:=]?\s*([A-Za-z0-9._-]*[A-Za-z0-9_])/i.exec(recordDoc(schema))?.[1];
}
