import type { TrainingProgress, TrainingSet, Weights } from '../contract.js';
import type { Tf } from '../detectors/tensor-io.js';
import { vectorTimes } from '../linear/matrix.js';
import { ResidualStretches, type Whitening } from '../linear/whitening.js';
import { AdamW } from './adamw.js';
import type { TrainingResult } from './autoencoder.js';
import type { CurvePoint } from './curve.js';
import { type PlantedValue, plantedScores, plantValues, SHARES, weighed } from './evidence.js';
import { depths, gapInRows, previousRows, timeFolds, timeOrder, trimmed } from './order.js';
import { Random } from './random.js';
import { Filler } from './sequence-filler.js';
import { type Autoregression, autoregression, knownOf, outputFor, SequenceRows } from './sequence-linear.js';
import { SequenceNetwork, type SequenceParameters, sequenceStart } from './sequence-network.js';
import { standardOf } from './windows.js';

export interface SequenceHyper {
  readonly hidden?: number;
  /** events of the entity that the autoregression looks back on: 1 or 2 */
  readonly lags?: 1 | 2;
  /** ridge penalty of the autoregression, in parts of the number of rows; without it chosen by the number of rows */
  readonly ridge?: number;
  readonly rate?: number;
  readonly decay?: number;
  readonly epochs?: number;
  readonly patience?: number;
  /** at most this part of the rows is left out as contaminated */
  readonly trim?: number;
  /** multiply-adds that training may take */
  readonly work?: number;
  /** sets up to this size are scored by five refits out of fold, larger ones on the last fifth of the time */
  readonly foldRows?: number;
}

type Settings = Required<Omit<SequenceHyper, 'ridge'>> & { ridge: number | undefined };

interface Fit {
  readonly rows: SequenceRows;
  readonly linear: Autoregression;
  readonly network: SequenceParameters;
  readonly whitening: Whitening;
  readonly kept: Int32Array;
  readonly figures: Record<string, number>;
  readonly curve: readonly CurvePoint[];
}

const CHUNK = 1024;

/** Trains the sequence model; small and large sets are judged as the autoencoder's are. */
export function trainSequence(
  set: TrainingSet,
  hyper: SequenceHyper,
  seed: number,
  progress: TrainingProgress,
  tf: Tf,
): TrainingResult {
  const settings: Settings = {
    hidden: 32,
    lags: 2,
    rate: 2e-3,
    decay: 1e-3,
    epochs: 40,
    patience: 8,
    trim: 0.01,
    work: 1e11,
    foldRows: 5000,
    ridge: undefined,
    ...hyper,
  };
  const order = timeOrder(set);
  const trainer = new Trainer(set, settings, seed, progress, tf);
  const usable = trainer.usable(order);
  if (usable.length < 20)
    throw new RangeError(
      `the sequence model needs at least 20 rows to learn from and was given ${usable.length}: record a longer stretch`,
    );
  const gap = gapInRows(set, usable.length, 5);
  const small = usable.length <= settings.foldRows;
  const folds = small ? timeFolds(usable, 5, gap) : timeFolds(usable, 5, gap).slice(4);
  // of a small set the final fit comes first: what share of the network it takes holds for the folds that calibrate it
  const whole = small ? trainer.fit(usable, gap, 'sequence model') : undefined;
  const held = folds.map((fold, f) => {
    const label = small ? `sequence model, fold ${f + 1} of 5` : 'sequence model';
    const fit = trainer.fit(fold.fit, gap, label, undefined, whole?.figures['share']);
    return { fit, rows: fold.judge, scores: trainer.scores(fit, fold.judge) };
  });
  const final = whole ?? trainer.fit(usable, gap, 'sequence model', held[0]!.fit);
  const kept = new Set(final.kept);
  return {
    weights: packed(final, settings.hidden),
    scores: Float32Array.from(held.flatMap(({ scores }) => Array.from(scores))),
    rows: Int32Array.from(held.flatMap(({ rows }) => Array.from(rows))),
    trimmed: usable.filter((row) => !kept.has(row)),
    figures: { ...(small ? {} : held[0]!.fit.figures), ...final.figures, rows: usable.length },
    curve: small ? final.curve : held[0]!.fit.curve,
  };
}

class Trainer {
  private readonly previous: Int32Array;
  private readonly depth: Uint8Array;
  /** rows by entity, in order within each */
  private readonly byEntity: Int32Array;
  private readonly starts: Int32Array;

  constructor(
    private readonly set: TrainingSet,
    private readonly settings: Settings,
    private readonly seed: number,
    private readonly progress: TrainingProgress,
    private readonly tf: Tf,
  ) {
    this.previous = previousRows(set);
    this.depth = depths(this.previous, 2);
    const { byEntity, starts } = grouped(set);
    this.byEntity = byEntity;
    this.starts = starts;
  }

  /** rows with two before them, unless too few are: then all */
  usable(order: Int32Array): Int32Array {
    const whole = order.filter((row) => this.depth[row] === 2);
    return whole.length >= 0.9 * order.length ? whole : order;
  }

  fit(chosen: Int32Array, gap: number, label: string, ready?: Fit, share?: number): Fit {
    const first = this.linear(chosen, gap, ready);
    const kept = trimmed(chosen, this.scores(first, chosen), this.settings.trim);
    const linear = kept.length < chosen.length ? this.linear(kept, gap, ready) : first;
    if (ready)
      return { ...linear, kept, figures: { ...linear.figures, trimmed: chosen.length - kept.length } };
    const { network, figures, curve } = this.train(linear, kept, gap, label);
    const common = { ...figures, trimmed: chosen.length - kept.length };
    const part = (of: number): Fit => {
      if (of === 0) return { ...linear, curve };
      const fit = { ...linear, network: between(linear.network, network, of), curve };
      return { ...fit, whitening: this.stretches(fit, kept, gap).whitening() };
    };
    if (share !== undefined) return { ...part(share), kept, figures: { ...common, share } };
    // a network that never beat the autoregression is still at its start
    const evidence = this.weigh(part, kept, figures.epochs === 0 ? [0] : SHARES);
    return { ...evidence.fit, kept, figures: { ...common, ...evidence.figures } };
  }

  /** Decides by planted faults in the held-out stretch how much of the network is used. */
  private weigh(part: (share: number) => Fit, kept: Int32Array, shares: readonly number[]) {
    const held = kept.slice(Math.floor(kept.length * 0.8));
    const rounds = plantValues(this.set, held, new Random(this.seed));
    const scores = (fit: Fit) => plantedScores(rounds, (rows, planted) => this.scores(fit, rows, planted));
    return weighed(part, scores, shares);
  }

  /** @param planted faults in the chosen rows, one each; what the rows after them remember stays as it was */
  scores(fit: Fit, chosen: Int32Array, planted?: readonly PlantedValue[]): Float32Array {
    const d = this.set.features;
    const out = new Float32Array(chosen.length);
    const { mean, matrix } = fit.whitening;
    const shift = vectorTimes(mean, matrix);
    const score = (errors: Float32Array, at: number, place: number) => {
      const u = vectorTimes(errors.subarray(at, at + d), matrix);
      let sum = 0;
      for (let i = 0; i < d; i++) sum += (u[i]! - shift[i]!) ** 2;
      out[place] = sum / d;
    };
    this.eachError(fit, chosen, score, planted);
    return out;
  }

  /** autoregression and whitening; with a network that is ready they are fitted around it */
  private linear(chosen: Int32Array, gap: number, ready: Fit | undefined): Fit {
    const { set, settings } = this;
    const standard = ready?.rows.standard ?? standardOf(set, chosen);
    const known = ready?.rows.known ?? knownOf(set, chosen, standard);
    const rows = new SequenceRows(set, this.previous, this.depth, standard, known, settings.lags);
    const linear = ready?.linear ?? autoregression(rows, chosen, settings.ridge);
    const network = ready?.network ?? this.start(linear, rows);
    const fit = { rows, linear, network, kept: chosen, figures: {}, curve: [] };
    return { ...fit, whitening: this.stretches(fit, chosen, gap).whitening() };
  }

  private start({ young }: Autoregression, rows: SequenceRows): SequenceParameters {
    const d = this.set.features;
    const parameters = sequenceStart(this.shape(rows), new Random(this.seed));
    const readout = parameters[2];
    for (const age of [0, 1] as const) {
      const at = rows.known.flag(age) * 2 * d;
      for (let j = 0; j < d; j++) {
        readout[at + j] = young[age].shift[j]!;
        readout[at + d + j] = outputFor(young[age].sharpness[j]!);
      }
    }
    return parameters;
  }

  private shape(rows: SequenceRows) {
    return { features: this.set.features, known: rows.known.size, hidden: this.settings.hidden };
  }

  private stretches(fit: Omit<Fit, 'whitening'>, chosen: Int32Array, gap: number): ResidualStretches {
    const stretches = new ResidualStretches(this.set.features);
    this.eachError(fit, chosen, (errors, at, place) => stretches.add(errors, at, place, chosen.length, gap));
    return stretches;
  }

  /** Runs every entity's sequence through the model; visits the chosen rows with their place in the list. */
  private eachError(
    fit: Omit<Fit, 'whitening'>,
    chosen: Int32Array,
    visit: (errors: Float32Array, at: number, place: number) => void,
    planted?: readonly PlantedValue[],
  ): void {
    const d = this.set.features;
    const places = new Int32Array(this.set.rows).fill(-1);
    chosen.forEach((row, place) => {
      places[row] = place;
    });
    const net = new SequenceNetwork(this.tf, this.shape(fit.rows), CHUNK);
    const filler = new Filler(fit, net);
    const h = new Float32Array(this.settings.hidden);
    for (let from = 0; from < this.byEntity.length; from += CHUNK) {
      const part = this.byEntity.subarray(from, from + CHUNK);
      part.forEach((row, i) => {
        filler.fill(i, row, false);
        const fault = planted?.[places[row]!];
        if (fault) filler.plant(i, fault);
      });
      net.forward(fit.network, part.length, 1, h);
      part.forEach((row, i) => {
        if (places[row]! >= 0) visit(net.errors, i * d, places[row]!);
      });
    }
  }

  private train(fit: Fit, chosen: Int32Array, gap: number, label: string) {
    const { settings, set } = this;
    const shape = this.shape(fit.rows);
    const random = new Random(this.seed + 1);
    const use = new Uint8Array(set.rows);
    const cut = Math.floor(chosen.length * 0.8);
    for (let i = 0; i < cut - gap; i++) use[chosen[i]!] = LEARN;
    for (let i = cut; i < chosen.length; i++) use[chosen[i]!] = HOLD;
    const width = shape.features + shape.known;
    const perRow = 6 * shape.hidden * (width + shape.features + shape.known) + 3 * shape.features * width;
    const most = Math.max(2000, Math.floor(settings.work / (perRow * settings.epochs * 1.4)));
    const steps = Math.min(chosen.length, most) < 5000 ? 16 : 32;
    const lanes = Math.min(64, Math.max(4, Math.round(Math.min(chosen.length, most) / (steps * 16))));
    const net = new SequenceNetwork(this.tf, shape, Math.max(steps * lanes, CHUNK));
    const filler = new Filler(fit, net);
    const parameters = fit.network.map((values) => values.slice()) as unknown as SequenceParameters;
    const gradients = parameters.map(
      (values) => new Float32Array(values.length),
    ) as unknown as SequenceParameters;
    const optimizer = new AdamW(parameters, settings.rate, settings.decay);
    const judged = this.someEntities(random, Math.ceil(most * 0.4));
    const startLoss = this.run(net, filler, parameters, judged, use, HOLD, CHUNK, 1, () => {});
    const first = this.run(net, filler, parameters, judged, use, LEARN, CHUNK, 1, () => {});
    const curve = [{ epoch: 0, learned: first, heldOut: startLoss }];
    let best = { loss: startLoss, epoch: 0, network: fit.network };
    for (let epoch = 1; epoch <= settings.epochs && epoch - best.epoch <= settings.patience; epoch++) {
      const stream = this.someEntities(random, most);
      const learned = this.run(
        net,
        filler,
        parameters,
        stream,
        use,
        LEARN,
        steps,
        lanes,
        (length, numbers) => {
          net.backward(parameters, length, lanes, numbers, gradients);
          optimizer.step(gradients);
        },
      );
      const loss = this.run(net, filler, parameters, judged, use, HOLD, CHUNK, 1, () => {});
      curve.push({ epoch, learned, heldOut: loss });
      this.progress(label, epoch, settings.epochs, {
        loss: learned,
        heldOutLoss: loss,
        linearLoss: startLoss,
      });
      if (loss < best.loss - 1e-5)
        best = {
          loss,
          epoch,
          network: parameters.map((values) => values.slice()) as unknown as SequenceParameters,
        };
    }
    return {
      network: best.network,
      figures: { epochs: best.epoch, heldOutLoss: best.loss, linearLoss: startLoss },
      curve,
    };
  }

  /** whole entities in a random order, up to about `most` rows */
  private someEntities(random: Random, most: number): Int32Array {
    const { starts, byEntity } = this;
    const entities = Int32Array.from({ length: starts.length - 1 }, (_, i) => i);
    random.shuffle(entities);
    const out = new Int32Array(Math.min(byEntity.length, most));
    let at = 0;
    for (const entity of entities) {
      const rows = byEntity.subarray(starts[entity]!, starts[entity + 1]!);
      const part = rows.length > out.length - at ? rows.subarray(rows.length - (out.length - at)) : rows;
      out.set(part, at);
      at += part.length;
      if (at === out.length) break;
    }
    return out;
  }

  /** The stream cut into lanes side by side, chunk after chunk with h carried; returns the mean loss. */
  private run(
    net: SequenceNetwork,
    filler: Filler,
    parameters: SequenceParameters,
    stream: Int32Array,
    use: Uint8Array,
    counting: number,
    steps: number,
    lanes: number,
    learn: (length: number, numbers: number) => void,
  ): number {
    const laneLength = Math.ceil(stream.length / lanes);
    const h = new Float32Array(lanes * this.settings.hidden);
    let loss = 0;
    let numbers = 0;
    for (let from = 0; from < laneLength; from += steps) {
      const length = Math.min(steps, laneLength - from);
      for (let t = 0; t < length; t++)
        for (let lane = 0; lane < lanes; lane++) {
          const row = stream[lane * laneLength + from + t];
          filler.fill(t * lanes + lane, row ?? -1, row !== undefined && use[row] === counting);
        }
      const part = net.forward(parameters, length, lanes, h);
      loss += part.loss;
      numbers += part.numbers;
      if (part.numbers > 0) learn(length, part.numbers);
    }
    return loss / Math.max(numbers, 1);
  }
}

/** a network whose readout lies between its start, which is linear, and what it learned */
function between(start: SequenceParameters, learned: SequenceParameters, share: number): SequenceParameters {
  return learned.map((values, layer) =>
    layer < 2 ? values : values.map((value, i) => start[layer]![i]! + share * (value - start[layer]![i]!)),
  ) as unknown as SequenceParameters;
}

const LEARN = 1;
const HOLD = 2;

function grouped(set: TrainingSet): { byEntity: Int32Array; starts: Int32Array } {
  const entities = set.entities.reduce((most, entity) => Math.max(most, entity + 1), 0);
  const starts = new Int32Array(entities + 1);
  for (let i = 0; i < set.rows; i++) starts[set.entities[i]! + 1]!++;
  for (let e = 0; e < entities; e++) starts[e + 1]! += starts[e]!;
  const next = starts.slice();
  const byEntity = new Int32Array(set.rows);
  for (let i = 0; i < set.rows; i++) byEntity[next[set.entities[i]!]!++] = i;
  return { byEntity, starts };
}

function packed(fit: Fit, hidden: number): Weights {
  const { rows, linear, network, whitening } = fit;
  const d = rows.set.features;
  const k = rows.known.size;
  const floats = (data: ArrayLike<number>, ...shape: number[]) => ({ shape, data: Float32Array.from(data) });
  const perSpread = (data: Float64Array) => data.map((value, i) => value / linear.spread[i % d]!);
  const centre = vectorTimes(whitening.mean, whitening.matrix);
  return {
    ...rows.known.toWeights(),
    mean: floats(rows.standard.mean, d),
    deviation: floats(rows.standard.deviation, d),
    spread: floats(linear.spread, d),
    autoregression: floats(perSpread(linear.map.matrix.data), rows.pastSize, d),
    intercept: floats(perSpread(linear.map.intercept), d),
    gates: floats(network[0], d + k, 2 * hidden),
    gatesBias: floats(network[1], 2 * hidden),
    readout: floats(network[2], k + hidden, 2 * d),
    readoutBias: floats(network[3], 2 * d),
    white: floats(whitening.matrix.data, d, d),
    whiteOffset: floats(
      centre.map((value) => -value),
      d,
    ),
  };
}
