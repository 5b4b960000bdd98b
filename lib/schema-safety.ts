/**
 * Why a schema from outside is not read, undefined when it is. A type that holds itself can overflow the stack, and an
 * array of items that take no bytes turns five bytes into millions of items.
 */
export function unsafeBecause(schema: unknown): string | undefined {
  return look(schema, '', new Map(), []).unsafe;
}

interface Finding {
  unsafe?: string;
  /** a value of it may take no bytes at all */
  empty: boolean;
}

function look(schema: unknown, namespace: string, known: Map<string, Finding>, open: string[]): Finding {
  if (typeof schema === 'string') {
    if (schema === 'null') return { empty: true };
    const full = schema.includes('.') || namespace === '' ? schema : `${namespace}.${schema}`;
    if (open.includes(full)) return { unsafe: `holds itself (${full})`, empty: false };
    return known.get(full) ?? { empty: false };
  }
  // A union's value always has its branch number.
  if (Array.isArray(schema))
    return { unsafe: first(schema.map((branch) => look(branch, namespace, known, open))), empty: false };
  if (typeof schema !== 'object' || schema === null) return { unsafe: 'is no Avro schema', empty: false };

  const { type, items, values, fields, name, namespace: own, size } = schema as Record<string, unknown>;
  if (type === 'array') {
    const item = look(items, namespace, known, open);
    return {
      unsafe: item.unsafe ?? (item.empty ? 'has an array whose items take no bytes' : undefined),
      empty: false,
    };
  }
  if (type === 'map') return { unsafe: look(values, namespace, known, open).unsafe, empty: false };
  if (type !== 'record' && type !== 'error' && type !== 'enum' && type !== 'fixed')
    return look(type, namespace, known, open);

  const short = String(name);
  const space = typeof own === 'string' ? own : namespace;
  const full = short.includes('.') || space === '' ? short : `${space}.${short}`;
  let finding: Finding = { empty: type === 'fixed' && size === 0 };
  if (type === 'record' || type === 'error') {
    const inner = full.includes('.') ? full.slice(0, full.lastIndexOf('.')) : '';
    const found = (Array.isArray(fields) ? fields : []).map((field: { type?: unknown }) =>
      look(field.type, inner, known, [...open, full]),
    );
    finding = { unsafe: first(found), empty: found.every((one) => one.empty) };
  }
  known.set(full, finding);
  return finding;
}

function first(findings: readonly Finding[]): string | undefined {
  return findings.find((one) => one.unsafe !== undefined)?.unsafe;
}
