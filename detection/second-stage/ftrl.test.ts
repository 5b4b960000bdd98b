import { Ftrl } from './ftrl.js';

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** rows of two inputs and a constant, labelled with log odds 2a - b - 1 */
function* rows(count: number, seed = 1): Generator<{ x: Float32Array; label: 0 | 1 }> {
  const random = seeded(seed);
  for (let i = 0; i < count; i++) {
    const x = Float32Array.of(2 * random() - 1, 2 * random() - 1, 1);
    const chance = 1 / (1 + Math.exp(-(4 * x[0]! - 2 * x[1]! - 1)));
    yield { x, label: random() < chance ? 1 : 0 };
  }
}

test('finds the weights that the labels were drawn with', () => {
  const model = new Ftrl({ inputs: 3 });
  for (const { x, label } of rows(40_000)) model.learn(x, label);
  expect(model.contribution(0, 1)).toBeCloseTo(4, 0);
  expect(model.contribution(1, 1)).toBeCloseTo(-2, 0);
  expect(model.contribution(2, 1)).toBeCloseTo(-1, 0);
});

test('the first step is the textbook one', () => {
  const model = new Ftrl({ inputs: 1, alpha: 0.5, beta: 1, l2: 0 });
  expect(model.logit(Float32Array.of(2))).toBe(0);
  model.learn(Float32Array.of(2), 1);
  // gradient (0.5 - 1) * 2 = -1, n = 1, z = -1: weight = 1 / ((1 + 1) / 0.5)
  expect(model.contribution(0, 1)).toBeCloseTo(0.25, 6);
});

test('goes on from a saved state exactly', () => {
  const whole = new Ftrl({ inputs: 3 });
  const first = new Ftrl({ inputs: 3 });
  const all = [...rows(2000, 5)];
  for (const { x, label } of all) whole.learn(x, label, 1.7);
  for (const { x, label } of all.slice(0, 700)) first.learn(x, label, 1.7);
  const state = new Float32Array(first.stateSize + 2);
  first.saveTo(state, 2);
  const second = new Ftrl({ inputs: 3 });
  second.load(state, 2);
  for (const { x, label } of all.slice(700)) second.learn(x, label, 1.7);
  expect([0, 1, 2].map((i) => second.contribution(i, 1))).toEqual(
    [0, 1, 2].map((i) => whole.contribution(i, 1)),
  );
});

test('a state of another size is refused', () => {
  expect(() => new Ftrl({ inputs: 3 }).load(new Float32Array(5))).toThrow(/5 floats; expected 6/);
});
