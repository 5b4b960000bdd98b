import type { Detector, DetectorBatch, StateBlock, Weights } from '../contract.js';
import { Shared } from '../detectors/shared.js';
import { planFeatures } from '../features/plan.js';
import type { FeatureSpec } from '../features/spec.js';
import { fitJudgement, type JudgementPriors } from '../judging/fit-judgement.js';
import { Smoothing } from '../judging/smoothing.js';
import type { ScoringModel } from '../scoring.js';
import { madeSeries } from '../training/base/series.js';
import type { DetectorSettings } from './detector-settings.js';
import { judgedAs, smoothedOf, untrainedDetectors } from './detectors.js';

/** The shared pretrained model, as its package holds it. */
export interface Base {
  readonly id: string;
  readonly weights: Weights;
}

export interface StartOptions {
  readonly features: FeatureSpec;
  readonly settings: DetectorSettings;
  readonly lambdas: readonly number[];
  /** false: without the shared model, for comparisons */
  readonly shared?: boolean;
}

/** made-up readings by which the judging starts: of so many entities, each so long, the second half is judged */
const ENTITIES = 4;
const LENGTH = 2400;
const SEED = 1;

/**
 * What a pipeline runs before it has a trained model: the shared model where there are several numbers, and the
 * detectors that need no training. Its calibrations start from made-up readings and count as nobody's evidence: the
 * stream's own events replace them, a thousand by half. Every number is watched, whether it is called a sensor or not.
 * @throws RangeError when the pipeline has no number to watch
 */
export function startModel(options: StartOptions, base: Base): ScoringModel {
  const { features, settings, lambdas } = options;
  const plan = planFeatures({
    ...features,
    numbers: features.numbers.map((number) => ({ ...number, sensor: true })),
  });
  const sensors = plan.sensors.length;
  if (sensors === 0)
    throw new RangeError('nothing can be watched before a training: the pipeline declares no numbers');
  const log = plan.numbers.map((number) => number.log === true);
  // On one number a forecast adds noise to what the memory sees.
  const shared = sensors > 1 && options.shared !== false ? [new Shared(base.weights, { sensors, log })] : [];
  const { checks, memory = { size: 'small' } } = settings;
  const detectors = [...shared, ...untrainedDetectors({ memory, ...(checks && { checks }) }, plan)];
  const width = plan.features.length;
  return {
    id: base.id,
    plan,
    scales: {
      domains: [],
      centres: new Float32Array(width),
      scales: new Float32Array(width).fill(1),
      features: width,
    },
    detectors,
    lambdas,
    ...startJudgement(detectors, lambdas, sensors, log, checks?.intervalSeconds ?? 60),
    domainState: new Float32Array(plan.domainBlocks.reduce((sum, block) => sum + block.size, 0)),
    // nobody knows: the budget counts from the first event on
    eventsPerDay: 0,
  };
}

function startJudgement(
  detectors: readonly Detector[],
  lambdas: readonly number[],
  sensors: number,
  log: readonly boolean[],
  interval: number,
): { priors: JudgementPriors; ordinary: number[] } {
  const rows = ENTITIES * LENGTH;
  const made = madeSeries(SEED, ENTITIES * sensors, LENGTH);
  const raw = new Float64Array(rows * sensors);
  for (let row = 0; row < rows; row++)
    for (let s = 0; s < sensors; s++) {
      const value = made[(row % ENTITIES) * sensors + s]!.values[Math.floor(row / ENTITIES)]!;
      raw[row * sensors + s] = log[s] ? Math.exp(Math.min(value, 20)) : value;
    }
  const times = Float64Array.from({ length: rows }, (_, row) => Math.floor(row / ENTITIES) * interval);
  const batch: DetectorBatch = {
    size: rows,
    slots: Int32Array.from({ length: rows }, (_, row) => row % ENTITIES),
    domains: new Int32Array(rows).fill(-1),
    times,
    gaps: Float64Array.from({ length: rows }, (_, row) => (row < ENTITIES ? Number.NaN : interval)),
    ages: Float64Array.from({ length: rows }, (_, row) => Math.floor(row / ENTITIES)),
    hoursOfWeek: Float32Array.from(times, (seconds) => (seconds / 3600) % 168),
    x: new Float32Array(0),
    features: 0,
    raw,
    sensors,
  };
  const scores = new Float32Array(rows * detectors.length);
  detectors.forEach((detector, index) => {
    const out = new Float32Array(rows);
    detector.score(
      batch,
      emptyState(detector.stateSize, (state, slot) => detector.initState(state, slot)),
      out,
    );
    for (let row = 0; row < rows; row++) scores[row * detectors.length + index] = out[row]!;
  });
  const half = rows / 2;
  const ordinary = detectors.map((_, index) => {
    const own = Float32Array.from({ length: half }, (_, i) => scores[(half + i) * detectors.length + index]!);
    return own.sort()[half >> 1]!;
  });
  const smoothing = new Smoothing(detectors.length, lambdas, ordinary, smoothedOf(detectors));
  const smoothed = new Float32Array(half * smoothing.columns);
  smoothing.smooth(
    scores.subarray(half * detectors.length),
    half,
    batch.slots.subarray(half),
    emptyState(smoothing.stateSize, (state, slot) => smoothing.initState(state, slot)),
    smoothed,
  );
  const layout = { detectors: judgedAs(detectors), lambdas: lambdas.length };
  return { ordinary, priors: fitJudgement(layout, smoothed, half).map(asNobodys) };
}

function emptyState(stride: number, init: (state: StateBlock, slot: number) => void): StateBlock {
  const state = { data: new Float32Array(ENTITIES * stride), stride, offset: 0 };
  for (let slot = 0; slot < ENTITIES; slot++) init(state, slot);
  return state;
}

/** A prior that says it was made from one event is replaced by a stream's own faster, and holds nothing off. */
function asNobodys(prior: Float32Array): Float32Array {
  const events = Math.max(1, prior[1]!);
  return prior.map((value, i) => (i === 0 ? value : i === 1 ? 1 : value / events));
}
