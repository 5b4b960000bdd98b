import type { DetectorBatch, TrainingProgress, Weights } from '../../contract.js';
import { Shared } from '../../detectors/shared.js';
import { rocAuc } from '../../judging/measures.js';
import { Random } from '../random.js';
import { madeSeries } from './series.js';

const BLENDS = [0, 0.1, 0.25, 0.5, 1, 2] as const;
const UNITS = 14;
const SENSORS = 5;
const ROWS = 1800;
/** rows of a unit before its first fault, between two faults, and of one */
const QUIET = 600;
const BETWEEN = 200;
const FAULT = 30;
/** in the sensor's own deviations */
const SIZE = 4;

/**
 * What the forecast's errors count for beside the deviations from the centre: the weight that best ranks the rows of
 * planted faults (offset, drift, spike, stuck, in one sensor of several that hang together) over the others, on made-up
 * units. 0 when nothing beats leaving them out by a thousandth.
 */
export function chooseBlend(
  forecast: Weights,
  seed: number,
  progress: TrainingProgress,
): { blend: number; figures: Record<string, number> } {
  const units = Array.from({ length: UNITS }, (_, unit) => madeUnit(seed + unit));
  const figures: Record<string, number> = {};
  let best = { blend: 0, auc: 0 };
  BLENDS.forEach((blend, index) => {
    const detector = new Shared(
      { ...forecast, blend: { shape: [1], data: Float32Array.of(blend) } },
      { sensors: SENSORS },
    );
    const aucs = units.map(({ batch, labels }) => {
      const state = { data: new Float32Array(detector.stateSize), stride: detector.stateSize, offset: 0 };
      detector.initState(state, 0);
      const scores = new Float32Array(batch.size);
      detector.score(batch, state, scores);
      return rocAuc(scores.subarray(QUIET / 2), labels.subarray(QUIET / 2));
    });
    const auc = aucs.reduce((sum, one) => sum + one, 0) / aucs.length;
    figures[`blend${blend}Auc`] = auc;
    if (auc > best.auc + (index === 0 ? 0 : 1e-3)) best = { blend, auc };
    progress('weighing the forecast', index + 1, BLENDS.length, { blend, auc });
  });
  return { blend: best.blend, figures: { ...figures, blend: best.blend } };
}

/** Sensors that share two causes beside a course of their own, with faults planted one after another. */
function madeUnit(seed: number): { batch: DetectorBatch; labels: Uint8Array } {
  const random = new Random(seed);
  const series = madeSeries(seed, SENSORS + 2, ROWS).map(({ values }) => standardised(values));
  const raw = new Float64Array(ROWS * SENSORS);
  const labels = new Uint8Array(ROWS);
  for (let s = 0; s < SENSORS; s++) {
    const [a, b, own] = [1 - 2 * random.uniform(), 1 - 2 * random.uniform(), 0.3 + 0.7 * random.uniform()];
    for (let row = 0; row < ROWS; row++)
      raw[row * SENSORS + s] =
        10 * (s + 1) + a * series[SENSORS]![row]! + b * series[SENSORS + 1]![row]! + own * series[s]![row]!;
  }
  const kinds = ['offset', 'drift', 'spike', 'stuck'] as const;
  let turn = 0;
  for (let from = QUIET; from + FAULT < ROWS; from += BETWEEN) {
    const kind = kinds[turn++ % kinds.length]!;
    const s = random.below(SENSORS);
    const side = random.uniform() < 0.5 ? -1 : 1;
    const held = raw[from * SENSORS + s]!;
    const rows = kind === 'spike' ? 1 : FAULT;
    for (let i = 0; i < rows; i++) {
      const at = (from + i) * SENSORS + s;
      if (kind === 'stuck') raw[at] = held;
      else raw[at]! += side * SIZE * (kind === 'drift' ? i / FAULT : 1);
      labels[from + i] = 1;
    }
  }
  const filled = (value: number) => new Float64Array(ROWS).fill(value);
  return {
    labels,
    batch: {
      size: ROWS,
      slots: new Int32Array(ROWS),
      domains: new Int32Array(ROWS),
      times: Float64Array.from({ length: ROWS }, (_, row) => row * 60),
      gaps: filled(60),
      ages: Float64Array.from({ length: ROWS }, (_, row) => row),
      hoursOfWeek: new Float32Array(ROWS),
      x: new Float32Array(0),
      features: 0,
      raw,
      sensors: SENSORS,
    },
  };
}

function standardised(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) || 1;
  return values.map((value) => (value - mean) / spread);
}
