import type { Detector, DetectorBatch, TrainingProgress, TrainingSet, Weights } from '../contract.js';
import { trainMargins } from '../detectors/margins.js';
import type { Tf } from '../detectors/tensor-io.js';
import type { FeaturePlan } from '../features/plan.js';
import type { JudgementLayout } from '../judging/chain.js';
import { fitJudgement } from '../judging/fit-judgement.js';
import { Smoothing } from '../judging/smoothing.js';
import type { DetectorSettings } from '../model/detector-settings.js';
import { judgedAs, smoothedOf, untrainedDetectors } from '../model/detectors.js';
import { withPrefix } from '../model/weights.js';
import { type TrainingResult, trainAutoencoder } from './autoencoder.js';
import type { CurvePoint } from './curve.js';
import { groupWeights } from './evidence.js';
import type { RecordedStretch } from './recording.js';
import { trainSequence } from './sequence.js';
import { trainStuck } from './stuck.js';

export interface TrainedModel {
  readonly weights: Weights;
  /** what it learned how well; for the card */
  readonly figures: Record<string, number>;
  /** how the losses fell, by trained model */
  readonly curves: Readonly<Record<string, readonly CurvePoint[]>>;
}

/**
 * Trains the models of a pipeline on a recorded stretch and calibrates the judging on rows that the fits had not
 * seen. The same stretch, settings and seed give the same weights.
 */
export function trainModel(
  stretch: RecordedStretch,
  plan: FeaturePlan,
  settings: DetectorSettings,
  lambdas: readonly number[],
  seed: number,
  tf: Tf,
  progress: TrainingProgress,
): TrainedModel {
  const { set, scales, domainState } = stretch;
  const trained: {
    name: string;
    group: string;
    nominal?: boolean;
    weight?: number;
    result: TrainingResult;
  }[] = [];
  if (settings.autoencoder !== undefined)
    trained.push({
      name: 'autoencoder',
      group: 'joint',
      result: trainAutoencoder(set, settings.autoencoder, seed, progress, tf),
    });
  if (settings.sequence !== undefined)
    trained.push({
      name: 'sequence',
      group: 'joint',
      result: trainSequence(set, settings.sequence, seed + 1, progress, tf),
    });
  groupWeights(trained.map(({ result }) => result.figures['plantedFound'])).forEach((weight, index) => {
    trained[index]!.weight = weight;
  });
  if (settings.margins !== undefined) {
    const contaminated = new Set(trained.flatMap(({ result }) => [...result.trimmed]));
    trained.push({
      name: 'margins',
      group: 'margins',
      nominal: true,
      result: trainMargins(set, plan.features, contaminated, settings.margins),
    });
  }

  if (settings.stuck !== undefined)
    trained.push({ name: 'stuck', group: 'stuck', nominal: true, result: trainStuck(set) });

  const untrained = untrainedDetectors(settings, plan);
  const streamed = untrained.map((detector, index) => {
    const recorded = stretch.untrained.find(({ name }) => name === detector.name);
    if (recorded !== undefined) return recorded.scores;
    progress(detector.name, index, untrained.length);
    return streamScores(detector, set);
  });
  const rows = commonRows(
    set,
    trained.map(({ result }) => result.rows),
  );
  const columns = [...trained.map(({ result }) => byRow(result, set.rows)), ...streamed];
  const detectors = trained.length + untrained.length;
  const raw = new Float32Array(rows.length * detectors);
  columns.forEach((scores, k) => {
    for (let i = 0; i < rows.length; i++) raw[i * detectors + k] = scores[rows[i]!]!;
  });
  const ordinary = columns.map((scores) => median(rows, scores));
  const judged = [...trained, ...untrained];
  const smoothing = new Smoothing(detectors, lambdas, ordinary, smoothedOf(judged));
  const smoothed = smoothRows(smoothing, raw, rows, set);

  const layout: JudgementLayout = { detectors: judgedAs(judged), lambdas: lambdas.length };
  progress('judging', 0, 1);
  const priors = fitJudgement(layout, smoothed, rows.length);
  progress('judging', 1, 1);

  let weights: Weights = {
    'scales/centres': { shape: [scales.domains.length + 1, scales.features], data: scales.centres },
    'scales/scales': { shape: [scales.domains.length + 1, scales.features], data: scales.scales },
    domainState: {
      shape: [scales.domains.length + 1, domainState.length / (scales.domains.length + 1)],
      data: domainState,
    },
    lambdas: { shape: [lambdas.length], data: Float32Array.from(lambdas) },
    ordinary: { shape: [detectors], data: Float32Array.from(ordinary) },
    priors: { shape: [priors.length, priors[0]!.length], data: flat(priors) },
  };
  const figures: Record<string, number> = { judgedRows: rows.length };
  for (const { name, result, weight } of trained) {
    weights = { ...weights, ...withPrefix(name, result.weights) };
    if (weight !== undefined) {
      const data = Float32Array.of(weight);
      weights = { ...weights, ...withPrefix(name, { weight: { shape: [1], data } }) };
      figures[`${name}.weight`] = data[0]!;
    }
    figures[`${name}.trimmed`] = result.trimmed.length;
    for (const [figure, value] of Object.entries(result.figures)) figures[`${name}.${figure}`] = value;
  }
  const curves = Object.fromEntries(
    trained.flatMap(({ name, result }) => (result.curve === undefined ? [] : [[name, result.curve]])),
  );
  return { weights, figures, curves };
}

/** rows a chunk when scores are streamed over a training set */
const CHUNK = 4096;

/** Raw scores of a detector that learns as it goes, over all rows in their order. */
function streamScores(detector: Detector, set: TrainingSet): Float32Array {
  let entities = 0;
  for (const entity of set.entities) entities = Math.max(entities, entity + 1);
  const state = {
    data: new Float32Array(entities * detector.stateSize),
    stride: detector.stateSize,
    offset: 0,
  };
  for (let slot = 0; slot < entities; slot++) detector.initState(state, slot);
  const scores = new Float32Array(set.rows);
  for (let from = 0; from < set.rows; from += CHUNK) {
    const to = Math.min(set.rows, from + CHUNK);
    detector.score(slice(set, from, to), state, scores.subarray(from, to));
  }
  // As in the stream, it has no say before it is warm.
  const warmUp = detector.warmUp ?? 0;
  for (let row = 0; row < set.rows; row++) if (set.ages[row]! < warmUp) scores[row] = Number.NaN;
  return scores;
}

function slice(set: TrainingSet, from: number, to: number): DetectorBatch {
  return {
    size: to - from,
    slots: set.entities.subarray(from, to),
    domains: set.domains.subarray(from, to),
    times: set.times.subarray(from, to),
    gaps: set.gaps.subarray(from, to),
    ages: set.ages.subarray(from, to),
    hoursOfWeek: set.hoursOfWeek.subarray(from, to),
    x: set.x.subarray(from * set.features, to * set.features),
    features: set.features,
    raw: set.raw.subarray(from * set.sensors, to * set.sensors),
    sensors: set.sensors,
  };
}

/** Rows that every trained detector has scored unseen, in arrival order; the last fifth when none is trained. */
function commonRows(set: TrainingSet, lists: readonly Int32Array[]): Int32Array {
  if (lists.length === 0)
    return Int32Array.from(
      { length: Math.ceil(set.rows / 5) },
      (_, i) => set.rows - Math.ceil(set.rows / 5) + i,
    );
  const times = new Uint8Array(set.rows);
  for (const list of lists) for (const row of list) times[row] = times[row]! + 1;
  const rows: number[] = [];
  for (let row = 0; row < set.rows; row++) if (times[row] === lists.length) rows.push(row);
  if (rows.length < 100)
    throw new RangeError(
      `only ${rows.length} events are left to calibrate on; record a longer stretch (a few hundred events at least)`,
    );
  return Int32Array.from(rows);
}

function byRow(result: TrainingResult, rows: number): Float32Array {
  const scores = new Float32Array(rows).fill(Number.NaN);
  result.rows.forEach((row, i) => {
    scores[row] = result.scores[i]!;
  });
  return scores;
}

function smoothRows(
  smoothing: Smoothing,
  raw: Float32Array,
  rows: Int32Array,
  set: TrainingSet,
): Float32Array {
  let entities = 0;
  for (const entity of set.entities) entities = Math.max(entities, entity + 1);
  const state = {
    data: new Float32Array(entities * smoothing.stateSize),
    stride: smoothing.stateSize,
    offset: 0,
  };
  for (let slot = 0; slot < entities; slot++) smoothing.initState(state, slot);
  const slots = rows.map((row) => set.entities[row]!);
  const smoothed = new Float32Array(rows.length * smoothing.columns);
  smoothing.smooth(raw, rows.length, slots, state, smoothed);
  return smoothed;
}

function median(rows: Int32Array, scores: Float32Array): number {
  const values = Float32Array.from(rows, (row) => scores[row]!)
    .filter((value) => !Number.isNaN(value))
    .sort();
  return values[values.length >> 1] ?? 0;
}

function flat(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((sum, array) => sum + array.length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}
