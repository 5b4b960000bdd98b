import { openBackend } from '../../lib/tensors.js';
import { stream } from '../../test/support/detector-suite.js';
import type { TrainingSet } from '../contract.js';
import { trainAutoencoder } from './autoencoder.js';
import { groupWeights, plantValues, SHARES, weighed } from './evidence.js';
import { Random } from './random.js';

const quiet = () => {};
const even = Float32Array.from({ length: 1000 }, (_, i) => i / 1000);
/** scores of planted rows of which a part lies beyond all normal ones */
const beyond = (part: number) => Float32Array.from({ length: 1000 }, (_, i) => (i < 1000 * part ? 2 : 0));

/** two free features, and a third that is their product: no plane follows it */
function product(rows: number): TrainingSet {
  const set = stream(rows, 3, 1, 1, 21);
  const noise = new Float32Array(rows * 3);
  new Random(6).addNoise(noise, 0, noise.length, 1);
  for (let i = 0; i < rows; i++) {
    const [a, b] = [noise[3 * i]!, noise[3 * i + 1]!];
    set.x.set([a, b, a * b + 0.05 * noise[3 * i + 2]!], 3 * i);
  }
  return set;
}

test('a planted value comes from another row of the same domain, and is another', () => {
  const set = stream(900, 4, 2);
  const held = Int32Array.from({ length: 300 }, (_, i) => 600 + i);
  const rounds = plantValues(set, held, new Random(1));
  expect(rounds).toHaveLength(6);
  expect(rounds.flat().length).toBeGreaterThan(6 * 290);
  for (const { row, from, feature } of rounds.flat()) {
    expect(set.domains[from]).toBe(set.domains[row]);
    expect(set.x[from * 4 + feature]).not.toBe(set.x[row * 4 + feature]);
    expect(from).toBeGreaterThanOrEqual(600);
  }
  expect(plantValues(set, held, new Random(1))).toEqual(rounds);
});

test('the least share that finds as many planted faults as the best', () => {
  const found = (parts: Record<number, number>) =>
    weighed(
      (share) => share,
      (share) => ({ normal: even, planted: beyond(parts[share]!) }),
    );
  expect(found({ 0: 0.3, 0.5: 0.3, 1: 0.31 }).fit).toBe(0);
  expect(found({ 0: 0.3, 0.5: 0.4, 1: 0.5 }).fit).toBe(1);
  expect(found({ 0: 0.3, 0.5: 0.5, 1: 0.5 }).fit).toBe(0.5);
  expect(found({ 0: 0.3, 0.5: 0.4, 1: 0.5 }).figures).toEqual({
    share: 1,
    plantedFound: 0.5,
    plantedFoundLinear: 0.3,
  });
});

test('where nothing can be planted the held-out loss decides alone', () => {
  const none = new Float32Array(0);
  const { fit, figures } = weighed(
    (share) => share,
    () => ({ normal: none, planted: none }),
  );
  expect(fit).toBe(SHARES.at(-1));
  expect(figures).toEqual({ share: 1 });
});

test('a model counts by what it finds; one without evidence counts whole', () => {
  expect(groupWeights([0.4, 0.2])).toEqual([1, 0.25]);
  expect(groupWeights([0.4, 0])).toEqual([1, 0.1]);
  expect(groupWeights([undefined, undefined])).toEqual([1, 1]);
  expect(groupWeights([])).toEqual([]);
});

test('a network keeps its weight where a relation bends, and has none where all is linear', async () => {
  const { tf } = await openBackend('wasm');
  const hyper = { window: 1, hidden: [16, 4] as const, epochs: 40, foldRows: 0 };
  const bent = trainAutoencoder(product(3000), hyper, 1, quiet, tf).figures;
  expect(bent['share']).toBe(1);
  expect(bent['plantedFound']!).toBeGreaterThan(bent['plantedFoundLinear']! + 0.05);
  const straight = trainAutoencoder(stream(3000, 4, 2, 1, 3), hyper, 1, quiet, tf).figures;
  expect(straight['share']).toBe(0);
});
