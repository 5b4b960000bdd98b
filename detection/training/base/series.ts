import { Random } from '../random.js';

/** A made-up sensor: readings, and the seconds between them. */
export interface MadeSeries {
  readonly kind: string;
  readonly values: Float64Array;
  readonly gaps: Float64Array;
}

type Draw = (random: Normals, length: number) => Float64Array;

/** uniform and normal numbers */
class Normals {
  constructor(private readonly random: Random) {}
  uniform(): number {
    return this.random.uniform();
  }
  between(low: number, high: number): number {
    return low + (high - low) * this.random.uniform();
  }
  normal(): number {
    return (
      Math.sqrt(-2 * Math.log(1 - this.random.uniform())) * Math.cos(2 * Math.PI * this.random.uniform())
    );
  }
  /** Student's t with three degrees of freedom: what measures that jump now and then */
  heavy(): number {
    const square = this.normal() ** 2 + this.normal() ** 2 + this.normal() ** 2;
    return this.normal() / Math.sqrt(Math.max(square, 1e-6) / 3);
  }
}

function noise(random: Normals): () => number {
  return random.uniform() < 0.3 ? () => random.heavy() : () => random.normal();
}

function autoregressive(random: Normals, length: number, memory = random.between(0, 0.98)): Float64Array {
  const draw = noise(random);
  const out = new Float64Array(length);
  const scale = Math.sqrt(1 - memory * memory);
  let value = random.normal();
  for (let i = 0; i < length; i++) out[i] = value = memory * value + scale * draw();
  return out;
}

/** What sensors and counters do when nothing is wrong; the shapes, not any one data set's. */
const KINDS: Readonly<Record<string, Draw>> = {
  noisy: (random, length) => autoregressive(random, length),
  smooth(random, length) {
    const slow = autoregressive(random, length, random.between(0.9, 0.99));
    const rate = random.between(0.05, 0.5);
    let value = slow[0]!;
    return slow.map((target) => (value += rate * (target - value)));
  },
  cycle(random, length) {
    const period = random.between(20, 300);
    const phase = random.between(0, 6.28);
    const harmonic = random.between(0, 0.5);
    const part = random.between(0.02, 0.4);
    const rest = autoregressive(random, length);
    return rest.map((value, i) => {
      const angle = (2 * Math.PI * i) / period + phase;
      return Math.sin(angle) + harmonic * Math.sin(2 * angle) + part * value;
    });
  },
  wandering(random, length) {
    const draw = noise(random);
    const back = random.between(0, 0.01);
    let value = 0;
    return new Float64Array(length).map(() => (value += draw() - back * value));
  },
  regimes(random, length) {
    const stay = random.between(30, 300);
    const rest = autoregressive(random, length);
    let level = 0;
    return rest.map((value) => {
      if (random.uniform() < 1 / stay) level = 5 * random.normal();
      return level + value;
    });
  },
  counts(random, length) {
    const period = random.between(20, 300);
    const mean = Math.exp(random.between(0, 4));
    return new Float64Array(length).map((_, i) => {
      const rate = mean * (1 + 0.7 * Math.sin((2 * Math.PI * i) / period));
      return Math.max(0, Math.round(rate + Math.sqrt(rate) * random.normal()));
    });
  },
  amounts(random, length) {
    const spread = random.between(0.3, 1.2);
    return new Float64Array(length).map(() => Math.exp(spread * random.normal()));
  },
};

export function madeSeries(seed: number, count: number, length: number): MadeSeries[] {
  const random = new Normals(new Random(seed));
  const kinds = Object.entries(KINDS);
  return Array.from({ length: count }, (_, i) => {
    const [kind, draw] = kinds[i % kinds.length]!;
    let values = draw(random, length);
    // many instruments round
    if (random.uniform() < 0.3) {
      const step = random.between(0.05, 0.5);
      values = values.map((value) => step * Math.round(value / step));
    }
    const irregular = random.uniform() < 0.3;
    const gaps = new Float64Array(length).map(() => (irregular ? -60 * Math.log(1 - random.uniform()) : 60));
    return { kind, values, gaps };
  });
}
