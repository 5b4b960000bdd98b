import type { TrainingProgress, TrainingSet, Weights } from '../contract.js';
import type { Tf } from '../detectors/tensor-io.js';
import { symmetricEigen } from '../linear/eigen.js';
import { type Matrix, multiply, scale, vectorTimes, zeros } from '../linear/matrix.js';
import { ResidualStretches, type Whitening } from '../linear/whitening.js';
import { AdamW } from './adamw.js';
import type { CurvePoint } from './curve.js';
import { type DenoiserParameters, denoise, denoiserGradients, denoiserStart } from './denoiser.js';
import { type PlantedValue, plantedScores, plantValues, SHARES, weighed } from './evidence.js';
import { gapInRows, timeFolds, timeOrder, trimmed } from './order.js';
import { Random } from './random.js';
import { type Standard, standardOf, Windows } from './windows.js';

export interface AutoencoderHyper {
  /** rows of the entity in a window, the newest included */
  readonly window: number;
  /** sizes of the wide and the narrow layer */
  readonly hidden?: readonly [number, number];
  /** principal components that the linear skip carries */
  readonly components?: number;
  readonly noise?: number;
  readonly rate?: number;
  readonly decay?: number;
  readonly batch?: number;
  readonly epochs?: number;
  readonly patience?: number;
  /** at most this part of the rows is left out as contaminated */
  readonly trim?: number;
  /** multiply-adds that training may take; bounds epochs and rows in a way that a clock wouldn't repeat */
  readonly work?: number;
  /** sets up to this size are scored by five refits out of fold, larger ones on the last fifth of the time */
  readonly foldRows?: number;
}

export interface TrainingResult {
  readonly weights: Weights;
  /** raw scores of rows that their fit had not seen, to calibrate on, and which rows these are, in time order */
  readonly scores: Float32Array;
  readonly rows: Int32Array;
  /** rows left out as contaminated */
  readonly trimmed: Int32Array;
  readonly figures: Record<string, number>;
  /** of a network: the losses by epoch */
  readonly curve?: readonly CurvePoint[];
}

type Settings = Required<AutoencoderHyper>;

interface Fit {
  readonly standard: Standard;
  /** projector on what the linear skip does not carry */
  readonly minor: Matrix;
  readonly network: DenoiserParameters;
  readonly whitening: Whitening;
  readonly kept: Int32Array;
  readonly figures: Record<string, number>;
  readonly curve: readonly CurvePoint[];
}

const CHUNK = 1024;
/** rows that a loss is measured on, at most */
const MOST_JUDGED = 20_000;

export function autoencoderSettings(
  set: Pick<TrainingSet, 'features' | 'rows'>,
  hyper: AutoencoderHyper,
): Settings {
  const dim = hyper.window * set.features;
  return {
    hidden: [Math.min(32, Math.max(16, set.features)), 8],
    components: Math.min(set.features, Math.max(1, Math.round(dim / 3))),
    noise: 0.2,
    rate: 1e-3,
    decay: 1e-3,
    batch: set.rows > 20_000 ? 256 : 64,
    epochs: 60,
    patience: 10,
    trim: 0.01,
    work: 1e11,
    foldRows: 5000,
    ...hyper,
  };
}

/**
 * Trains the autoencoder. Small sets: one fit on everything, and five on four fifths each, which score the fifth
 * that they have not seen. Large sets: a fit on the first four fifths in time scores the last one; the final one
 * is that fit, its whitening made anew from everything.
 */
export function trainAutoencoder(
  set: TrainingSet,
  hyper: AutoencoderHyper,
  seed: number,
  progress: TrainingProgress,
  tf: Tf,
): TrainingResult {
  const settings = autoencoderSettings(set, hyper);
  const windows = new Windows(set, settings.window);
  const order = timeOrder(set);
  const usable = windows.complete(order);
  if (usable.length < 20)
    throw new RangeError(
      `the autoencoder needs at least 20 rows to learn from and was given ${usable.length}: record a longer stretch`,
    );
  const gap = gapInRows(set, usable.length, Math.max(5, settings.window));
  const trainer = new Trainer(windows, settings, gap, seed, progress, tf);
  const small = usable.length <= settings.foldRows;
  const folds = small ? timeFolds(usable, 5, gap) : timeFolds(usable, 5, gap).slice(4);
  // of a small set the final fit comes first: what share of the network it takes holds for the folds that calibrate it
  const whole = small ? trainer.fit(usable, 'autoencoder') : undefined;
  const held = folds.map((fold, f) => {
    const label = small ? `autoencoder, fold ${f + 1} of 5` : 'autoencoder';
    const fit = trainer.fit(fold.fit, label, undefined, whole?.figures['share']);
    return { fit, rows: fold.judge, scores: trainer.scores(fit, fold.judge) };
  });
  const final = whole ?? trainer.fit(usable, 'autoencoder', held[0]!.fit);
  const kept = new Set(final.kept);
  return {
    weights: folded(final, settings),
    scores: Float32Array.from(held.flatMap(({ scores }) => Array.from(scores))),
    rows: Int32Array.from(held.flatMap(({ rows }) => Array.from(rows))),
    trimmed: usable.filter((row) => !kept.has(row)),
    figures: { ...(small ? {} : held[0]!.fit.figures), ...final.figures, rows: usable.length },
    curve: final.curve,
  };
}

class Trainer {
  private readonly chunk: Float32Array;
  private readonly output: Float32Array;

  constructor(
    private readonly windows: Windows,
    private readonly settings: Settings,
    private readonly gap: number,
    private readonly seed: number,
    private readonly progress: TrainingProgress,
    private readonly tf: Tf,
  ) {
    this.chunk = new Float32Array(CHUNK * windows.dim);
    this.output = new Float32Array(CHUNK * windows.dim);
  }

  /**
   * Linear parts, trimmed of the rows that they find absurd and fitted again; then the network; then the whitening
   * of both. What is ready already keeps all but its whitening.
   */
  fit(rows: Int32Array, label: string, ready?: Fit, share?: number): Fit {
    const first = ready ?? this.linear(rows);
    const kept = trimmed(rows, this.scores(first, rows), this.settings.trim);
    const dropped = { trimmed: rows.length - kept.length };
    if (ready)
      return { ...ready, whitening: this.residuals(ready, kept).whitening(), kept, figures: dropped };
    const linear = kept.length < rows.length ? this.linear(kept) : first;
    const { network, figures, curve } = this.train(linear, kept, new Random(this.seed), label);
    const common = { ...figures, dim: this.windows.dim, ...dropped };
    const part = (of: number): Fit => {
      const fit = { ...linear, network: scaled(network, of), curve };
      return of === 0 ? fit : { ...fit, whitening: this.residuals(fit, kept).whitening() };
    };
    if (share !== undefined) return { ...part(share), kept, figures: { ...common, share } };
    // a network that never beat the linear skip is still at zero
    const evidence = this.weigh(part, kept, figures.epochs === 0 ? [0] : SHARES);
    return { ...evidence.fit, kept, figures: { ...common, ...evidence.figures } };
  }

  /** Decides by planted faults in the held-out stretch how much of the network is used. */
  private weigh(part: (share: number) => Fit, kept: Int32Array, shares: readonly number[]) {
    const held = kept.slice(Math.floor(kept.length * 0.8));
    const rounds = plantValues(this.windows.set, held, new Random(this.seed));
    const scores = (fit: Fit) => plantedScores(rounds, (rows, planted) => this.scores(fit, rows, planted));
    return weighed(part, scores, shares);
  }

  /** @param planted faults in the rows, one each */
  scores(fit: Fit, rows: Int32Array, planted?: readonly PlantedValue[]): Float32Array {
    const { dim } = this.windows;
    const out = new Float32Array(rows.length);
    const { mean, matrix } = fit.whitening;
    const shift = vectorTimes(mean, matrix);
    const score = (residual: Float32Array, at: number, place: number) => {
      const u = vectorTimes(residual.subarray(at, at + dim), matrix);
      let sum = 0;
      for (let i = 0; i < dim; i++) sum += (u[i]! - shift[i]!) ** 2;
      out[place] = sum / dim;
    };
    this.eachResidual(fit, rows, score, planted);
    return out;
  }

  private linear(rows: Int32Array): Fit {
    const { dim, set } = this.windows;
    const standard = standardOf(set, rows);
    const base = { standard, minor: zeros(dim, dim), network: [], kept: rows, figures: {}, curve: [] };
    // without a network the residual is the window itself, so its moments serve the components and the whitening
    const stretches = this.residuals(base, rows);
    const { vectors } = symmetricEigen(stretches.total().covariance());
    const minor = zeros(dim, dim);
    for (let i = 0; i < dim; i++)
      for (let j = 0; j < dim; j++) {
        let sum = i === j ? 1 : 0;
        for (let c = 0; c < this.settings.components; c++)
          sum -= vectors.data[i * dim + c]! * vectors.data[j * dim + c]!;
        minor.data[i * dim + j] = sum;
      }
    return { ...base, minor, whitening: stretches.whitening() };
  }

  private residuals(fit: Omit<Fit, 'whitening'>, rows: Int32Array): ResidualStretches {
    const { dim } = this.windows;
    const stretches = new ResidualStretches(dim);
    // a covariance needs no more rows than this to be exact to a per mille; evenly spread over the time
    const step = Math.max(1, Math.ceil((rows.length * dim * dim) / 4e9));
    const taken = step === 1 ? rows : rows.filter((_, place) => place % step === 0);
    const gap = Math.ceil(this.gap / step);
    this.eachResidual(fit, taken, (residual, at, place) =>
      stretches.add(residual, at, place, taken.length, gap),
    );
    return stretches;
  }

  private eachResidual(
    fit: Omit<Fit, 'whitening'>,
    rows: Int32Array,
    visit: (residual: Float32Array, at: number, place: number) => void,
    planted?: readonly PlantedValue[],
  ): void {
    const { dim } = this.windows;
    const { chunk, output } = this;
    const shape = this.shape();
    const last = fit.network.length === 0 ? null : projected(fit, shape.wide);
    for (let from = 0; from < rows.length; from += CHUNK) {
      const count = Math.min(CHUNK, rows.length - from);
      for (let i = 0; i < count; i++) {
        this.windows.write(rows[from + i]!, fit.standard, chunk, i * dim);
        const fault = planted?.[from + i];
        if (fault)
          chunk[i * dim + fault.feature] = this.windows.value(fault.from, fault.feature, fit.standard);
      }
      if (last) {
        denoise(this.tf, shape, last, chunk, count, output);
        for (let i = 0; i < count * dim; i++) chunk[i]! -= output[i]!;
      }
      for (let i = 0; i < count; i++) visit(chunk, i * dim, from + i);
    }
  }

  private shape() {
    const [wide, narrow] = this.settings.hidden;
    return { dim: this.windows.dim, wide, narrow };
  }

  /** The network learns what the minor components of the clean window are, from the window with noise. */
  private train(fit: Fit, rows: Int32Array, random: Random, label: string) {
    const { settings, windows, tf } = this;
    const { dim } = windows;
    const shape = this.shape();
    const cut = Math.floor(rows.length * 0.8);
    const perRow = 6 * shape.wide * (dim + shape.narrow);
    const epochRows = Math.min(
      cut,
      Math.max(settings.batch, Math.floor(settings.work / (perRow * settings.epochs))),
    );
    const learn = rows.slice(0, Math.max(1, cut - this.gap));
    const later = rows.slice(cut);
    const held = evenly(later, MOST_JUDGED);
    const told = evenly(learn, MOST_JUDGED);
    const parameters = denoiserStart(shape, random);
    const gradients = parameters.map((values) => new Float32Array(values.length));
    const optimizer = new AdamW(parameters, settings.rate, settings.decay);
    const x = new Float32Array(settings.batch * dim);
    const target = new Float32Array(settings.batch * dim);
    const linearLoss = this.loss(fit, [], held);
    const curve = [{ epoch: 0, learned: this.loss(fit, [], told), heldOut: linearLoss }];
    let best = { loss: linearLoss, epoch: 0, parameters: parameters.map((values) => values.slice()) };
    for (let epoch = 1; epoch <= settings.epochs && epoch - best.epoch <= settings.patience; epoch++) {
      random.shuffle(learn);
      for (let from = 0; from < Math.min(epochRows, learn.length); from += settings.batch) {
        const count = Math.min(settings.batch, learn.length - from);
        for (let i = 0; i < count; i++) windows.write(learn[from + i]!, fit.standard, x, i * dim);
        this.minorOf(fit, x, count, target);
        for (let i = 0; i < count; i++) random.addNoise(x, i * dim, (i + 1) * dim, settings.noise);
        denoiserGradients(tf, shape, parameters, x, target, count, gradients);
        optimizer.step(gradients);
      }
      const loss = this.loss(fit, parameters, held);
      const learned = this.loss(fit, parameters, told);
      curve.push({ epoch, learned, heldOut: loss });
      this.progress(label, epoch, settings.epochs, { loss: learned, heldOutLoss: loss, linearLoss });
      if (loss < best.loss * (1 - 1e-4))
        best = { loss, epoch, parameters: parameters.map((values) => values.slice()) };
    }
    const figures = { epochs: best.epoch, heldOutLoss: best.loss, linearLoss };
    return { network: best.parameters, figures, curve };
  }

  /** mean square of what linear skip and network leave over, on clean rows */
  private loss(fit: Fit, network: DenoiserParameters, rows: Int32Array): number {
    const { dim } = this.windows;
    const error = new Float32Array(CHUNK * dim);
    let sum = 0;
    for (let from = 0; from < rows.length; from += CHUNK) {
      const part = rows.subarray(from, from + CHUNK);
      for (let i = 0; i < part.length; i++) this.windows.write(part[i]!, fit.standard, this.chunk, i * dim);
      this.minorOf(fit, this.chunk, part.length, error);
      if (network.length > 0) denoise(this.tf, this.shape(), network, this.chunk, part.length, this.output);
      for (let i = 0; i < part.length * dim; i++)
        sum += (error[i]! - (network.length > 0 ? this.output[i]! : 0)) ** 2;
    }
    return sum / (Math.max(rows.length, 1) * dim);
  }

  private minorOf(fit: Fit, x: Float32Array, rows: number, out: Float32Array): void {
    const { tf } = this;
    const { dim } = this.windows;
    const result = tf.tidy(() =>
      tf.matMul(
        tf.tensor2d(x.subarray(0, rows * dim), [rows, dim]),
        tf.tensor2d(Float32Array.from(fit.minor.data), [dim, dim]),
      ),
    );
    out.set(result.dataSync().subarray(0, rows * dim));
    result.dispose();
  }
}

/** at most so many of the rows, evenly spread over them */
function evenly(rows: Int32Array, most: number): Int32Array {
  const step = Math.ceil(rows.length / Math.max(1, Math.min(rows.length, most)));
  return rows.filter((_, place) => place % step === 0);
}

/** the network with its output at a share of its weight */
function scaled(network: DenoiserParameters, share: number): DenoiserParameters {
  return network.map((values, layer) => (layer < 6 ? values : values.map((value) => share * value)));
}

/** the network with its output confined to the minor components */
function projected(fit: Omit<Fit, 'whitening'>, wide: number): DenoiserParameters {
  const dim = fit.minor.rows;
  const last: Matrix = { rows: wide, cols: dim, data: Float64Array.from(fit.network[6]!) };
  return [
    ...fit.network.slice(0, 6),
    Float32Array.from(multiply(last, fit.minor).data),
    Float32Array.from(vectorTimes(fit.network[7]!, fit.minor)),
  ];
}

/** Folds standardisation, projector and whitening into the matrices that scoring multiplies with. */
function folded(fit: Fit, settings: Settings): Weights {
  const { mean, deviation } = fit.standard;
  const dim = fit.minor.rows;
  const [wide, narrow] = settings.hidden;
  const shift = Float64Array.from({ length: dim }, (_, i) => mean[i % mean.length]!);
  const toUnit = Float64Array.from({ length: dim }, (_, i) => 1 / deviation[i % mean.length]!);
  const network = projected(fit, wide);
  const white = scale(fit.whitening.matrix, toUnit, null);
  const w1 = scale({ rows: dim, cols: wide, data: Float64Array.from(network[0]!) }, toUnit, null);
  const atMean = vectorTimes(shift, white);
  const centre = vectorTimes(fit.whitening.mean, fit.whitening.matrix);
  const constant = vectorTimes(network[7]!, fit.whitening.matrix);
  const first = vectorTimes(shift, w1);
  const floats = (data: ArrayLike<number>, ...shape: number[]) => ({ shape, data: Float32Array.from(data) });
  return {
    mean: floats(mean, mean.length),
    deviation: floats(deviation, mean.length),
    white: floats(white.data, dim, dim),
    offset: floats(
      centre.map((value, i) => -value - atMean[i]! - constant[i]!),
      dim,
    ),
    w1: floats(w1.data, dim, wide),
    b1: floats(
      network[1]!.map((value, i) => value - first[i]!),
      wide,
    ),
    w2: floats(network[2]!, wide, narrow),
    b2: floats(network[3]!, narrow),
    w3: floats(network[4]!, narrow, wide),
    b3: floats(network[5]!, wide),
    correction: floats(
      multiply({ rows: wide, cols: dim, data: Float64Array.from(network[6]!) }, fit.whitening.matrix).data,
      wide,
      dim,
    ),
  };
}
