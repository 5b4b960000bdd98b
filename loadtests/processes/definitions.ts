import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { packageRoot } from '../../lib/paths.js';

/** Writes a shipped pipeline's definition with a change into `folder`, and returns the folder that holds it. */
export function changedDefinition(
  folder: string,
  pipeline: string,
  change: (definition: Record<string, unknown>) => void,
): string {
  const text = readFileSync(join(packageRoot(), 'pipelines', pipeline, 'pipeline.yaml'), 'utf8');
  const definition = parse(text) as Record<string, unknown>;
  change(definition);
  return writeDefinition(folder, pipeline, definition);
}

export function writeDefinition(folder: string, pipeline: string, definition: object): string {
  mkdirSync(join(folder, pipeline), { recursive: true });
  writeFileSync(join(folder, pipeline, 'pipeline.yaml'), stringify(definition));
  return folder;
}
