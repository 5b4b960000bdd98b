import { join } from 'node:path';
import type { TrainingProgress } from '../../detection/contract.js';
import { EventColumns } from '../../detection/features/columns.js';
import { planFeatures } from '../../detection/features/plan.js';
import { type Manifest, PACKAGE_FORMAT } from '../../detection/model/manifest.js';
import { Recording } from '../../detection/training/recording.js';
import { trainModel } from '../../detection/training/train-model.js';
import { Undecodable } from '../../lib/dead-letter-reasons.js';
import type { Backend } from '../../lib/tensors.js';
import { modelFingerprint } from '../../pipelines/fingerprint.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { Intake } from './intake.js';
import { modelCard } from './model-card.js';
import { writeModelPackage } from './model-files.js';

/** Events in arrival order, decoded into the pipeline's reader schema. */
export interface RecordedEvents {
  readonly keys: readonly string[];
  readonly events: readonly object[];
}

export interface TrainOptions {
  readonly pipeline: Pipeline;
  readonly events: AsyncIterable<RecordedEvents> | Iterable<RecordedEvents>;
  /** packages are written to <folder>/<pipeline> */
  readonly folder: string;
  readonly seed: number;
  /** events learned from at most; the first ones */
  readonly maxEvents: number;
  readonly backend: Backend;
  readonly version: string;
  readonly progress: TrainingProgress;
  readonly now: () => number;
}

export interface TrainReport {
  readonly folder: string;
  readonly id: string;
  readonly events: number;
  /** events that could not be learned from, by reason */
  readonly left: Readonly<Record<string, number>>;
  readonly entities: number;
  readonly domains: number;
  readonly features: number;
  readonly seconds: number;
  readonly weightsBytes: number;
  readonly figures: Readonly<Record<string, number>>;
}

const BATCH = 1024;
const LEAST_EVENTS = 200;

/** Learns a pipeline's models from recorded events and writes the package. */
export async function train(options: TrainOptions): Promise<TrainReport> {
  const { pipeline, progress, now } = options;
  const started = now();
  const plan = planFeatures(pipeline.features);
  const recording = new Recording(plan, BATCH, options.maxEvents + BATCH);
  const left = await record(options, recording);
  if (recording.rows < LEAST_EVENTS) {
    throw new RangeError(
      `${recording.rows} events of '${pipeline.name}' are too few to learn from; record at least ${LEAST_EVENTS}, better some thousands`,
    );
  }
  const stretch = recording.finish();
  const trained = trainModel(
    stretch,
    plan,
    pipeline.detectors,
    pipeline.smoothing,
    options.seed,
    options.backend.tf,
    progress,
  );
  const seconds = (now() - started) / 1000;
  const days = Math.max((stretch.to - stretch.from) / 86_400, 1 / 24);
  const manifest: Omit<Manifest, 'tensors' | 'digests'> = {
    format: PACKAGE_FORMAT,
    id: `${pipeline.name}-${stretch.digest.slice(0, 8)}-${options.seed}`,
    pipeline: pipeline.name,
    createdAt: new Date(now()).toISOString(),
    fingerprint: modelFingerprint(pipeline),
    features: plan.features.map((feature) => feature.name),
    sensors: plan.sensors.map((index) => plan.numbers[index]!.field),
    domains: [...stretch.scales.domains],
    detectors: structuredClone(pipeline.detectors) as Manifest['detectors'],
    judging: { eventsPerDay: stretch.set.rows / days, budget: pipeline.budget },
    training: {
      rows: stretch.set.rows,
      entities: stretch.entities,
      from: new Date(stretch.from * 1000).toISOString(),
      to: new Date(stretch.to * 1000).toISOString(),
      data: stretch.digest,
      seed: options.seed,
      seconds,
      versions: { riskwire: options.version, tfjs: options.backend.version, backend: options.backend.name },
      metrics: trained.figures,
    },
  };
  const folder = join(options.folder, pipeline.name);
  const whole = await writeModelPackage(folder, manifest, trained.weights, {
    'card.md': modelCard(pipeline, manifest),
  });
  return {
    folder,
    id: whole.id,
    events: stretch.set.rows,
    left,
    entities: stretch.entities,
    domains: stretch.scales.domains.length,
    features: plan.features.length,
    seconds,
    weightsBytes: Object.values(trained.weights).reduce((sum, { data }) => sum + data.byteLength, 0),
    figures: trained.figures,
  };
}

async function record(
  { pipeline, events, maxEvents, progress }: TrainOptions,
  recording: Recording,
): Promise<Record<string, number>> {
  const { plan } = recording;
  const intake = new Intake(pipeline, plan, (zone) => recording.knowsZone(zone));
  const columns = new EventColumns(BATCH, plan.numbers.length, plan.categories.length);
  const left: Record<string, number> = {};
  let watermark = Number.NEGATIVE_INFINITY;
  let offset = 0;
  for await (const batch of events) {
    for (let i = 0; i < batch.events.length; i++) {
      const event = batch.events[i]! as Record<string, unknown>;
      const taken = intake.take(event, batch.keys[i]!, offset++, Number.NaN, watermark, columns);
      if (taken === 'taken') watermark = Math.max(watermark, columns.times[columns.size - 1]!);
      else {
        const reason = taken instanceof Undecodable ? taken.reason : taken;
        left[reason] = (left[reason] ?? 0) + 1;
      }
      if (columns.size < BATCH) continue;
      recording.add(columns);
      columns.size = 0;
      progress('recording', recording.rows, maxEvents);
      if (recording.rows >= maxEvents) return left;
    }
  }
  if (columns.size > 0 && !recording.full) recording.add(columns);
  progress('recording', recording.rows, recording.rows);
  return left;
}
