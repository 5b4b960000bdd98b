import avro from 'avsc';

export const LEVELS = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const;
export type Level = (typeof LEVELS)[number];

/** Parses an Avro schema. Throws with avsc's reason. */
export function parseAvro(schema: string): avro.Type {
  return avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { logicalTypes: {} });
}

/**
 * Why a new schema doesn't fit the earlier ones (oldest first), one sentence each; none when it does. Backward: the new
 * one reads what the earlier wrote; forward: the earlier read what the new one writes; without _TRANSITIVE only the
 * newest of the earlier counts.
 */
export function incompatibilities(schema: string, earlier: readonly string[], level: Level): string[] {
  if (level === 'NONE') return [];
  const next = parseAvro(schema);
  const against = level.endsWith('_TRANSITIVE') ? earlier : earlier.slice(-1);
  const backward = level.startsWith('BACKWARD') || level.startsWith('FULL');
  const forward = level.startsWith('FORWARD') || level.startsWith('FULL');
  return against.flatMap((text) => {
    const before = parseAvro(text);
    return [
      ...(backward ? unreadable(next, before, 'the new schema does not read data of the earlier one') : []),
      ...(forward ? unreadable(before, next, 'the earlier schema does not read data of the new one') : []),
    ];
  });
}

function unreadable(reader: avro.Type, writer: avro.Type, what: string): string[] {
  try {
    reader.createResolver(writer);
    return [];
  } catch (error) {
    return [`${what}: ${(error as Error).message}`];
  }
}
