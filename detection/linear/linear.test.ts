import { Random } from '../training/random.js';
import { cholesky, solve } from './cholesky.js';
import { symmetricEigen } from './eigen.js';
import { nonIncreasing } from './isotonic.js';
import { identity, type Matrix, multiply, scale, transpose, vectorTimes, zeros } from './matrix.js';
import { Moments, spreadAlong } from './moments.js';
import { ridgeRegression } from './ridge.js';
import { ResidualStretches } from './whitening.js';

function randomMatrix(rows: number, cols: number, random: Random): Matrix {
  const values = new Float32Array(rows * cols);
  random.addNoise(values, 0, values.length, 1);
  return { rows, cols, data: Float64Array.from(values) };
}

function distance(a: Matrix, b: Matrix): number {
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i]!)), 0);
}

const random = new Random(3);
const positive = (size: number) => {
  const a = randomMatrix(size, 2 * size, random);
  return scale(multiply(a, transpose(a)), new Float64Array(size).fill(1 / size), null);
};

describe('eigenvalues of symmetric matrices', () => {
  test.each([1, 2, 3, 10, 60])('of size %i rebuild the matrix', (size) => {
    const a = positive(size);
    const { values, vectors } = symmetricEigen(a);
    expect(distance(multiply(scale(vectors, null, values), transpose(vectors)), a)).toBeLessThan(1e-10);
    expect(distance(multiply(transpose(vectors), vectors), identity(size))).toBeLessThan(1e-12);
    expect([...values]).toEqual([...values].sort((x, y) => y - x));
  });

  test('of equal values, zeros and a rank of one', () => {
    expect([...symmetricEigen(identity(4)).values]).toEqual([1, 1, 1, 1]);
    expect([...symmetricEigen(zeros(3, 3)).values]).toEqual([0, 0, 0]);
    const one = { rows: 3, cols: 3, data: Float64Array.from([1, 2, 2, 2, 4, 4, 2, 4, 4]) };
    expect(symmetricEigen(one).values[0]).toBeCloseTo(9, 10);
    expect(symmetricEigen(one).values[2]).toBeCloseTo(0, 10);
  });

  test('a matrix with a number that is not finite is refused', () => {
    const bad = identity(3);
    bad.data[1] = Number.NaN;
    bad.data[3] = Number.NaN;
    expect(() => symmetricEigen(bad)).toThrow(/not finite/);
  });
});

test('Cholesky solves, and names the pivot of a matrix that is not positive definite', () => {
  const a = positive(12);
  const b = randomMatrix(12, 3, random);
  expect(distance(multiply(a, solve(a, b)), b)).toBeLessThan(1e-9);
  const l = cholesky(a);
  expect(distance(multiply(l, transpose(l)), a)).toBeLessThan(1e-10);
  expect(() => cholesky({ rows: 2, cols: 2, data: Float64Array.from([1, 2, 2, 1]) })).toThrow(/pivot 1/);
});

test('isotonic regression pools what rises', () => {
  expect([...nonIncreasing([5, 3, 4, 1, 2, 0])]).toEqual([5, 3.5, 3.5, 1.5, 1.5, 0]);
  expect([...nonIncreasing([1, 2, 3])]).toEqual([2, 2, 2]);
});

test('moments add, subtract and give covariances', () => {
  const rows = randomMatrix(50, 4, random);
  const [all, some] = [new Moments(4), new Moments(4)];
  for (let i = 0; i < 50; i++) {
    all.add(rows.data, i * 4);
    if (i >= 20) some.add(rows.data, i * 4);
  }
  const first = all.plus(some, -1);
  expect(first.count).toBe(20);
  const mean = first.mean();
  let expected = 0;
  for (let i = 0; i < 20; i++)
    expected += ((rows.data[i * 4 + 1]! - mean[1]!) * (rows.data[i * 4 + 3]! - mean[3]!)) / 20;
  expect(first.covariance().data[1 * 4 + 3]).toBeCloseTo(expected, 12);
  expect(first.covariance().data[3 * 4 + 1]).toBeCloseTo(expected, 12);
  const unit = { rows: 4, cols: 1, data: Float64Array.from([0, 1, 0, 0]) };
  expect(spreadAlong(first.covariance(), unit)[0]).toBeCloseTo(first.covariance().data[5]!, 12);
});

test('ridge regression finds the map, and the penalty holds it down without touching the intercept', () => {
  const moments = new Moments(3);
  for (let i = 0; i < 200; i++) {
    const [a, b] = [Math.sin(i), Math.cos(1.7 * i)];
    moments.add([a, b, 2 * a - b + 10]);
  }
  const free = ridgeRegression(moments, 2, 1e-9);
  expect(free.matrix.data[0]).toBeCloseTo(2, 5);
  expect(free.matrix.data[1]).toBeCloseTo(-1, 5);
  expect(free.intercept[0]).toBeCloseTo(10, 5);
  const held = ridgeRegression(moments, 2, 100);
  expect(Math.abs(held.matrix.data[0]!)).toBeLessThan(0.1);
  expect(held.intercept[0]).toBeCloseTo(10, 1);
});

describe('whitening', () => {
  const size = 8;
  const mixing = randomMatrix(size, size, new Random(8));
  const sample = (count: number, seed: number, drift = 0) => {
    const rows = randomMatrix(count, size, new Random(seed));
    const out = multiply(rows, mixing);
    for (let i = 0; i < count; i++) out.data[i * size]! += (drift * i) / count;
    return out;
  };
  const fitted = (rows: Matrix) => {
    const stretches = new ResidualStretches(size);
    for (let i = 0; i < rows.rows; i++) stretches.add(rows.data, i * size, i, rows.rows, 5);
    return stretches.whitening();
  };
  const meanScore = (rows: Matrix, { mean, matrix }: ReturnType<typeof fitted>) => {
    let sum = 0;
    for (let i = 0; i < rows.rows; i++) {
      const centred = rows.data.slice(i * size, (i + 1) * size).map((value, j) => value - mean[j]!);
      sum += vectorTimes(centred, matrix).reduce((total, value) => total + value * value, 0) / size;
    }
    return sum / rows.rows;
  };

  test('gives unit variance on rows that it has not seen', () => {
    const whitening = fitted(sample(3000, 1));
    expect(meanScore(sample(3000, 2), whitening)).toBeGreaterThan(0.85);
    expect(meanScore(sample(3000, 2), whitening)).toBeLessThan(1.1);
  });

  test('with few rows it is not fooled by spreads that are small by chance', () => {
    const rows = sample(40, 3);
    const whitening = fitted(rows);
    expect(meanScore(sample(3000, 4), whitening)).toBeLessThan(1.5);
  });

  test('a direction that drifts is trusted less', () => {
    const jump = sample(1, 5);
    jump.data.fill(0);
    jump.data[0] = 6;
    const steady = meanScore(jump, fitted(sample(2000, 6)));
    const drifting = meanScore(jump, fitted(sample(2000, 6, 6)));
    expect(drifting).toBeLessThan(steady / 2);
  });

  test('a feature that never moved is noticed when it does, and does not drown the rest', () => {
    const rows = sample(500, 7);
    for (let i = 0; i < rows.rows; i++) rows.data[i * size + 3] = 1;
    const whitening = fitted(rows);
    const one = { rows: 1, cols: size, data: Float64Array.from(whitening.mean) };
    expect(meanScore(one, whitening)).toBeLessThan(1e-9);
    one.data[3]! += 1;
    const score = meanScore(one, whitening);
    expect(score).toBeGreaterThan(3);
    expect(score).toBeLessThan(100);
  });
});
