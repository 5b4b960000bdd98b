import { tenTo } from '../features/fast-math.js';
import { DISPERSION_STATE_SIZE, Dispersion } from './dispersion.js';
import { DEFAULT_TAIL_MEMORY, TAIL_STATE_SIZE, TailCalibration, type TailOptions } from './tail.js';
import { exponentialTailPrior, fitTailPrior, type TailPrior } from './tail-prior.js';

/** What is joined: each detector with its group, each seen through the same number of smoothing constants. */
export interface JudgementLayout {
  readonly detectors: readonly {
    readonly name: string;
    readonly group: string;
    /** its raw score is its surprise already: taken as it is, neither smoothed nor calibrated */
    readonly nominal?: boolean;
    /** how many times its -log10 p a nominal detector's score is; see Detector */
    readonly emphasis?: number;
    /** of its surprise in the mean of its group, above 0; 1 by default */
    readonly weight?: number;
  }[];
  /** columns a detector: see Smoothing */
  readonly lambdas: number;
}

/** The calibrations' priors, in the order that the chain uses them; a model package stores them. */
export type JudgementPriors = readonly TailPrior[];

/**
 * Beyond the events that a calibration keeps, its p is the tail's continuation and no longer a count: two payments
 * within a second lay so far out that it said 1e-22, and outranked any amount. From here on a decade counts by its
 * logarithm. Nominal scores come from a rule of their own and are taken as they are.
 */
const COUNTED = Math.log10(DEFAULT_TAIL_MEMORY);

interface Plan {
  readonly detectors: number;
  readonly lambdas: number;
  readonly nominal: readonly boolean[];
  /** by detector, what takes a surprise to -log10 p */
  readonly perEmphasis: readonly number[];
  readonly groups: readonly {
    readonly members: Int32Array;
    readonly weights: Float64Array;
    /** one nominal detector */
    readonly nominal: boolean;
    /** -1 for a group of one, which needs none */
    readonly calibration: number;
  }[];
  /** index of the first of the calibrations after the mean over lambdas; -1 for one lambda, which needs none */
  readonly perDetector: number;
  /** -1 for one group, which needs none */
  readonly final: number;
  readonly count: number;
}

function plan({ detectors, lambdas }: JudgementLayout): Plan {
  let count = detectors.length * lambdas;
  const perDetector = lambdas > 1 ? count : -1;
  if (perDetector >= 0) count += detectors.length;
  const groups = [...new Set(detectors.map(({ group }) => group))].map((name) => {
    const members = detectors.flatMap(({ group }, index) => (group === name ? [index] : []));
    return {
      members: Int32Array.from(members),
      weights: Float64Array.from(members, (member) => detectors[member]!.weight ?? 1),
      nominal: members.length === 1 && detectors[members[0]!]!.nominal === true,
      calibration: members.length > 1 ? count++ : -1,
    };
  });
  const final = groups.length > 1 ? count++ : -1;
  const nominal = detectors.map((detector) => detector.nominal ?? false);
  const perEmphasis = detectors.map(({ emphasis = 1 }) => 1 / emphasis);
  return { detectors: detectors.length, lambdas, nominal, perEmphasis, groups, perDetector, final, count };
}

/** x^1.25: the sum of these over a group is the power mean but for a root, which the calibration undoes anyway. */
const power = (x: number): number => x * Math.sqrt(Math.sqrt(x));

/** A TailCalibration that learns, or what fitJudgement puts in its place. */
interface Calibrator {
  observe(score: number): number;
}

/**
 * One row through the chain. `surprises` receives the detectors' own; NaN for one that did not take part.
 * On the hot path: typed arrays and direct calls alone.
 */
function judgeRow(
  chain: Plan,
  smoothed: Float32Array,
  at: number,
  surprises: Float32Array,
  surprisesAt: number,
  calibrators: readonly Calibrator[],
): number {
  const { detectors, lambdas, groups } = chain;
  for (let detector = 0; detector < detectors; detector++) {
    if (chain.nominal[detector]) {
      surprises[surprisesAt + detector] = smoothed[at + detector * lambdas]!;
      continue;
    }
    let sum = 0;
    let present = 0;
    for (let column = detector * lambdas; column < (detector + 1) * lambdas; column++) {
      const score = smoothed[at + column]!;
      if (Number.isNaN(score)) continue;
      const surprise = calibrators[column]!.observe(score);
      sum += lambdas > 1 ? power(surprise) : surprise;
      present++;
    }
    if (present === 0) surprises[surprisesAt + detector] = Number.NaN;
    else if (chain.perDetector < 0) surprises[surprisesAt + detector] = sum;
    else
      surprises[surprisesAt + detector] = calibrators[chain.perDetector + detector]!.observe(sum / present);
  }
  // The causes are alternatives, so their odds add up, 1/p - 1 each, none where p is 1: a product of their p would say
  // that all are at work at once. One at p = 1e-6 outweighs three at 1e-4. In decades again, so that the tail which is
  // calibrated is exponential as those of its parts are.
  let odds = 0;
  let only = 0;
  for (let g = 0; g < groups.length; g++) {
    const { members, weights, calibration, nominal } = groups[g]!;
    let sum = 0;
    let present = 0;
    for (let m = 0; m < members.length; m++) {
      const surprise = surprises[surprisesAt + members[m]!]!;
      if (Number.isNaN(surprise)) continue;
      sum += calibration < 0 ? surprise : weights[m]! * power(surprise);
      present += weights[m]!;
    }
    if (present === 0) continue;
    only = calibration < 0 ? sum : calibrators[calibration]!.observe(sum / present);
    if (chain.final < 0) continue;
    const counted = nominal || only < COUNTED ? only : COUNTED + Math.log10(1 + only - COUNTED);
    odds += tenTo(counted) - 1;
  }
  return chain.final < 0 ? only : calibrators[chain.final]!.observe(Math.log10(1 + odds));
}

/**
 * Joins the detectors of one (partition, domain): each smoothed score to its surprise; mean over the smoothing
 * constants, calibrated; weighted mean within a group, calibrated; odds of alternative causes across groups, calibrated. Stages with one
 * member fall away. Means are power means with exponent 1.25.
 */
export class Judgement {
  /** floats that save() returns */
  readonly stateSize: number;
  private readonly chain: Plan;
  private readonly calibrations: readonly TailCalibration[];
  private readonly dispersion = new Dispersion();

  constructor(layout: JudgementLayout, priors: JudgementPriors, options: TailOptions = {}) {
    this.chain = plan(layout);
    if (priors.length !== this.chain.count) {
      throw new RangeError(
        `judgement: ${priors.length} tail priors for ${layout.detectors.length} detectors in ${this.chain.groups.length} groups; expected ${this.chain.count}, as fitJudgement makes`,
      );
    }
    this.calibrations = priors.map((prior) => new TailCalibration(prior, options));
    this.stateSize = this.chain.count * TAIL_STATE_SIZE + DISPERSION_STATE_SIZE;
  }

  /**
   * The row at smoothed[at..]: returns its surprise (p = 10^-surprise), writes the detectors' own, learns.
   * @param bucket of the row's entity, see bucketOf; -1 where there is none to tell by
   */
  observe(
    smoothed: Float32Array,
    at: number,
    surprises: Float32Array,
    surprisesAt: number,
    bucket = -1,
  ): number {
    const surprise = judgeRow(this.chain, smoothed, at, surprises, surprisesAt, this.calibrations);
    if (bucket < 0) return surprise;
    const { detectors, perEmphasis } = this.chain;
    let most = surprise;
    for (let detector = 0; detector < detectors; detector++) {
      const own = surprises[surprisesAt + detector]! * perEmphasis[detector]!;
      if (own > most) most = own;
    }
    const movement = this.dispersion.note(bucket, surprise, most);
    if (movement !== undefined) for (const calibration of this.calibrations) calibration.follow(movement);
    return surprise;
  }

  save(): Float32Array {
    const state = new Float32Array(this.stateSize);
    this.calibrations.forEach((calibration, index) => {
      calibration.saveTo(state, index * TAIL_STATE_SIZE);
    });
    this.dispersion.saveTo(state, this.chain.count * TAIL_STATE_SIZE);
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
    this.dispersion.load(state, this.chain.count * TAIL_STATE_SIZE);
  }
}

/** How many priors a layout needs. */
export function priorsNeeded(layout: JudgementLayout): number {
  return plan(layout).count;
}

/** A calibration that is being fitted: takes scores down until fit() is called, then judges them without learning. */
class Stage implements Calibrator {
  /** where the next score belongs; -1 while earlier stages are fitted */
  row = -1;
  private readonly inputs: Float32Array;
  private fitted: TailCalibration | undefined;

  constructor(rows: number) {
    this.inputs = new Float32Array(rows).fill(Number.NaN);
  }

  observe(score: number): number {
    if (this.fitted !== undefined) return this.fitted.surprise(score);
    if (this.row >= 0) this.inputs[this.row] = score;
    return 0;
  }

  fit(): TailPrior {
    const prior = fitTailPrior(this.inputs);
    this.fitted = new TailCalibration(prior);
    return prior;
  }
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
  const third = chain.groups.flatMap(({ calibration }) => (calibration < 0 ? [] : [calibration]));
  const stages = [first, second, third, chain.final < 0 ? [] : [chain.final]].filter(
    (stage) => stage.length > 0,
  );
  const stageOf = new Array<Stage>(chain.count);
  for (const stage of stages) for (const calibration of stage) stageOf[calibration] = new Stage(rows);
  const priors: TailPrior[] = [];
  const spare = new Float32Array(layout.detectors.length);
  for (const stage of stages) {
    for (let row = 0; row < rows; row++) {
      for (const calibration of stage) stageOf[calibration]!.row = row;
      judgeRow(chain, smoothed, row * columns, spare, 0, stageOf);
    }
    for (const calibration of stage) priors[calibration] = stageOf[calibration]!.fit();
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
