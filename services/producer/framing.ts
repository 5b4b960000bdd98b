import { join } from 'node:path';
import { type Encoder, readSchema, registryEncoder, singleObjectEncoder } from '../../lib/avro.js';
import type { AvroSchema } from '../../lib/avro-canonical.js';
import type { RegistryClient } from '../../lib/registry.js';

/** How messages say their schema: by a registry's id, by its fingerprint, or the two in turns, message group by group. */
export type FramingChoice = 'registry' | 'single-object' | 'both';

export interface Encoders {
  readonly schema: AvroSchema;
  /** one a framing; groups of messages take them in turns */
  readonly encoders: readonly Encoder[];
}

export interface FramingOptions {
  schemasDir: string;
  registry?: RegistryClient;
  /** default: both with a registry, single-object without one */
  framing?: FramingChoice;
}

/** Reads the writer's schema and, for the registry's framing, registers it under `<topic>-value`. */
export async function encodersFor(
  schemaName: string,
  topic: string,
  { schemasDir, registry, framing = registry ? 'both' : 'single-object' }: FramingOptions,
): Promise<Encoders> {
  const schema = readSchema(join(schemasDir, `${schemaName}.avsc`));
  const encoders: Encoder[] = [];
  if (framing !== 'single-object') {
    if (!registry) {
      throw new Error(
        `the framing '${framing}' needs a schema registry: set RISKWIRE_REGISTRY_URL, or choose single-object`,
      );
    }
    encoders.push(registryEncoder(await registry.register(`${topic}-value`, schema), schema));
  }
  if (framing !== 'registry') encoders.push(singleObjectEncoder(schema));
  return { schema, encoders };
}
