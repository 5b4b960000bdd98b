import { execFile } from 'node:child_process';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { promisify } from 'node:util';
import { packageRoot } from '../../lib/paths.js';
import { take } from '../../pipelines/source.js';
import { writeDefinition } from '../processes/definitions.js';
import type { Stage } from '../stage.js';
import { type ReadingShape, readingsSchema, readingsSource, valueName } from '../streams/readings.js';

/** few: what is measured is the model's cost, not what it finds */
const TRAINING_EVENTS = 10_000;
const TRAINING_MACHINES = 100;
const TRAINING_MS = 15 * 60_000;

/** Definition, schema and a trained model of made-up machines, as the variables that a scorer reads. */
export async function readingsPipeline(
  stage: Stage,
  shape: ReadingShape,
  topic: string,
  models: Map<number, string>,
): Promise<Record<string, string>> {
  const folder = join(stage.folder, topic);
  const schemas = join(folder, 'schemas');
  mkdirSync(schemas, { recursive: true });
  writeFileSync(join(schemas, 'reading.avsc'), JSON.stringify(readingsSchema(shape)));
  const fields = Array.from({ length: shape.values }, (_, i) => valueName(i));
  const env = {
    RISKWIRE_SCHEMAS_DIR: schemas,
    RISKWIRE_PIPELINES_DIR: writeDefinition(join(folder, 'pipelines'), 'readings', {
      name: 'readings',
      title: { en: 'Made-up machines' },
      topic,
      schema: 'reading',
      entity: 'machine',
      time: 'time',
      late: '1h',
      ahead: '10m',
      features: { numbers: [{ fields, unit: 'V', sensor: true }] },
      detectors: { autoencoder: {}, sequence: { hidden: 32 }, memory: { size: 'small' } },
      judging: { budget: 20, quiet: '1h' },
    }),
  };
  // What a model learns doesn't depend on the padding.
  const known = models.get(shape.values);
  const trained = known ?? (await train(stage, shape, env, join(folder, 'models')));
  models.set(shape.values, trained);
  return { ...env, RISKWIRE_MODELS_DIR: trained };
}

async function train(
  stage: Stage,
  shape: ReadingShape,
  env: Record<string, string>,
  models: string,
): Promise<string> {
  stage.say(`training a model of ${shape.values} features …`);
  const csv = join(stage.folder, `training-${shape.values}.csv`);
  await writeCsv(csv, shape);
  const child = join(packageRoot(), 'dist', 'services', 'cli', 'demo', 'child.js');
  await promisify(execFile)(process.execPath, [child, 'train', csv], {
    timeout: TRAINING_MS,
    maxBuffer: 16 << 20,
    env: { ...process.env, ...env, RISKWIRE_MODELS_DIR: models, RISKWIRE_PIPELINES: 'readings' },
  });
  return models;
}

async function writeCsv(path: string, shape: ReadingShape): Promise<void> {
  const names = [
    'machine',
    'time',
    ...Array.from({ length: shape.values }, (_, i) => valueName(i)),
    'padding',
  ];
  const out = createWriteStream(path);
  out.write(`${names.join(',')}\n`);
  const source = take(
    readingsSource(TRAINING_MACHINES, { values: shape.values, padding: 0 }),
    TRAINING_EVENTS,
  );
  for await (const { events } of source.batches()) {
    const lines = events.map((event) => {
      const { machine, time, ...rest } = event;
      const values = names.slice(2, -1).map((name) => rest[name as `v${number}`]);
      return [machine, new Date(time).toISOString(), ...values, ''].join(',');
    });
    out.write(`${lines.join('\n')}\n`);
  }
  out.end();
  await finished(out);
}
