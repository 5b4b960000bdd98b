import { join } from 'node:path';
import type { TrainingProgress } from '../../detection/contract.js';
import { EventColumns } from '../../detection/features/columns.js';
import { planFeatures } from '../../detection/features/plan.js';
import { type Manifest, PACKAGE_FORMAT } from '../../detection/model/manifest.js';
import { KEPT_ROWS } from '../../detection/training/kept-rows.js';
import { Recording } from '../../detection/training/recording.js';
import { trainModel } from '../../detection/training/train-model.js';
import { Undecodable } from '../../lib/dead-letter-reasons.js';
import type { Backend } from '../../lib/tensors.js';
import { modelFingerprint } from '../../pipelines/fingerprint.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { Intake, type Taken } from './intake.js';
import { modelCard } from './model-card.js';
import { writeModelPackage } from './model-files.js';
import { curvePicture, curvesOf } from './training-curve.js';

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
  /** events learned from at most, the first ones; Infinity for all */
  readonly maxEvents: number;
  /** rows kept in memory for the models to learn from; of more events a seeded sample. Default KEPT_ROWS */
  readonly keepRows?: number;
  /** how many events will come, for progress; 0 if nobody knows */
  readonly expected?: () => number;
  readonly backend: Backend;
  readonly version: string;
  /** what makes this package again, for its card */
  readonly command?: string;
  readonly progress: TrainingProgress;
  readonly now: () => number;
}

export interface TrainReport {
  readonly folder: string;
  readonly id: string;
  readonly events: number;
  /** rows that the models learned from: all events, or a sample of them */
  readonly rows: number;
  /** events that could not be learned from, by reason */
  readonly left: Readonly<Record<string, number>>;
  /** the first of them, with field, value and remedy */
  readonly leftExamples: readonly string[];
  readonly entities: number;
  readonly domains: number;
  readonly features: number;
  readonly seconds: number;
  /** of `seconds`, by what was done in them */
  readonly phases: Readonly<Record<string, number>>;
  readonly weightsBytes: number;
  readonly figures: Readonly<Record<string, number>>;
}

const BATCH = 1024;
const LEAST_EVENTS = 200;
/** left events that are told one by one */
const TOLD = 10;

/** Learns a pipeline's models from recorded events and writes the package. */
export async function train(options: TrainOptions): Promise<TrainReport> {
  const { pipeline, now } = options;
  const started = now();
  const phases = new Phases(now);
  const progress: TrainingProgress = (part, done, total, figures) => {
    phases.enter(part);
    options.progress(part, done, total, figures);
  };
  const plan = planFeatures(pipeline.features);
  const recording = new Recording(plan, BATCH, options.keepRows ?? KEPT_ROWS, {
    settings: pipeline.detectors,
    seed: options.seed,
  });
  phases.enter('recording');
  const { left, examples } = await record({ ...options, progress }, recording);
  if (recording.rows < LEAST_EVENTS) throw new TooFewEvents(pipeline.name, recording.rows, left, examples);
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
  phases.enter('writing');
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
    judging: { eventsPerDay: stretch.events / days, budget: pipeline.budget },
    training: {
      events: stretch.events,
      rows: stretch.set.rows,
      entities: stretch.entities,
      from: new Date(stretch.from * 1000).toISOString(),
      to: new Date(stretch.to * 1000).toISOString(),
      data: stretch.digest,
      seed: options.seed,
      seconds,
      ...(options.command !== undefined && { command: options.command }),
      versions: { riskwire: options.version, tfjs: options.backend.version, backend: options.backend.name },
      metrics: trained.figures,
      curves: curvesOf(trained.curves),
    },
  };
  const folder = join(options.folder, pipeline.name);
  const whole = await writeModelPackage(folder, manifest, trained.weights, {
    'card.md': modelCard(pipeline, manifest),
    ...(Object.keys(trained.curves).length > 0 && { 'curve.svg': curvePicture(trained.curves) }),
  });
  return {
    folder,
    id: whole.id,
    events: stretch.events,
    rows: stretch.set.rows,
    left,
    leftExamples: examples,
    entities: stretch.entities,
    domains: stretch.scales.domains.length,
    features: plan.features.length,
    seconds,
    phases: phases.end(),
    weightsBytes: Object.values(trained.weights).reduce((sum, { data }) => sum + data.byteLength, 0),
    figures: trained.figures,
  };
}

/** Not enough to learn from; the message says what was left out and why. */
export class TooFewEvents extends Error {
  override readonly name = 'TooFewEvents';
  constructor(pipeline: string, rows: number, left: Record<string, number>, examples: readonly string[]) {
    const lost = Object.entries(left).map(([reason, count]) => `${count} ${reason}`);
    super(
      `${rows} events of '${pipeline}' are too few to learn from; record at least ${LEAST_EVENTS}, better some thousands${lost.length > 0 ? `. Left out: ${lost.join(', ')}; the first: ${examples[0] ?? ''}` : ''}`,
    );
  }
}

/** Seconds by what is done; work that comes up again adds up. */
class Phases {
  readonly #seconds: Record<string, number> = {};
  #part = '';
  #since = 0;
  constructor(private readonly now: () => number) {}

  enter(part: string): void {
    // folds of one model are one phase
    const phase = part.split(',')[0]!;
    if (phase === this.#part) return;
    const time = this.now();
    if (this.#part !== '')
      this.#seconds[this.#part] = (this.#seconds[this.#part] ?? 0) + (time - this.#since) / 1000;
    this.#part = phase;
    this.#since = time;
  }

  end(): Record<string, number> {
    this.enter('');
    return this.#seconds;
  }
}

async function record(
  { pipeline, events, maxEvents, expected, progress }: TrainOptions,
  recording: Recording,
): Promise<{ left: Record<string, number>; examples: string[] }> {
  const { plan } = recording;
  const intake = new Intake(pipeline, plan, (zone) => recording.knowsZone(zone));
  const columns = new EventColumns(BATCH, plan.numbers.length, plan.categories.length);
  const left: Record<string, number> = {};
  const examples: string[] = [];
  let watermark = Number.NEGATIVE_INFINITY;
  let offset = 0;
  let taken = 0;
  const add = () => {
    recording.add(columns);
    columns.size = 0;
    progress('recording', recording.events, expectedOf(expected?.() ?? 0, maxEvents));
  };
  for await (const batch of events) {
    for (let i = 0; i < batch.events.length && taken < maxEvents; i++) {
      const event = batch.events[i]! as Record<string, unknown>;
      const said = intake.take(event, batch.keys[i]!, offset++, Number.NaN, watermark, columns);
      if (said === 'taken') {
        taken++;
        watermark = Math.max(watermark, columns.times[columns.size - 1]!);
      } else {
        const reason = said instanceof Undecodable ? said.reason : said;
        left[reason] = (left[reason] ?? 0) + 1;
        if (examples.length < TOLD) examples.push(whyLeft(said, event, offset - 1, watermark, pipeline));
      }
      if (columns.size === BATCH) add();
    }
    if (taken >= maxEvents) break;
  }
  if (columns.size > 0) add();
  progress('recording', recording.events, recording.events);
  return { left, examples };
}

function expectedOf(coming: number, maxEvents: number): number {
  if (Number.isFinite(maxEvents)) return coming > 0 ? Math.min(coming, maxEvents) : maxEvents;
  return coming;
}

function whyLeft(
  said: Exclude<Taken, 'taken'>,
  event: Readonly<Record<string, unknown>>,
  place: number,
  watermark: number,
  { time, late }: Pipeline,
): string {
  if (said instanceof Undecodable) return `event ${place + 1}: ${said.detail}`;
  const behind = Math.round((watermark - Number(event[time])) / 1000);
  return `event ${place + 1}: ${time} is ${new Date(Number(event[time])).toISOString()}, ${behind} s behind an event before it, and the pipeline takes ${late / 1000} s: put the events in the order of their time, or raise "late"`;
}
