import type { TrainingProgress, Weights } from '../../contract.js';
import { INPUTS, NARROWEST, WIDEST } from '../../detectors/shared/forecaster.js';
import { COURSE_FLOATS, SensorCourse } from '../../detectors/shared/sensor-course.js';
import { AdamW } from '../adamw.js';
import type { CurvePoint } from '../curve.js';
import { Random } from '../random.js';
import { chooseBlend } from './blend.js';
import { type MadeSeries, madeSeries } from './series.js';

export interface BaseSettings {
  readonly series: number;
  readonly length: number;
  readonly hidden: number;
  readonly epochs: number;
}
export const BASE_SETTINGS: BaseSettings = { series: 420, length: 600, hidden: 16, epochs: 20 };

const BATCH = 256;
/** errors beyond this many spreads pull no harder */
const PULL = 5;
/** readings of each series that come too early to be typical */
const SETTLING = 30;
const RATE = 2e-3;
const DECAY = 1e-3;

interface Examples {
  readonly count: number;
  readonly inputs: Float32Array;
  readonly targets: Float32Array;
}

export interface TrainedBase {
  readonly weights: Weights;
  readonly curve: readonly CurvePoint[];
  readonly figures: Readonly<Record<string, number>>;
}

/** Learns the shared forecast on made-up series; every fifth is held out. The same settings and seed give the same weights. */
export function trainBase(settings: BaseSettings, seed: number, progress: TrainingProgress): TrainedBase {
  const series = madeSeries(seed, settings.series, settings.length);
  const held = examplesOf(series.filter((_, i) => i % 5 === 4));
  const learn = examplesOf(series.filter((_, i) => i % 5 !== 4));
  const random = new Random(seed);
  const { hidden } = settings;
  const parameters = [
    random.layer(INPUTS, hidden),
    new Float32Array(hidden),
    new Float32Array(2 * hidden),
    new Float32Array(2 * (INPUTS + 1)),
  ];
  const network = new Network(parameters, hidden);
  const linear = new Network(
    parameters.map((values, p) => (p === 3 ? values.slice() : new Float32Array(values.length))),
    hidden,
  );
  const linearLoss = learnFrom(
    linear,
    learn,
    held,
    settings.epochs,
    new Random(seed),
    [3],
    () => undefined,
  ).heldOut;
  const curve: CurvePoint[] = [{ epoch: 0, learned: network.loss(learn), heldOut: network.loss(held) }];
  const best = learnFrom(
    network,
    learn,
    held,
    settings.epochs,
    random,
    [0, 1, 2, 3],
    (epoch, learned, heldOut) => {
      curve.push({ epoch, learned, heldOut });
      progress('shared model', epoch, settings.epochs, { loss: learned, heldOutLoss: heldOut, linearLoss });
    },
  );
  const floats = (data: Float32Array, ...shape: number[]) => ({ shape, data });
  const forecast = {
    layer: floats(best.parameters[0]!, INPUTS, hidden),
    bias: floats(best.parameters[1]!, hidden),
    readout: floats(best.parameters[2]!, hidden, 2),
    linear: floats(best.parameters[3]!, INPUTS + 1, 2),
  };
  const { blend, figures } = chooseBlend(forecast, seed + 1, progress);
  return {
    weights: { ...forecast, blend: floats(Float32Array.of(blend), 1) },
    curve,
    figures: { examples: learn.count, epochs: best.epoch, heldOutLoss: best.heldOut, linearLoss, ...figures },
  };
}

function examplesOf(series: readonly MadeSeries[]): Examples {
  const inputs: number[] = [];
  const targets: number[] = [];
  const course = new SensorCourse(undefined);
  const state = new Float32Array(COURSE_FLOATS);
  for (const { values, gaps } of series) {
    course.init(state, 0);
    let usual = Math.log(60);
    values.forEach((value, i) => {
      const gap = Math.log(gaps[i]! + 0.001);
      course.observe(state, 0, value, i === 0 ? 0 : gap - usual);
      usual += (gap - usual) / Math.min(i + 1, 100);
      if (!course.ready || i < SETTLING) return;
      inputs.push(...course.inputs);
      targets.push(course.target);
    });
  }
  return { count: targets.length, inputs: Float32Array.from(inputs), targets: Float32Array.from(targets) };
}

function learnFrom(
  network: Network,
  learn: Examples,
  held: Examples,
  epochs: number,
  random: Random,
  moving: readonly number[],
  onEpoch: (epoch: number, learned: number, heldOut: number) => void,
) {
  const copy = () => network.parameters.map((values) => values.slice());
  const optimizer = new AdamW(
    moving.map((p) => network.parameters[p]!),
    RATE,
    DECAY,
  );
  const order = Int32Array.from({ length: learn.count }, (_, i) => i);
  let best = { heldOut: network.loss(held), epoch: 0, parameters: copy() };
  for (let epoch = 1; epoch <= epochs; epoch++) {
    random.shuffle(order);
    let sum = 0;
    for (let from = 0; from < order.length; from += BATCH) {
      const batch = order.subarray(from, from + BATCH);
      sum += network.gradients(learn, batch);
      optimizer.step(moving.map((p) => network.toParameters[p]!));
    }
    const heldOut = network.loss(held);
    onEpoch(epoch, sum / order.length, heldOut);
    if (heldOut < best.heldOut) best = { heldOut, epoch, parameters: copy() };
  }
  return best;
}

/** The forecaster's network with its gradients; half the squared error in spreads, plus the spread's logarithm. */
class Network {
  readonly toParameters: Float32Array[];
  private readonly active: Float64Array;

  constructor(
    readonly parameters: readonly Float32Array[],
    private readonly hidden: number,
  ) {
    this.toParameters = parameters.map((values) => new Float32Array(values.length));
    this.active = new Float64Array(hidden);
  }

  loss(examples: Examples): number {
    let sum = 0;
    for (let i = 0; i < examples.count; i++) sum += lossOf(this.error(examples, i)).loss;
    return sum / Math.max(1, examples.count);
  }

  /** Writes the gradients of the mean loss over the batch; returns the summed loss. */
  gradients({ inputs, ...rest }: Examples, batch: Int32Array): number {
    const { hidden, active, parameters } = this;
    const [toLayer, toBias, toReadout, toLinear] = this.toParameters as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    for (const values of this.toParameters) values.fill(0);
    let sum = 0;
    for (const example of batch) {
      const { loss, toMean, toSpread } = lossOf(this.error({ inputs, ...rest }, example));
      sum += loss;
      const at = example * INPUTS;
      const m = toMean / batch.length;
      const s = toSpread / batch.length;
      for (let i = 0; i < INPUTS; i++) {
        toLinear[2 * i]! += m * inputs[at + i]!;
        toLinear[2 * i + 1]! += s * inputs[at + i]!;
      }
      toLinear[2 * INPUTS]! += m;
      toLinear[2 * INPUTS + 1]! += s;
      for (let k = 0; k < hidden; k++) {
        if (active[k] === 0) continue;
        toReadout[2 * k]! += m * active[k]!;
        toReadout[2 * k + 1]! += s * active[k]!;
        const back = m * parameters[2]![2 * k]! + s * parameters[2]![2 * k + 1]!;
        toBias[k]! += back;
        for (let i = 0; i < INPUTS; i++) toLayer[i * hidden + k]! += back * inputs[at + i]!;
      }
    }
    return sum;
  }

  private error({ inputs, targets }: Examples, example: number): { off: number; spread: number } {
    const [layer, bias, readout, linear] = this.parameters as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const { hidden, active } = this;
    const at = example * INPUTS;
    let mean = linear[2 * INPUTS]!;
    let spread = linear[2 * INPUTS + 1]!;
    for (let i = 0; i < INPUTS; i++) {
      mean += inputs[at + i]! * linear[2 * i]!;
      spread += inputs[at + i]! * linear[2 * i + 1]!;
    }
    for (let k = 0; k < hidden; k++) {
      let sum = bias[k]!;
      for (let i = 0; i < INPUTS; i++) sum += inputs[at + i]! * layer[i * hidden + k]!;
      active[k] = Math.max(sum, 0);
      mean += active[k]! * readout[2 * k]!;
      spread += active[k]! * readout[2 * k + 1]!;
    }
    return { off: targets[example]! - mean, spread };
  }
}

function lossOf({ off, spread }: { off: number; spread: number }) {
  const bounded = Math.min(WIDEST, Math.max(NARROWEST, spread));
  const narrow = Math.exp(-bounded);
  const y = off * narrow;
  const size = Math.abs(y);
  const pull = Math.min(PULL, Math.max(-PULL, y));
  return {
    loss: (size < PULL ? 0.5 * y * y : PULL * (size - PULL / 2)) + bounded,
    toMean: -pull * narrow,
    toSpread: bounded === spread ? 1 - pull * y : 0,
  };
}
