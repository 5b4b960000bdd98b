import type { TrainingProgress } from '../../../detection/contract.js';
import { EventColumns } from '../../../detection/features/columns.js';
import { planFeatures } from '../../../detection/features/plan.js';
import { buildModel } from '../../../detection/model/build.js';
import { PACKAGE_FORMAT } from '../../../detection/model/manifest.js';
import type { ScoringModel } from '../../../detection/scoring.js';
import { Recording } from '../../../detection/training/recording.js';
import { trainModel } from '../../../detection/training/train-model.js';
import type { Backend } from '../../../lib/tensors.js';
import type { Pipeline } from '../../../pipelines/loader.js';
import { Intake } from '../../scorer/intake.js';

export interface Lesson {
  readonly pipeline: Pipeline;
  readonly rows: number;
  event(index: number): Record<string, unknown>;
  key(index: number): string;
}

const BATCH = 1024;

/** Learns a pipeline's model from the first rows, as `riskwire train` does, and keeps it in memory. */
export function learn(
  { pipeline, rows, event, key }: Lesson,
  seed: number,
  backend: Backend,
  progress: TrainingProgress,
): { model: ScoringModel; figures: Readonly<Record<string, number>> } {
  const plan = planFeatures(pipeline.features);
  const recording = new Recording(plan, BATCH, rows + BATCH, { settings: pipeline.detectors, seed });
  const intake = new Intake(pipeline, plan, (zone) => recording.knowsZone(zone));
  const columns = new EventColumns(BATCH, plan.numbers.length, plan.categories.length);
  for (let index = 0; index < rows; index++) {
    intake.take(event(index), key(index), index, Number.NaN, Number.NEGATIVE_INFINITY, columns);
    if (columns.size < BATCH) continue;
    recording.add(columns);
    columns.size = 0;
    progress('recording', recording.rows, rows);
  }
  if (columns.size > 0) recording.add(columns);
  const stretch = recording.finish();
  const { weights, figures } = trainModel(
    stretch,
    plan,
    pipeline.detectors,
    pipeline.smoothing,
    seed,
    backend.tf,
    progress,
  );
  const days = Math.max((stretch.to - stretch.from) / 86_400, 1 / 24);
  const model = buildModel(
    {
      format: PACKAGE_FORMAT,
      id: `try-${stretch.digest.slice(0, 8)}-${seed}`,
      pipeline: pipeline.name,
      createdAt: '',
      fingerprint: '',
      features: plan.features.map((feature) => feature.name),
      sensors: plan.sensors.map((index) => plan.numbers[index]!.field),
      domains: [...stretch.scales.domains],
      detectors: structuredClone(pipeline.detectors) as Record<string, Record<string, unknown>>,
      judging: { eventsPerDay: stretch.set.rows / days, budget: pipeline.budget },
      training: {
        rows: stretch.set.rows,
        entities: stretch.entities,
        from: '',
        to: '',
        data: stretch.digest,
        seed,
        seconds: 0,
        versions: {},
        metrics: {},
      },
      tensors: [],
      digests: { 'weights.bin': '' },
    },
    weights,
    plan,
    backend.tf,
  );
  return { model, figures };
}
