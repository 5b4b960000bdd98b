import { log10, tenTo } from '../features/fast-math.js';
import { DEFAULT_TAIL_MEMORY } from './tail.js';

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

/** Rows of a micro-batch on their way through the judging. */
export interface JudgedRows {
  /** rows x detectors·lambdas, see Smoothing */
  readonly smoothed: Float32Array;
  /** rows x detectors, receives the detectors' own surprises; NaN for one that did not take part */
  readonly own: Float32Array;
  /** by row, receives the joined surprise */
  readonly joined: Float64Array;
}

/** A TailCalibration that learns, or what fitJudgement puts in its place. */
export interface Calibrator {
  /** Puts their surprises in the place of the first `size` scores, one after another; NaN is passed over. */
  observeAll(scores: Float64Array, size: number): void;
}

/**
 * Beyond the events that a calibration keeps, its p is the tail's continuation and no longer a count: two payments
 * within a second lay so far out that it said 1e-22, and outranked any amount. From here on a decade counts by its
 * logarithm. Nominal scores come from a rule of their own and are taken as they are.
 */
const COUNTED = Math.log10(DEFAULT_TAIL_MEMORY);

/** rows that are judged at a time: what lies between two steps stays in the cache */
export const MOST_ROWS = 512;

const scores = new Float64Array(MOST_ROWS);
const sums = new Float64Array(MOST_ROWS);
const present = new Float64Array(MOST_ROWS);
const odds = new Float64Array(MOST_ROWS);

/** Detectors of one cause. */
interface Group {
  readonly members: Int32Array;
  readonly weights: Float64Array;
  /** one nominal detector */
  readonly nominal: boolean;
  /** -1 for a group of one, which needs none */
  readonly calibration: number;
}

/** x^1.25: the sum of these over a group is the power mean but for a root, which the calibration undoes anyway. */
const power = (x: number): number => x * Math.sqrt(Math.sqrt(x));

/**
 * The steps of judging, by layout: each detector's smoothed scores to its surprise, detectors of a group joined, groups
 * joined. Knows in which order calibrations are used and holds none. Rows go through a step together, so that one
 * calibration is in the cache at a time; each is still judged by what the rows before it left.
 */
export class Chain {
  readonly detectors: number;
  /** by detector, what takes a surprise to -log10 p */
  readonly perEmphasis: Float64Array;
  /** calibrations that it uses */
  readonly count: number;
  /** by step, the calibrations that it uses: those of a step take in what the steps before it give */
  readonly steps: readonly (readonly number[])[];
  readonly #lambdas: number;
  readonly #nominal: readonly boolean[];
  readonly #groups: readonly Group[];
  /** index of the first of the calibrations after the mean over lambdas; -1 for one lambda, which needs none */
  readonly #perDetector: number;
  /** -1 for one group, which needs none */
  readonly #final: number;

  constructor({ detectors, lambdas }: JudgementLayout) {
    this.detectors = detectors.length;
    this.perEmphasis = Float64Array.from(detectors, ({ emphasis = 1 }) => 1 / emphasis);
    this.#lambdas = lambdas;
    this.#nominal = detectors.map(({ nominal }) => nominal === true);
    const steps: number[][] = [];
    let count = 0;
    const step = (calibrations: number) => {
      const first = count;
      count += calibrations;
      if (calibrations > 0) steps.push(Array.from({ length: calibrations }, (_, i) => first + i));
      return calibrations > 0 ? first : -1;
    };
    step(detectors.length * lambdas);
    this.#perDetector = step(lambdas > 1 ? detectors.length : 0);
    const names = [...new Set(detectors.map(({ group }) => group))];
    const membersOf = (name: string) =>
      detectors.flatMap(({ group }, index) => (group === name ? [index] : []));
    let next = step(names.filter((name) => membersOf(name).length > 1).length);
    this.#groups = names.map((name) => {
      const members = membersOf(name);
      return {
        members: Int32Array.from(members),
        weights: Float64Array.from(members, (member) => detectors[member]!.weight ?? 1),
        nominal: members.length === 1 && detectors[members[0]!]!.nominal === true,
        calibration: members.length > 1 ? next++ : -1,
      };
    });
    this.#final = step(names.length > 1 ? 1 : 0);
    this.steps = steps;
    this.count = count;
  }

  get groups(): number {
    return this.#groups.length;
  }

  /**
   * Judges rows[from, to), MOST_ROWS at most.
   * On the hot path: typed arrays and direct calls alone.
   */
  judge(
    batch: JudgedRows,
    rows: Int32Array,
    from: number,
    to: number,
    calibrators: readonly Calibrator[],
  ): void {
    for (let detector = 0; detector < this.detectors; detector++) {
      if (this.#nominal[detector]) this.#take(batch, rows, from, to, detector);
      else if (this.#lambdas === 1) this.#one(batch, rows, from, to, detector, calibrators);
      else this.#mean(batch, rows, from, to, detector, calibrators);
    }
    this.#join(batch, rows, from, to, calibrators);
  }

  #take({ smoothed, own }: JudgedRows, rows: Int32Array, from: number, to: number, detector: number): void {
    pick(smoothed, this.detectors * this.#lambdas, detector * this.#lambdas, rows, from, to);
    lay(own, this.detectors, detector, rows, from, to);
  }

  #one(
    { smoothed, own }: JudgedRows,
    rows: Int32Array,
    from: number,
    to: number,
    detector: number,
    calibrators: readonly Calibrator[],
  ): void {
    pick(smoothed, this.detectors, detector, rows, from, to);
    calibrators[detector]!.observeAll(scores, to - from);
    lay(own, this.detectors, detector, rows, from, to);
  }

  /** As `#one`, by the power mean over the smoothing constants, calibrated. */
  #mean(
    { smoothed, own }: JudgedRows,
    rows: Int32Array,
    from: number,
    to: number,
    detector: number,
    calibrators: readonly Calibrator[],
  ): void {
    const lambdas = this.#lambdas;
    const size = to - from;
    beginMean(size);
    for (let column = detector * lambdas; column < (detector + 1) * lambdas; column++) {
      pick(smoothed, this.detectors * lambdas, column, rows, from, to);
      calibrators[column]!.observeAll(scores, size);
      addToMean(size, 1);
    }
    endMean(size);
    calibrators[this.#perDetector + detector]!.observeAll(scores, size);
    lay(own, this.detectors, detector, rows, from, to);
  }

  /**
   * The causes are alternatives, so their odds add up, 1/p - 1 each, none where p is 1: a product of their p would say
   * that all are at work at once. One at p = 1e-6 outweighs three at 1e-4. In decades again, so that the tail which is
   * calibrated is exponential as those of its parts are.
   */
  #join(
    batch: JudgedRows,
    rows: Int32Array,
    from: number,
    to: number,
    calibrators: readonly Calibrator[],
  ): void {
    const { joined } = batch;
    const size = to - from;
    odds.fill(0, 0, size);
    for (let g = 0; g < this.#groups.length; g++) {
      const group = this.#groups[g]!;
      this.#group(batch.own, rows, from, to, group);
      if (group.calibration >= 0) calibrators[group.calibration]!.observeAll(scores, size);
      if (this.#final < 0) continue;
      const { nominal } = group;
      for (let i = 0; i < size; i++) {
        const surprise = scores[i]!;
        if (Number.isNaN(surprise)) continue;
        const counted =
          nominal || surprise < COUNTED ? surprise : COUNTED + Math.log10(1 + surprise - COUNTED);
        odds[i] = odds[i]! + (tenTo(counted) - 1);
      }
    }
    if (this.#final >= 0) {
      for (let i = 0; i < size; i++) scores[i] = log10(1 + odds[i]!);
      calibrators[this.#final]!.observeAll(scores, size);
    }
    // of detectors that all have no say nothing is surprising
    for (let i = 0; i < size; i++) joined[rows[from + i]!] = Number.isNaN(scores[i]!) ? 0 : scores[i]!;
  }

  /** The power mean of a group's surprises, or the one that there is, into `scores`; NaN where there is none. */
  #group(own: Float32Array, rows: Int32Array, from: number, to: number, group: Group): void {
    const { members, weights, calibration } = group;
    if (calibration < 0) {
      pick(own, this.detectors, members[0]!, rows, from, to);
      return;
    }
    beginMean(to - from);
    for (let m = 0; m < members.length; m++) {
      pick(own, this.detectors, members[m]!, rows, from, to);
      addToMean(to - from, weights[m]!);
    }
    endMean(to - from);
  }
}

/** A column of rows[from, to), which are `width` numbers wide, to `scores`. */
function pick(
  values: Float32Array,
  width: number,
  column: number,
  rows: Int32Array,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) scores[i - from] = values[rows[i]! * width + column]!;
}

/** As `pick`, the other way. */
function lay(
  values: Float32Array,
  width: number,
  column: number,
  rows: Int32Array,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) values[rows[i]! * width + column] = scores[i - from]!;
}

/** Begins a power mean by row of what `scores` will hold, but for its root; NaN is passed over. */
function beginMean(size: number): void {
  sums.fill(0, 0, size);
  present.fill(0, 0, size);
}

function addToMean(size: number, weight: number): void {
  for (let i = 0; i < size; i++) {
    const surprise = scores[i]!;
    if (Number.isNaN(surprise)) continue;
    sums[i] = sums[i]! + weight * power(surprise);
    present[i] = present[i]! + weight;
  }
}

/** The mean into `scores`; NaN where there was nothing. */
function endMean(size: number): void {
  for (let i = 0; i < size; i++) scores[i] = sums[i]! / present[i]!;
}
