import { TAIL_STATE_SIZE, TailCalibration, type TailOptions } from './tail.js';
import { exponentialTailPrior, fitTailPrior, type TailPrior } from './tail-prior.js';

/** What is joined: each detector with its group, each seen through the same number of smoothing constants. */
export interface JudgementLayout {
  readonly detectors: readonly { readonly name: string; readonly group: string }[];
  /** columns a detector: see Smoothing */
  readonly lambdas: number;
}

/** The calibrations' priors, in the order that the chain uses them; a model package stores them. */
export type JudgementPriors = readonly TailPrior[];

/**
 * A cause counts in the noisy-or with probability PRIOR / (PRIOR + p): even odds at p = 0.001.
 * The result is calibrated again, so this constant shapes the order of events and not their p.
 */
const CAUSE_PRIOR = 1e-3;

interface Plan {
  readonly groups: readonly { readonly name: string; readonly members: readonly number[] }[];
  /** index of the first calibration of each stage; -1 for a stage that one member makes needless */
  readonly perDetector: number;
  readonly perGroup: readonly number[];
  readonly final: number;
  readonly count: number;
}

function plan(layout: JudgementLayout): Plan {
  const names = [...new Set(layout.detectors.map((detector) => detector.group))];
  const groups = names.map((name) => ({
    name,
    members: layout.detectors.flatMap((detector, index) => (detector.group === name ? [index] : [])),
  }));
  let count = layout.detectors.length * layout.lambdas;
  const perDetector = layout.lambdas > 1 ? count : -1;
  if (perDetector >= 0) count += layout.detectors.length;
  const perGroup = groups.map((group) => (group.members.length > 1 ? count++ : -1));
  const final = groups.length > 1 ? count++ : -1;
  return { groups, perDetector, perGroup, final, count };
}

/** x^1.25: the sum of these over a group is the power mean but for a root, which the calibration undoes anyway. */
const power = (x: number): number => x * Math.sqrt(Math.sqrt(x));

type Calibrate = (calibration: number, score: number) => number;

/** One row through the chain. `surprises` receives the detectors' own; NaN for one that did not take part. */
function judgeRow(
  layout: JudgementLayout,
  chain: Plan,
  smoothed: ArrayLike<number>,
  at: number,
  surprises: Float32Array,
  surprisesAt: number,
  calibrate: Calibrate,
): number {
  const { lambdas, detectors } = layout;
  for (let detector = 0; detector < detectors.length; detector++) {
    let sum = 0;
    let present = 0;
    for (let l = 0; l < lambdas; l++) {
      const column = detector * lambdas + l;
      const score = smoothed[at + column]!;
      if (Number.isNaN(score)) continue;
      const surprise = calibrate(column, score);
      sum += lambdas > 1 ? power(surprise) : surprise;
      present++;
    }
    if (present === 0) surprises[surprisesAt + detector] = Number.NaN;
    else if (chain.perDetector < 0) surprises[surprisesAt + detector] = sum;
    else surprises[surprisesAt + detector] = calibrate(chain.perDetector + detector, sum / present);
  }
  let causes = 0;
  let only = 0;
  for (let g = 0; g < chain.groups.length; g++) {
    let sum = 0;
    let present = 0;
    const members = chain.groups[g]!.members;
    for (const detector of members) {
      const surprise = surprises[surprisesAt + detector]!;
      if (Number.isNaN(surprise)) continue;
      sum += members.length > 1 ? power(surprise) : surprise;
      present++;
    }
    if (present === 0) continue;
    const calibration = chain.perGroup[g]!;
    only = calibration < 0 ? sum : calibrate(calibration, sum / present);
    if (chain.final >= 0) causes += Math.log1p(CAUSE_PRIOR * Math.exp(only * Math.LN10));
  }
  return chain.final < 0 ? only : calibrate(chain.final, causes);
}

/**
 * Joins the detectors of one (partition, domain): each smoothed score to its surprise; mean over the smoothing
 * constants, calibrated; mean within a group, calibrated; noisy-or across groups, calibrated. Stages with one
 * member fall away. Means are power means with exponent 1.25.
 */
export class Judgement {
  /** floats that save() returns */
  readonly stateSize: number;
  private readonly chain: Plan;
  private readonly calibrations: readonly TailCalibration[];
  private readonly calibrate: Calibrate;

  constructor(
    private readonly layout: JudgementLayout,
    priors: JudgementPriors,
    options: TailOptions = {},
  ) {
    this.chain = plan(layout);
    if (priors.length !== this.chain.count) {
      throw new RangeError(
        `judgement: ${priors.length} tail priors for ${layout.detectors.length} detectors in ${this.chain.groups.length} groups; expected ${this.chain.count}, as fitJudgement makes`,
      );
    }
    this.calibrations = priors.map((prior) => new TailCalibration(prior, options));
    this.stateSize = this.chain.count * TAIL_STATE_SIZE;
    this.calibrate = (calibration, score) => this.calibrations[calibration]!.observe(score);
  }

  /** The row at smoothed[at..]: returns its surprise (p = 10^-surprise), writes the detectors' own, learns. */
  observe(smoothed: ArrayLike<number>, at: number, surprises: Float32Array, surprisesAt: number): number {
    return judgeRow(this.layout, this.chain, smoothed, at, surprises, surprisesAt, this.calibrate);
  }

  save(): Float32Array {
    const state = new Float32Array(this.stateSize);
    this.calibrations.forEach((calibration, index) => {
      calibration.saveTo(state, index * TAIL_STATE_SIZE);
    });
    return state;
  }

  load(state: Float32Array): void {
    if (state.length !== this.stateSize) {
      throw new RangeError(
        `judgement state: ${state.length} floats; expected ${this.stateSize} for this set of detectors`,
      );
    }
    this.calibrations.forEach((calibration, index) => {
      calibration.load(state, index * TAIL_STATE_SIZE);
    });
  }
}

/** How many priors a layout needs. */
export function priorsNeeded(layout: JudgementLayout): number {
  return plan(layout).count;
}

/**
 * The priors from smoothed scores of held-out normal rows (rows x detectors·lambdas), stage by stage: a stage
 * is fitted on what the stages before it give.
 */
export function fitJudgement(layout: JudgementLayout, smoothed: Float32Array, rows: number): TailPrior[] {
  const chain = plan(layout);
  const columns = layout.detectors.length * layout.lambdas;
  if (smoothed.length < rows * columns) {
    throw new RangeError(`fitJudgement: ${smoothed.length} scores for ${rows} rows of ${columns}`);
  }
  const first = Array.from({ length: columns }, (_, column) => column);
  const second = chain.perDetector < 0 ? [] : layout.detectors.map((_, index) => chain.perDetector + index);
  const third = chain.perGroup.filter((index) => index >= 0);
  const stages = [first, second, third, chain.final < 0 ? [] : [chain.final]].filter(
    (stage) => stage.length > 0,
  );
  const calibrations: TailCalibration[] = [];
  const priors: TailPrior[] = [];
  const spare = new Float32Array(layout.detectors.length);
  for (const stage of stages) {
    const inputs = stage.map(() => new Float32Array(rows).fill(Number.NaN));
    for (let row = 0; row < rows; row++) {
      judgeRow(layout, chain, smoothed, row * columns, spare, 0, (calibration, score) => {
        const input = stage.indexOf(calibration);
        if (input >= 0) inputs[input]![row] = score;
        return calibrations[calibration]?.surprise(score) ?? 0;
      });
    }
    stage.forEach((calibration, index) => {
      const prior = fitTailPrior(inputs[index]!);
      priors[calibration] = prior;
      calibrations[calibration] = new TailCalibration(prior);
    });
  }
  return priors;
}

/** Priors before any training: each detector's scores taken as exponential with the mean given for it. */
export function untrainedPriors(layout: JudgementLayout, means: readonly number[]): TailPrior[] {
  const chain = plan(layout);
  return Array.from({ length: chain.count }, (_, index) => {
    const column = index < layout.detectors.length * layout.lambdas;
    return exponentialTailPrior(column ? (means[Math.floor(index / layout.lambdas)] ?? 1) : 0.4);
  });
}
