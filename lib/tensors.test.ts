import { openBackend, type Tf } from './tensors.js';

const product = (tf: Tf) => {
  const result = tf.tidy(() =>
    tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([0, 1, 1, 0], [2, 2])),
  );
  const values = [...result.dataSync()];
  result.dispose();
  return values;
};

test.each(['wasm', 'cpu'] as const)('%s multiplies', async (name) => {
  const backend = await openBackend(name);
  expect(backend.name).toBe(name);
  expect(backend.tf.getBackend()).toBe(name);
  expect(backend.version).toMatch(/^4\./);
  expect(product(backend.tf)).toEqual([2, 1, 4, 3]);
});

test('wasm runs on one thread: no workers are started for small products', async () => {
  const { tf } = await openBackend('wasm');
  expect(tf.env().get('WASM_HAS_MULTITHREAD_SUPPORT')).toBe(false);
});

test('auto takes one that is there, measures where there is a choice, and disposes of its trials', async () => {
  let alive = 0;
  let runs = 0;
  const backend = await openBackend('auto', {
    trial: (tf) => {
      alive++;
      return {
        run: () => {
          runs++;
          product(tf);
        },
        dispose: () => {
          alive--;
        },
      };
    },
  });
  expect(['wasm', 'native']).toContain(backend.name);
  expect(alive).toBe(0);
  const choices = Object.keys(backend.measured).length;
  expect(choices === 0 ? runs : runs / choices).toBe(choices === 0 ? 0 : 25);
  expect(product(backend.tf)).toEqual([2, 1, 4, 3]);
});

test('native, asked for by name, is there or says what is missing', async () => {
  let native: Awaited<ReturnType<typeof openBackend>> | undefined;
  let reason: unknown;
  try {
    native = await openBackend('native');
  } catch (error) {
    reason = error;
  }
  if (native) expect(product(native.tf)).toEqual([2, 1, 4, 3]);
  else expect(String(reason)).toMatch(/tfjs-node/);
});
