import { type Calibrator, Chain, type JudgementLayout, MOST_ROWS } from './chain.js';
import { TailCalibration } from './tail.js';
import { exponentialTailPrior, fitTailPrior, type TailPrior } from './tail-prior.js';

/** The calibrations' priors, in the order that the chain uses them; a model package stores them. */
export type JudgementPriors = readonly TailPrior[];

/** How many priors a layout needs. */
export function priorsNeeded(layout: JudgementLayout): number {
  return new Chain(layout).count;
}

/** A calibration that is being fitted: takes scores down until fit() is called, then judges them without learning. */
class Stage implements Calibrator {
  /** false while earlier stages are fitted */
  collects = false;
  private readonly inputs: Float32Array;
  private taken = 0;
  private fitted: TailCalibration | undefined;

  constructor(rows: number) {
    this.inputs = new Float32Array(rows).fill(Number.NaN);
  }

  observeAll(scores: Float64Array, size: number): void {
    if (this.collects) {
      this.inputs.set(scores.subarray(0, size), this.taken);
      this.taken += size;
    }
    for (let i = 0; i < size; i++)
      if (!Number.isNaN(scores[i]!)) scores[i] = this.fitted?.surprise(scores[i]!) ?? 0;
  }

  fit(): TailPrior {
    const prior = fitTailPrior(this.inputs);
    this.fitted = new TailCalibration(prior);
    this.collects = false;
    return prior;
  }
}

/**
 * The priors from smoothed scores of held-out normal rows (rows x detectors·lambdas), step by step: a step
 * is fitted on what the steps before it give.
 */
export function fitJudgement(layout: JudgementLayout, smoothed: Float32Array, rows: number): TailPrior[] {
  const chain = new Chain(layout);
  const columns = layout.detectors.length * layout.lambdas;
  if (smoothed.length < rows * columns) {
    throw new RangeError(`fitJudgement: ${smoothed.length} scores for ${rows} rows of ${columns}`);
  }
  const stages = Array.from({ length: chain.count }, () => new Stage(rows));
  const order = Int32Array.from({ length: rows }, (_, row) => row);
  const own = new Float32Array(rows * layout.detectors.length);
  const joined = new Float64Array(rows);
  const priors: TailPrior[] = [];
  for (const step of chain.steps) {
    for (const calibration of step) stages[calibration]!.collects = true;
    for (let from = 0; from < rows; from += MOST_ROWS)
      chain.judge({ smoothed, own, joined }, order, from, Math.min(rows, from + MOST_ROWS), stages);
    for (const calibration of step) priors[calibration] = stages[calibration]!.fit();
  }
  return priors;
}

/** Priors before any training: each detector's scores taken as exponential with the mean given for it. */
export function untrainedPriors(layout: JudgementLayout, means: readonly number[]): TailPrior[] {
  return Array.from({ length: priorsNeeded(layout) }, (_, index) => {
    const column = index < layout.detectors.length * layout.lambdas;
    return exponentialTailPrior(column ? (means[Math.floor(index / layout.lambdas)] ?? 1) : 0.4);
  });
}
