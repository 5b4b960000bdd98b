import type { Type } from 'avsc';
import avsc from 'avsc';

/** The reader's field that a writer's record does not resolve into, for messages; '' when it is not one field alone. */
export function misfitField(reader: Type, writer: Type): string {
  if (!(reader instanceof avsc.types.RecordType) || !(writer instanceof avsc.types.RecordType)) return '';
  for (const field of reader.fields) {
    const names = [field.name, ...field.aliases];
    const written = writer.fields.find(({ name }) => names.includes(name));
    // A field without a counterpart needs a default; the resolver's own message names it then.
    if (written === undefined) continue;
    try {
      field.type.createResolver(written.type);
    } catch {
      return field.name;
    }
  }
  return '';
}
