import { Random } from './random.js';

const moments = (draw: () => number, count = 100_000) => {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < count; i++) {
    const x = draw();
    sum += x;
    squares += x * x;
  }
  const mean = sum / count;
  return { mean, variance: squares / count - mean * mean };
};

describe('Random', () => {
  it('gives the same sequence for the same seed and another for another', () => {
    const draw = (random: Random) => Array.from({ length: 20 }, () => random.unit());
    expect(draw(new Random(7, 1, 2, 3))).toEqual(draw(new Random(7, 1, 2, 3)));
    for (const other of [
      new Random(8, 1, 2, 3),
      new Random(7, 2, 2, 3),
      new Random(7, 1, 3, 3),
      new Random(7, 1, 2, 4),
    ]) {
      expect(draw(other)).not.toEqual(draw(new Random(7, 1, 2, 3)));
    }
  });

  it('starts anew when reseeded, a spare normal included', () => {
    const random = new Random(1);
    random.normal();
    random.reseed(5);
    expect(random.normal()).toBe(new Random(5).normal());
  });

  it('draws uniform, normal and Poisson numbers with their moments', () => {
    const random = new Random(3);
    const uniform = moments(() => random.uniform(2, 4));
    expect(uniform.mean).toBeCloseTo(3, 1);
    expect(uniform.variance).toBeCloseTo(4 / 12, 1);
    const normal = moments(() => random.normal());
    expect(normal.mean).toBeCloseTo(0, 1);
    expect(normal.variance).toBeCloseTo(1, 1);
    const poisson = moments(() => random.poisson(Math.exp(-2.5)));
    expect(poisson.mean).toBeCloseTo(2.5, 1);
    expect(poisson.variance).toBeCloseTo(2.5, 1);
  });

  it('is unlike for neighbouring entities and days', () => {
    const random = new Random();
    let day = 0;
    const first = moments(() => random.reseed(1, 5, 42, day++).unit(), 20_000);
    expect(first.mean).toBeCloseTo(0.5, 1);
    expect(first.variance).toBeCloseTo(1 / 12, 2);
  });

  it('samples without repetition, every element as often', () => {
    const random = new Random(11);
    const hits = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) {
      const sample = random.sample(10, 3);
      expect(new Set(sample).size).toBe(3);
      for (const element of sample) hits[element]!++;
    }
    for (const count of hits) expect(Math.abs(count - 3_000)).toBeLessThan(250);
    expect(random.sample(3, 3).sort()).toEqual([0, 1, 2]);
    expect(random.sample(0, 0)).toEqual([]);
  });
});
