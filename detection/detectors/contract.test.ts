import { openBackend } from '../../lib/tensors.js';
import { type DetectorCase, detectorSuite, stream } from '../../test/support/detector-suite.js';
import type { Detector, Weights } from '../contract.js';
import { trainAutoencoder } from '../training/autoencoder.js';
import { trainBase } from '../training/base/train-base.js';
import { trainSequence } from '../training/sequence.js';
import { trainStuck } from '../training/stuck.js';
import { Autoencoder } from './autoencoder.js';
import { MemoryDetector } from './memory.js';
import { SensorChecks } from './sensor-checks.js';
import { Sequence } from './sequence.js';
import { Shared } from './shared.js';
import { Stuck } from './stuck.js';
import type { Tf } from './tensor-io.js';

/** as a package would hold them: only numbers and shapes survive */
function copied(weights: Weights): Weights {
  return Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [
      name,
      { shape: [...shape], data: new Float32Array(new Uint8Array(data.slice().buffer).slice().buffer) },
    ]),
  );
}

const sizes = { features: 6, sensors: 6 };
let opened: Tf | undefined;

function trainedCase(
  name: string,
  train: (tf: Tf) => Weights,
  build: (weights: Weights, tf: Tf) => Detector & { toWeights(): Weights },
): DetectorCase {
  let weights: Weights | undefined;
  return {
    name,
    ...sizes,
    make: async () => {
      const { tf } = await openBackend('wasm');
      opened = tf;
      weights ??= train(tf);
      return build(weights, tf);
    },
    reload: (detector) => build(copied((detector as ReturnType<typeof build>).toWeights()), opened!),
    tensors: () => opened!.memory().numTensors,
  };
}

const learnt = () => stream(1500, 6, 6, 7, 2);
const quiet = () => {};

for (const window of [1, 4])
  detectorSuite(
    trainedCase(
      `autoencoder, window ${window}`,
      (tf) => trainAutoencoder(learnt(), { window, epochs: 6, hidden: [16, 4] }, 1, quiet, tf).weights,
      Autoencoder.fromWeights,
    ),
  );
for (const lags of [1, 2] as const)
  detectorSuite(
    trainedCase(
      `sequence model, ${lags} back`,
      (tf) => trainSequence(learnt(), { hidden: 8, lags, epochs: 6 }, 1, quiet, tf).weights,
      Sequence.fromWeights,
    ),
  );
for (const size of ['small', 'large'] as const)
  detectorSuite({
    name: `memory, ${size}`,
    ...sizes,
    make: () => new MemoryDetector({ sensors: 6, size }),
    reasons: false,
  });
detectorSuite({
  name: 'sensor checks',
  ...sizes,
  make: () => new SensorChecks({ sensors: 6, intervalSeconds: 900 }),
  reasons: false,
});
detectorSuite({
  name: 'stuck readings',
  ...sizes,
  make: () => new Stuck(trainStuck(stream(400, 6, 6, 7, 2)).weights),
  reload: (detector) => Stuck.fromWeights(copied((detector as Stuck).toWeights())),
  reasons: false,
});

const forecast = () => trainBase({ series: 42, length: 150, hidden: 4, epochs: 2 }, 1, quiet).weights;
for (const blend of [0, 0.5])
  detectorSuite({
    name: `shared model, ${blend === 0 ? 'centres alone' : 'with the forecast'}`,
    ...sizes,
    make: () =>
      new Shared({ ...forecast(), blend: { shape: [1], data: Float32Array.of(blend) } }, { sensors: 6 }),
    reload: (detector) => new Shared(copied((detector as Shared).toWeights()), { sensors: 6 }),
  });
