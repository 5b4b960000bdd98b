import type { Detector } from './contract.js';
import type { FeaturePlan } from './features/plan.js';
import type { FeatureScales } from './features/scaling.js';
import type { JudgementPriors } from './judging/fit-judgement.js';

/** A model made ready to score: shared by all partitions of a pipeline in a process. Holds no adaptive state. */
export interface ScoringModel {
  readonly id: string;
  readonly plan: FeaturePlan;
  readonly scales: FeatureScales;
  readonly detectors: readonly Detector[];
  /** smoothing constants of the detectors' scores, see Smoothing */
  readonly lambdas: readonly number[];
  /** an ordinary event's raw score by detector, where the smoothed scores start */
  readonly ordinary: readonly number[];
  readonly priors: JudgementPriors;
  /** (domains of scales + 1) x floats of the plan's domain blocks: what training knew of each domain, last of all together */
  readonly domainState: Float32Array;
  readonly eventsPerDay: number;
}
