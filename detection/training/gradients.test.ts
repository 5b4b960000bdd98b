import { openBackend } from '../../lib/tensors.js';
import type { Tf } from '../detectors/tensor-io.js';
import { denoise, denoiserGradients, denoiserStart } from './denoiser.js';
import { Random } from './random.js';
import { SequenceNetwork, type SequenceParameters, sequenceStart } from './sequence-network.js';

/** Gradients written by hand against differences of the loss. */
let tf: Tf;
beforeAll(async () => {
  ({ tf } = await openBackend('wasm'));
});

function noise(length: number, random: Random): Float32Array {
  const values = new Float32Array(length);
  random.addNoise(values, 0, length, 1);
  return values;
}

/** along the gradient itself and along chance directions: single weights sit too near the rectifiers' kinks */
function compare(
  parameters: readonly Float32Array[],
  gradients: readonly Float32Array[],
  loss: () => number,
  random: Random,
): void {
  parameters.forEach((values, p) => {
    const gradient = gradients[p]!;
    const length = Math.hypot(...gradient);
    expect(length).toBeGreaterThan(1e-4);
    for (const direction of [gradient.map((value) => value / length), noise(values.length, random)]) {
      const held = values.slice();
      const step = 2e-3 / Math.hypot(...direction);
      const at = (distance: number) => {
        for (let i = 0; i < values.length; i++) values[i] = held[i]! + distance * direction[i]!;
        return loss();
      };
      const difference = (at(step) - at(-step)) / (2 * step);
      values.set(held);
      const expected = gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0);
      expect(Math.abs(difference - expected) * step).toBeLessThan(0.03 * length * 2e-3);
    }
  });
}

test('the denoiser', () => {
  const random = new Random(1);
  const shape = { dim: 6, wide: 7, narrow: 3 };
  const rows = 200;
  const parameters = denoiserStart(shape, random);
  // biases of 0 put whole rows on a rectifier's kink
  for (const p of [1, 3, 5, 6, 7]) random.addNoise(parameters[p]!, 0, parameters[p]!.length, 0.3);
  const [x, target] = [noise(rows * 6, random), noise(rows * 6, random)];
  const gradients = parameters.map((values) => new Float32Array(values.length));
  const out = new Float32Array(rows * 6);
  denoiserGradients(tf, shape, parameters, x, target, rows, gradients);
  const loss = () => {
    denoise(tf, shape, parameters, x, rows, out);
    return out.reduce((sum, value, i) => sum + (value - target[i]!) ** 2, 0) / out.length;
  };
  compare(parameters, gradients, loss, random);
});

test('the sequence network, through steps, lanes and resets', () => {
  const random = new Random(2);
  const shape = { features: 3, known: 4, hidden: 5 };
  const [steps, lanes] = [6, 3];
  const net = new SequenceNetwork(tf, shape, steps * lanes);
  const parameters = sequenceStart(shape, random) as unknown as Float32Array[] & SequenceParameters;
  for (const values of [parameters[2], parameters[3]]) random.addNoise(values, 0, values.length, 0.2);
  net.inputs.set(noise(net.inputs.length, random));
  net.base.set(noise(net.base.length, random));
  for (let i = 0; i < steps * lanes; i++) {
    net.resets[i] = i === 7 || i < lanes ? 1 : 0;
    net.counts[i] = i % 4 === 3 ? 0 : 1;
  }
  const gradients = parameters.map(
    (values) => new Float32Array(values.length),
  ) as unknown as SequenceParameters;
  const loss = () => {
    const { loss: sum, numbers } = net.forward(
      parameters,
      steps,
      lanes,
      new Float32Array(lanes * shape.hidden),
    );
    return sum / numbers;
  };
  const { numbers } = net.forward(parameters, steps, lanes, new Float32Array(lanes * shape.hidden));
  net.backward(parameters, steps, lanes, numbers, gradients);
  compare(parameters, gradients, loss, random);
});
