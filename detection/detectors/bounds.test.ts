import { openBackend } from '../../lib/tensors.js';
import { batchOf, stateFor, stream } from '../../test/support/detector-suite.js';
import type { Detector, TrainingSet } from '../contract.js';
import { fitScales, scaleRows, scalingFloats } from '../features/scaling.js';
import { trainAutoencoder } from '../training/autoencoder.js';
import { trainSequence } from '../training/sequence.js';
import { Autoencoder } from './autoencoder.js';
import { Sequence } from './sequence.js';

// As many features as the loops take at a time, and some that are left over.
const FEATURES = 6;
const ROWS = 40;
const BOUND = 50;

/** ROWS rows; in each but the first some other feature has `value(feature)` */
function withOne(set: TrainingSet, value: (feature: number) => number): TrainingSet {
  const x = set.x.slice(0, ROWS * FEATURES);
  for (let row = 1; row < ROWS; row++) x[row * FEATURES + (row % FEATURES)] = value(row % FEATURES);
  return { ...set, x, rows: ROWS };
}

function scores(detector: Detector, set: TrainingSet): number[] {
  const out = new Float32Array(ROWS);
  detector.score(batchOf(set, 0, ROWS), stateFor(detector), out);
  return [...out];
}

describe('values beyond all bounds', () => {
  const learnt = stream(1200, FEATURES, FEATURES, 7, 2);
  const quiet = () => {};

  it.each(['autoencoder', 'sequence'] as const)('count for the %s as those at its bounds', async (name) => {
    const { tf } = await openBackend('wasm');
    const detector =
      name === 'autoencoder'
        ? Autoencoder.fromWeights(
            trainAutoencoder(learnt, { window: 1, epochs: 2, hidden: [8, 4] }, 1, quiet, tf).weights,
            tf,
          )
        : Sequence.fromWeights(trainSequence(learnt, { epochs: 2, hidden: 6 }, 1, quiet, tf).weights, tf);
    const { mean, deviation } = detector.toWeights();
    const at = (spreads: number) => (f: number) => mean!.data[f]! + spreads * deviation!.data[f]!;
    const usual = scores(detector, withOne(learnt, at(0)));
    for (const [value, spreads] of [
      [1e7, BOUND],
      [-1e7, -BOUND],
      [Number.POSITIVE_INFINITY, BOUND],
      [Number.NaN, 0],
    ] as const) {
      const found = scores(
        detector,
        withOne(learnt, () => value),
      );
      const expected = scores(detector, withOne(learnt, at(spreads)));
      for (let row = 0; row < ROWS; row++)
        expect(Math.abs(found[row]! / expected[row]! - 1)).toBeLessThan(1e-3);
      if (spreads !== 0) expect(found[ROWS - 1]!).toBeGreaterThan(2 * usual[ROWS - 1]!);
    }
    detector.dispose();
  });

  it('count for the autoencoder as those at its bounds where 0 lies beyond these itself', async () => {
    const { tf } = await openBackend('wasm');
    const far = learnt.x.map((value, i) => (i % FEATURES === 0 ? 100 + 0.01 * value : value));
    const { weights } = trainAutoencoder(
      { ...learnt, x: far },
      { window: 1, epochs: 2, hidden: [8, 4] },
      1,
      quiet,
      tf,
    );
    const detector = Autoencoder.fromWeights(weights, tf);
    const { mean, deviation } = weights;
    const set = { ...learnt, x: far };
    const found = scores(
      detector,
      withOne(set, (f) => (f === 0 ? 0 : 1)),
    );
    const expected = scores(
      detector,
      withOne(set, (f) => (f === 0 ? mean!.data[0]! - BOUND * deviation!.data[0]! : 1)),
    );
    for (let row = 0; row < ROWS; row++)
      expect(Math.abs(found[row]! / expected[row]! - 1)).toBeLessThan(1e-2);
    detector.dispose();
  });

  it('are held within 50 spreads by the scaling', () => {
    const { x, rows, domains } = learnt;
    const scales = fitScales(x, rows, FEATURES, domains, ['a', 'b', 'c']);
    const running = { data: new Float32Array(scalingFloats(FEATURES)), stride: 0, offset: 0 };
    const odd = [1e7, -1e7, Number.NaN, Number.POSITIVE_INFINITY];
    odd.forEach((value, i) => {
      const scaled = withOne(learnt, () => value).x;
      scaleRows(scaled, ROWS, scales, domains, running, domains);
      for (let row = 1; row < ROWS; row++)
        expect(scaled[row * FEATURES + (row % FEATURES)]).toBe([BOUND, -BOUND, 0, BOUND][i]);
      expect(scaled[0]).toBeCloseTo(
        (x[0]! - scales.centres[domains[0]! * FEATURES]!) / scales.scales[domains[0]! * FEATURES]!,
        5,
      );
    });
  });
});
