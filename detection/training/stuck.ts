import type { TrainingSet, Weights } from '../contract.js';
import { Stuck } from '../detectors/stuck.js';
import type { TrainingResult } from './autoencoder.js';
import { gapInRows, timeFolds, timeOrder } from './order.js';

const CHUNK = 1024;

/** The longest run of equal readings of each sensor; scored out of fold as the models are. */
export function trainStuck(set: TrainingSet): TrainingResult {
  const order = timeOrder(set);
  const repeats = repeatsOf(set);
  const scores = new Float32Array(order.length);
  let at = 0;
  for (const { fit, judge } of timeFolds(order, 5, gapInRows(set, order.length, 5))) {
    const byRow = scoreAll(set, longestRuns(set, repeats, fit));
    for (const row of judge) scores[at++] = byRow[row]!;
  }
  const weights = longestRuns(set, repeats, order);
  return { weights, scores, rows: order, trimmed: new Int32Array(0), figures: { rows: order.length } };
}

function scoreAll(set: TrainingSet, weights: Weights): Float32Array {
  const detector = new Stuck(weights);
  const entities = set.entities.reduce((most, entity) => Math.max(most, entity + 1), 0);
  const stride = detector.stateSize;
  const state = { data: new Float32Array(entities * stride), stride, offset: 0 };
  for (let entity = 0; entity < entities; entity++) detector.initState(state, entity);
  const out = new Float32Array(set.rows);
  for (let from = 0; from < set.rows; from += CHUNK) {
    const to = Math.min(set.rows, from + CHUNK);
    const batch = {
      size: to - from,
      slots: set.entities.subarray(from, to),
      domains: set.domains.subarray(from, to),
      times: set.times.subarray(from, to),
      gaps: set.gaps.subarray(from, to),
      ages: set.ages.subarray(from, to),
      hoursOfWeek: set.hoursOfWeek.subarray(from, to),
      x: set.x.subarray(from * set.features, to * set.features),
      features: set.features,
      raw: set.raw.subarray(from * set.sensors, to * set.sensors),
      sensors: set.sensors,
    };
    detector.score(batch, state, out.subarray(from, to));
  }
  return out;
}

/** how often each reading has repeated the one before */
function repeatsOf(set: TrainingSet): Uint16Array {
  const { sensors, raw, entities } = set;
  const out = new Uint16Array(set.rows * sensors);
  const last = new Map<number, number>();
  for (let row = 0; row < set.rows; row++) {
    const before = last.get(entities[row]!);
    last.set(entities[row]!, row);
    if (before === undefined) continue;
    for (let s = 0; s < sensors; s++)
      if (Math.fround(raw[row * sensors + s]!) === Math.fround(raw[before * sensors + s]!))
        out[row * sensors + s] = Math.min(65_535, out[before * sensors + s]! + 1);
  }
  return out;
}

function longestRuns(set: TrainingSet, repeats: Uint16Array, rows: Int32Array): Weights {
  const { sensors } = set;
  const longest = new Float32Array(sensors);
  const rowsWithIt = new Float32Array(sensors);
  for (const row of rows)
    for (let s = 0; s < sensors; s++) {
      const run = repeats[row * sensors + s]!;
      if (run > longest[s]!) {
        longest[s] = run;
        rowsWithIt[s] = 1;
      } else if (run === longest[s]) rowsWithIt[s]!++;
    }
  return {
    longest: { shape: [sensors], data: longest },
    surprise: {
      shape: [sensors],
      data: rowsWithIt.map((count) => Math.log10((rows.length + 1) / (count + 1))),
    },
    rows: { shape: [1], data: Float32Array.of(rows.length) },
  };
}
