import { readSchemaFolder } from './avro.js';
import type { AvroSchema } from './avro-canonical.js';
import { fingerprintOf } from './avro-canonical.js';
import type { RegistryClient } from './registry.js';

export interface SchemaSourceOptions {
  /** a folder of .avsc files, by fingerprint */
  folder?: string;
  /** a registry, by id */
  registry?: Pick<RegistryClient, 'schemaById'>;
}

/**
 * Where writers' schemas come from. What is found is kept for good, since neither an id nor a fingerprint ever means
 * another schema; what isn't found is asked for again at the next call.
 */
export class SchemaSource {
  private readonly byIds = new Map<number, AvroSchema>();
  private readonly byFingerprints = new Map<string, AvroSchema>();

  constructor(private readonly options: SchemaSourceOptions) {}

  /** undefined when nobody knows the id. Throws when the registry can't be asked. */
  async byId(id: number): Promise<AvroSchema | undefined> {
    const known = this.byIds.get(id);
    if (known !== undefined) return known;
    const found = await this.options.registry?.schemaById(id);
    if (!found) return undefined;
    const schema = avroOf(found, id);
    this.byIds.set(id, schema);
    this.byFingerprints.set(fingerprintOf(schema), schema);
    return schema;
  }

  /** undefined when neither the folder nor a schema that came by its id has the fingerprint. */
  async byFingerprint(fingerprint: string): Promise<AvroSchema | undefined> {
    const known = this.byFingerprints.get(fingerprint);
    if (known !== undefined || this.options.folder === undefined) return known;
    // Read again each time: a schema may have been put there since.
    for (const [found, { schema }] of readSchemaFolder(this.options.folder))
      this.byFingerprints.set(found, schema);
    return this.byFingerprints.get(fingerprint);
  }

  /** For messages: where schemas are looked for. */
  get idsFrom(): string {
    return this.options.registry
      ? 'to the schema registry'
      : 'here, since no schema registry is named (RISKWIRE_REGISTRY_URL)';
  }

  get fingerprintsFrom(): string {
    return this.options.folder === undefined ? 'here' : `in ${this.options.folder}`;
  }
}

/** The registry has a schema of this id that is no Avro schema, or not all of one. */
export class ForeignSchema extends Error {
  override readonly name = 'ForeignSchema';
}

function avroOf(
  found: { schema: string; schemaType?: string; references?: unknown[] },
  id: number,
): AvroSchema {
  if (found.schemaType !== undefined && found.schemaType !== 'AVRO')
    throw new ForeignSchema(`id ${id} is a ${found.schemaType} schema`);
  if (found.references && found.references.length > 0)
    throw new ForeignSchema(`id ${id} refers to other subjects`);
  try {
    return JSON.parse(found.schema) as AvroSchema;
  } catch {
    // A registry may give a primitive's name without quotes.
    return found.schema;
  }
}
