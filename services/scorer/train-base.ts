import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { TrainingProgress } from '../../detection/contract.js';
import { type Manifest, PACKAGE_FORMAT } from '../../detection/model/manifest.js';
import type { Base } from '../../detection/model/start-model.js';
import { BASE_SETTINGS, trainBase } from '../../detection/training/base/train-base.js';
import { packageRoot } from '../../lib/paths.js';
import { readModelPackage, writeModelPackage } from './model-files.js';
import { curvePicture, curvesOf } from './training-curve.js';

/** the folder that the shared model has among the pipelines' packages, and what its package says it is for */
export const BASE = 'base';

export interface TrainBaseOptions {
  readonly folder: string;
  readonly seed: number;
  readonly version: string;
  readonly progress: TrainingProgress;
  readonly now: () => number;
}

export interface TrainBaseReport {
  readonly folder: string;
  readonly id: string;
  readonly seconds: number;
  readonly figures: Readonly<Record<string, number>>;
}

/** Learns the shared model on made-up series and writes its package. */
export async function trainBasePackage(options: TrainBaseOptions): Promise<TrainBaseReport> {
  const { seed, now } = options;
  const started = now();
  const { weights, curve, figures } = trainBase(BASE_SETTINGS, seed, options.progress);
  const seconds = (now() - started) / 1000;
  const recipe = JSON.stringify(BASE_SETTINGS);
  const digest = createHash('sha256').update(`${recipe} ${seed}`);
  for (const { data } of Object.values(weights)) digest.update(Buffer.from(data.buffer));
  const data = digest.digest('hex');
  const manifest: Omit<Manifest, 'tensors' | 'digests'> = {
    format: PACKAGE_FORMAT,
    id: `${BASE}-${data.slice(0, 8)}-${seed}`,
    pipeline: BASE,
    createdAt: new Date(now()).toISOString(),
    fingerprint: BASE,
    features: [],
    sensors: [],
    domains: [],
    detectors: { shared: {} },
    judging: { eventsPerDay: 0, budget: 1 },
    training: {
      rows: figures['examples'] ?? 0,
      entities: BASE_SETTINGS.series,
      from: '',
      to: '',
      data,
      seed,
      seconds,
      command: 'npm run train:base',
      versions: { riskwire: options.version },
      metrics: { ...figures },
      curves: curvesOf({ shared: curve }),
    },
  };
  const folder = join(options.folder, BASE);
  await writeModelPackage(folder, manifest, weights, {
    'card.md': baseCard(manifest),
    'curve.svg': curvePicture({ shared: curve }),
  });
  return { folder, id: manifest.id, seconds, figures };
}

/**
 * The shared model: from the models folder, or the one that ships.
 * @throws ModelPackageError when neither can be used
 */
export async function readBase(folder: string): Promise<Base> {
  const own = await readModelPackage(join(folder, BASE)).catch(() => undefined);
  const { manifest, weights } = own ?? (await readModelPackage(join(packageRoot(), 'models', BASE)));
  return { id: manifest.id, weights };
}

function baseCard({ id, training }: Omit<Manifest, 'tensors' | 'digests'>): string {
  const figures = Object.entries(training.metrics).map(
    ([name, value]) => `| ${name} | ${Number(value.toPrecision(6))} |`,
  );
  return `# ${id}

The shared model that a pipeline starts from before it has one of its own: a forecast of a sensor's next reading in units
of its own changes, the same for every sensor.

| | |
|---|---|
| learned from | ${training.entities} generated series: noisy, smooth, cyclic, wandering, with regimes, counts, amounts; no recorded data |
| examples | ${training.rows} |
| seed | ${training.seed} |
| command | \`${training.command}\` |

## Figures of the training

| figure | value |
|---|---|
${figures.join('\n')}

![Losses by epoch](curve.svg)

## Use

It knows no pipeline, so its errors are adapted to online, by small steps that are taken back where they make it worse.
A model that was trained on the pipeline's own events replaces it: \`riskwire train\`.
`;
}
