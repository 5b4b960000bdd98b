import type { Contribution, Detector, DetectorBatch, TrainingSet, Weights } from '../contract.js';
import type { FeatureInfo } from '../features/spec.js';
import { TailCalibration } from '../judging/tail.js';
import { fitTailPrior, TAIL_PRIOR_SIZE } from '../judging/tail-prior.js';
import { fitNormalTail, NORMAL_TAIL_SIZE, normalSurprise } from './normal-tail.js';
import { weight } from './weights.js';

/**
 * One number far beyond its normal tail is a sharper statement than what the joint models and the memory say of an
 * event, whose p is taken from training with its anomalies in it: it counts double among the causes.
 */
const EMPHASIS = 2;

/**
 * How far out in its own distribution each number of an event lies: the amount among all amounts of its domain,
 * and against the entity's habit. A joint model spreads what one number does over all its features; here the one
 * number speaks for itself. Score: the largest -log10 p over these features and both sides, p from the tail that
 * normal values have (normal-tail.ts), doubled. Where there were too few values for one, and in packages of before, p
 * is from the trained empirical distribution with a generalised Pareto tail. Where only what is high is a risk, what is
 * low says nothing: an amount of nearly nothing is as rare as one beyond all limits, and harms nobody. No state.
 */
export class Margins implements Detector {
  readonly name = 'margins';
  readonly group = 'margins';
  readonly stateSize = 0;
  readonly nominal: boolean;
  readonly emphasis: number;
  readonly #features: readonly number[];
  readonly #tails: readonly { readonly high: TailCalibration; readonly low: TailCalibration }[];
  /** rows x watched features, surprise, negative on the low side */
  #surprise = new Float32Array(0);

  private constructor(
    features: readonly number[],
    tails: readonly { high: TailCalibration; low: TailCalibration }[],
    /** by feature and side, NORMAL_TAIL_SIZE each, NaN where there is none */
    private readonly normal: Float32Array | undefined,
    private readonly onlyHigh: boolean,
  ) {
    this.nominal = normal !== undefined;
    this.emphasis = normal === undefined ? 1 : EMPHASIS;
    this.#features = features;
    this.#tails = tails;
  }

  static fromWeights(weights: Weights): Margins {
    const features = [...weight(weights, 'features', [null])];
    const priors = weight(weights, 'priors', [2 * features.length, TAIL_PRIOR_SIZE]);
    const tail = (i: number) =>
      new TailCalibration(priors.slice(i * TAIL_PRIOR_SIZE, (i + 1) * TAIL_PRIOR_SIZE));
    return new Margins(
      features,
      features.map((_, i) => ({ high: tail(2 * i), low: tail(2 * i + 1) })),
      weights.normal && weight(weights, 'normal', [2 * features.length, NORMAL_TAIL_SIZE]),
      weights.onlyHigh?.data[0] === 1,
    );
  }

  initState(): void {}

  score(batch: DetectorBatch, _state: unknown, out: Float32Array): void {
    const watched = this.#features.length;
    if (this.#surprise.length < batch.size * watched) this.#surprise = new Float32Array(batch.size * watched);
    for (let row = 0; row < batch.size; row++) {
      let most = 0;
      for (let i = 0; i < watched; i++) {
        const value = batch.x[row * batch.features + this.#features[i]!]!;
        const surprise = this.#surpriseOf(i, value);
        this.#surprise[row * watched + i] = value >= 0 ? surprise : -surprise;
        if (surprise > most) most = surprise;
      }
      out[row] = most;
    }
  }

  #surpriseOf(i: number, value: number): number {
    const side = value >= 0 ? 0 : 1;
    if (side === 1 && this.onlyHigh) return 0;
    const at = (2 * i + side) * NORMAL_TAIL_SIZE;
    if (this.normal !== undefined && !Number.isNaN(this.normal[at]!))
      return EMPHASIS * normalSurprise(this.normal, at, Math.abs(value));
    const tail = this.#tails[i]!;
    return side === 0 ? tail.high.surprise(value) : tail.low.surprise(-value);
  }

  explain(row: number, most: number): Contribution[] {
    const watched = this.#features.length;
    const found = this.#features.map((index, i) => ({ index, surprise: this.#surprise[row * watched + i]! }));
    const total = found.reduce((sum, { surprise }) => sum + Math.abs(surprise), 0);
    if (!(total > 0)) return [];
    return found
      .sort((a, b) => Math.abs(b.surprise) - Math.abs(a.surprise) || a.index - b.index)
      .slice(0, most)
      .map(({ index, surprise }) => ({
        index,
        space: 'feature',
        share: Math.abs(surprise) / total,
        expected: 0,
        direction: surprise >= 0 ? 'high' : 'low',
      }));
  }

  dispose(): void {}
}

/**
 * The features that speak for themselves: numbers, and their ratio to the entity's habit. The deviation in the entity's
 * own spreads says the same less well, since an entity's spread is known from few events.
 */
export function marginFeatures(features: readonly FeatureInfo[]): number[] {
  return features.flatMap(({ kind }, index) => (kind === 'value' || kind === 'ratio' ? [index] : []));
}

/**
 * Learns the distributions, and the raw scores of the last fifth of the rows from the ones before it.
 * @param without rows that other fits left out as contaminated: a few frauds make the tail of all amounts
 * @throws RangeError when there is no feature to watch
 */
export function trainMargins(
  set: TrainingSet,
  features: readonly FeatureInfo[],
  without: ReadonlySet<number>,
  { side }: { readonly side?: 'high' } = {},
): {
  weights: Weights;
  scores: Float32Array;
  rows: Int32Array;
  trimmed: Int32Array;
  figures: Record<string, number>;
} {
  const watched = marginFeatures(features);
  if (watched.length === 0)
    throw new RangeError('margins watch numbers, and the pipeline declares none; leave the detector out');
  const judged = Math.floor(set.rows * 0.8);
  const sided: Weights = side === 'high' ? { onlyHigh: { shape: [1], data: Float32Array.of(1) } } : {};
  const held = { ...weightsFrom(set, watched, judged, without), ...sided };
  const rows = Int32Array.from({ length: set.rows - judged }, (_, i) => judged + i);
  const scores = new Float32Array(rows.length);
  const detector = Margins.fromWeights(held);
  const x = set.x.subarray(judged * set.features, set.rows * set.features);
  detector.score({ ...set, x, size: rows.length, slots: set.entities }, undefined, scores);
  return {
    weights: { ...weightsFrom(set, watched, set.rows, without), ...sided },
    scores,
    rows,
    trimmed: new Int32Array(0),
    figures: { features: watched.length },
  };
}

function weightsFrom(
  set: TrainingSet,
  watched: readonly number[],
  rows: number,
  without: ReadonlySet<number>,
): Weights {
  const priors = new Float32Array(2 * watched.length * TAIL_PRIOR_SIZE);
  const normal = new Float32Array(2 * watched.length * NORMAL_TAIL_SIZE).fill(Number.NaN);
  const side = new Float32Array(rows);
  watched.forEach((feature, i) => {
    for (const [s, sign] of [
      [0, 1],
      [1, -1],
    ] as const) {
      for (let row = 0; row < rows; row++)
        side[row] = without.has(row) ? Number.NaN : Math.max(0, sign * set.x[row * set.features + feature]!);
      priors.set(fitTailPrior(side), (2 * i + s) * TAIL_PRIOR_SIZE);
      normal.set(fitNormalTail(side) ?? [], (2 * i + s) * NORMAL_TAIL_SIZE);
    }
  });
  return {
    features: { shape: [watched.length], data: Float32Array.from(watched) },
    priors: { shape: [2 * watched.length, TAIL_PRIOR_SIZE], data: priors },
    normal: { shape: [2 * watched.length, NORMAL_TAIL_SIZE], data: normal },
  };
}
