import type { FeatureInfo } from '../features/spec.js';
import { Inputs } from './inputs.js';

const FEATURES: FeatureInfo[] = [
  { name: 'amount', field: 'amount', kind: 'value', number: 0 },
  { name: 'hour.sin', field: '', kind: 'hour', number: -1 },
];
const inputs = new Inputs({
  detectors: ['margins'],
  features: FEATURES,
  labels: ['terminal.oddsOfSpell', 'terminal.streak'],
});

function expanded(values: Record<string, number>): Float32Array {
  const vector = new Float32Array(inputs.vector + 3);
  for (const [name, value] of Object.entries(values)) vector[3 + inputs.names.indexOf(name)] = value;
  const out = new Float32Array(inputs.size);
  inputs.expand(vector, 3, out);
  return out;
}

/** Inputs that an element of the vector gives. */
const of = (name: string) =>
  [...Array(inputs.size).keys()].filter((i) => inputs.names[inputs.elementOf(i)] === name);

test('a vector is the surprises, the features, the suspicion and the labels, in this order', () => {
  expect(inputs.names.slice(0, 4)).toEqual(['surprise', 'surprise:margins', 'amount', 'hour.sin']);
  expect(inputs.names.slice(4)).toEqual([
    'suspicion.2d',
    'suspicion.5d',
    'terminal.oddsOfSpell',
    'terminal.streak',
  ]);
  expect(inputs.vector).toBe(inputs.names.length);
});

test('the last input is a constant that belongs to nothing', () => {
  expect(expanded({}).at(-1)).toBe(1);
  expect(inputs.elementOf(inputs.size - 1)).toBe(-1);
});

test('a number may bend and jump, an hour is a line', () => {
  expect(of('hour.sin')).toHaveLength(1);
  expect(of('amount').length).toBeGreaterThan(of('surprise').length);
  const low = expanded({ amount: 3.9 });
  const high = expanded({ amount: 4.1 });
  const steps = of('amount').filter((i) => high[i]! - low[i]! === 1);
  // Of all its places the one between them jumps, and no other.
  expect(steps).toHaveLength(1);
  const bends = of('amount').filter((i) => low[i]! > 0 && low[i] !== 1 && high[i]! > low[i]!);
  expect(bends.length).toBeGreaterThan(3);
});

test('no input is beyond 4, however far out its element is', () => {
  const far = expanded(Object.fromEntries(inputs.names.map((name) => [name, 1e6])));
  expect(Math.max(...far)).toBe(4);
  expect(Math.min(...expanded(Object.fromEntries(inputs.names.map((name) => [name, -1e6]))))).toBe(-4);
});
