import { openBackend } from '../../lib/tensors.js';
import { scoresOf, stateFor, stream } from '../../test/support/detector-suite.js';
import type { TrainingSet, Weights } from '../contract.js';
import { Autoencoder } from '../detectors/autoencoder.js';
import { Sequence } from '../detectors/sequence.js';
import { Known } from '../detectors/sequence-known.js';
import type { Tf } from '../detectors/tensor-io.js';
import { vectorTimes } from '../linear/matrix.js';
import { trainAutoencoder } from './autoencoder.js';
import { depths, previousRows } from './order.js';
import { Random } from './random.js';
import { trainSequence } from './sequence.js';
import { Filler } from './sequence-filler.js';
import { SequenceRows } from './sequence-linear.js';
import { SequenceNetwork, type SequenceParameters } from './sequence-network.js';

let tf: Tf;
beforeAll(async () => {
  ({ tf } = await openBackend('wasm'));
});
const quiet = () => {};

function bytes(weights: Weights): string {
  return Buffer.concat(Object.values(weights).map(({ data }) => Buffer.from(data.buffer))).toString('base64');
}

function median(values: Float32Array): number {
  return values.slice().sort()[values.length >> 1]!;
}

/** one entity; features 0, 1 are free, 2 is their product and 3 a bend of the first: nothing that a plane can follow */
function curved(rows: number): TrainingSet {
  const set = stream(rows, 4, 1, 1, 11);
  const random = new Random(4);
  const noise = new Float32Array(rows * 4);
  random.addNoise(noise, 0, noise.length, 1);
  for (let i = 0; i < rows; i++) {
    const [a, b] = [noise[i * 4]!, noise[i * 4 + 1]!];
    set.x.set([a, b, a * b + 0.05 * noise[i * 4 + 2]!, Math.abs(a) + 0.05 * noise[i * 4 + 3]!], i * 4);
  }
  return set;
}

/** entities that step between two levels at a fixed pace: counting the steps takes more memory than two rows */
function paced(rows: number, entities: number): TrainingSet {
  const set = stream(rows, 2, 1, entities, 12);
  const random = new Random(5);
  const noise = new Float32Array(rows * 2);
  random.addNoise(noise, 0, noise.length, 0.1);
  for (let i = 0; i < rows; i++) {
    const phase = set.ages[i]! % 6;
    set.x.set([(phase < 4 ? 1 : -1) + noise[i * 2]!, (phase === 2 ? 2 : 0) + noise[i * 2 + 1]!], i * 2);
  }
  return set;
}

const trainings = {
  autoencoder: (set: TrainingSet, seed: number, trim = 0.01) =>
    trainAutoencoder(set, { window: 2, epochs: 3, hidden: [8, 4], trim }, seed, quiet, tf),
  sequence: (set: TrainingSet, seed: number, trim = 0.01) =>
    trainSequence(set, { hidden: 6, epochs: 3, trim }, seed, quiet, tf),
};

describe.each(['autoencoder', 'sequence'] as const)('training the %s', (name) => {
  const train = trainings[name];

  test('the same seed gives the same weights, another seed others', () => {
    const set = curved(400);
    expect(bytes(train(set, 1).weights)).toBe(bytes(train(set, 1).weights));
    expect(bytes(train(set, 1).weights)).not.toBe(bytes(train(set, 2).weights));
  });

  test('scores for calibration are of rows that were not seen: they look like new rows', () => {
    const set = stream(300, 8, 1, 2, 21);
    const result = train(set, 1);
    const detector =
      name === 'autoencoder'
        ? Autoencoder.fromWeights(result.weights, tf)
        : Sequence.fromWeights(result.weights, tf);
    const fresh = stream(900, 8, 1, 2, 21);
    const later = scoresOf(detector, fresh, stateFor(detector), [100]).slice(300);
    expect(result.scores.length).toBe(result.rows.length);
    expect(Math.abs(Math.log(median(result.scores) / median(later)))).toBeLessThan(0.25);
    detector.dispose();
  });

  test('contaminated rows are left out, clean data loses nothing', () => {
    const clean = stream(1000, 5, 1, 3, 31);
    expect(train(clean, 1, 0.02).trimmed.length).toBe(0);
    const dirty = { ...clean, x: clean.x.slice() };
    for (let row = 300; row < 1000; row += 70)
      for (let j = 0; j < 5; j++) dirty.x[row * 5 + j]! += j % 2 ? -15 : 15;
    const trimmed = new Set(train(dirty, 1, 0.03).trimmed);
    for (let row = 300; row < 1000; row += 70) expect(trimmed).toContain(row);
    expect(trimmed.size).toBeLessThanOrEqual(30);
  });

  test('a large set is scored on the last fifth of its time', () => {
    const set = stream(2000, 4, 1, 5, 41);
    const result =
      name === 'autoencoder'
        ? trainAutoencoder(set, { window: 1, epochs: 2, foldRows: 500 }, 1, quiet, tf)
        : trainSequence(set, { hidden: 4, epochs: 2, foldRows: 500 }, 1, quiet, tf);
    expect(Math.abs(result.rows.length - 400)).toBeLessThan(5);
    expect(Math.min(...result.rows)).toBeGreaterThanOrEqual(1590);
  });

  test('too few rows are refused with the number and the remedy', () => {
    expect(() => train(stream(12, 3, 1, 1), 1)).toThrow(/at least 20 rows.*given 1\d.*longer/);
  });

  test('no tensors stay behind', () => {
    const before = tf.memory().numTensors;
    train(stream(200, 3, 1, 2), 1);
    expect(tf.memory().numTensors).toBe(before);
  });
});

test('the autoencoder learns what no plane follows', () => {
  const { figures } = trainAutoencoder(
    curved(2000),
    { window: 1, components: 2, hidden: [24, 6], foldRows: 100 },
    1,
    quiet,
    tf,
  );
  expect(figures['epochs']).toBeGreaterThan(0);
  expect(figures['heldOutLoss']!).toBeLessThan(0.8 * figures['linearLoss']!);
});

test('the sequence model learns what two steps back do not tell', () => {
  const { figures } = trainSequence(
    paced(2000, 1),
    { hidden: 12, epochs: 25, rate: 1e-2, foldRows: 100 },
    1,
    quiet,
    tf,
  );
  expect(figures['heldOutLoss']!).toBeLessThan(figures['linearLoss']! - 0.1);
});

test.each([1, 2] as const)('a step in the stream equals the sequence in training, %i back', (lags) => {
  const set = paced(1500, 6);
  const { weights, figures } = trainSequence(
    set,
    { hidden: 8, lags, epochs: 8, foldRows: 100, rate: 1e-2 },
    1,
    quiet,
    tf,
  );
  expect(figures['epochs']).toBeGreaterThan(0);
  const detector = Sequence.fromWeights(weights, tf);
  const inStream = scoresOf(detector, set, stateFor(detector), [1, 7, 64]);
  detector.dispose();
  const inTraining = laneScores(set, weights, 6, 16);
  let worst = 0;
  inTraining.forEach((score, row) => {
    worst = Math.max(worst, Math.abs(score - inStream[row]!) / (1 + score));
  });
  expect(inTraining.size).toBe(1500);
  expect(worst).toBeLessThan(1e-5);
});

/** Scores by the network as training runs it: entities side by side in lanes, `steps` rows at a time. */
function laneScores(
  set: TrainingSet,
  weights: Weights,
  entities: number,
  steps: number,
): Map<number, number> {
  const d = set.features;
  const values = (name: string) => Float64Array.from(weights[name]!.data);
  const previous = previousRows(set);
  const known = Known.fromWeights(weights);
  const rows = new SequenceRows(
    set,
    previous,
    depths(previous, 2),
    { mean: values('mean'), deviation: values('deviation') },
    known,
    weights['autoregression']!.shape[0] === d + known.size ? 1 : 2,
  );
  const spread = values('spread');
  const perFeature = (data: Float64Array) => data.map((value, i) => value * spread[i % d]!);
  const matrix = { rows: rows.pastSize, cols: d, data: perFeature(values('autoregression')) };
  const map = { matrix, intercept: perFeature(values('intercept')) };
  const hidden = weights['gatesBias']!.data.length / 2;
  const net = new SequenceNetwork(tf, { features: d, known: known.size, hidden }, steps * entities);
  const filler = new Filler({ rows, linear: { map, spread } }, net);
  const parameters = ['gates', 'gatesBias', 'readout', 'readoutBias'].map((name) => weights[name]!.data);
  const white = { rows: d, cols: d, data: values('white') };
  const offset = values('whiteOffset');
  const sequences = Array.from({ length: entities }, (_, entity) =>
    Array.from(set.entities.keys()).filter((row) => set.entities[row] === entity),
  );
  const longest = Math.max(...sequences.map((sequence) => sequence.length));
  const h = new Float32Array(entities * hidden);
  const out = new Map<number, number>();
  for (let from = 0; from < longest; from += steps) {
    for (let i = 0; i < steps * entities; i++)
      filler.fill(i, sequences[i % entities]![from + Math.floor(i / entities)] ?? -1, false);
    net.forward(parameters as unknown as SequenceParameters, steps, entities, h);
    for (let i = 0; i < steps * entities; i++) {
      const row = sequences[i % entities]![from + Math.floor(i / entities)];
      if (row === undefined) continue;
      const u = vectorTimes(net.errors.subarray(i * d, (i + 1) * d), white);
      out.set(row, u.reduce((sum, value, j) => sum + (value + offset[j]!) ** 2, 0) / d);
    }
  }
  return out;
}
