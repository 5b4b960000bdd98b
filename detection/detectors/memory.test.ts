import type { DetectorBatch, StateBlock } from '../contract.js';
import { Random } from '../training/random.js';
import { tailScore } from './memory/tails.js';
import { MemoryDetector, type MemoryOptions } from './memory.js';

const HOUR = 3600;

interface Rows {
  readonly slots: number[];
  readonly raw: number[][];
}

function batchOf(rows: Rows, from: number, to: number): DetectorBatch {
  const size = to - from;
  const sensors = rows.raw[0]!.length;
  const times = Float64Array.from({ length: size }, (_, i) => (from + i) * 600);
  return {
    size,
    slots: Int32Array.from(rows.slots.slice(from, to)),
    domains: new Int32Array(size),
    times,
    gaps: new Float64Array(size),
    ages: new Float64Array(size),
    hoursOfWeek: Float32Array.from(times, (time) => (time / HOUR) % 168),
    x: new Float32Array(0),
    features: 0,
    raw: Float64Array.from(rows.raw.slice(from, to).flat()),
    sensors,
  };
}

function fresh(options: MemoryOptions, entities: number): { memory: MemoryDetector; state: StateBlock } {
  const memory = new MemoryDetector(options);
  // the block lies inside a wider row, after what others left there
  const stride = memory.stateSize + 5;
  const state = { data: new Float32Array(entities * stride).fill(77), stride, offset: 3 };
  for (let slot = 0; slot < entities; slot++) memory.initState(state, slot);
  return { memory, state };
}

/** scores in micro-batches that end at `cuts` */
function scoresOf(options: MemoryOptions, entities: number, rows: Rows, cuts: readonly number[]) {
  const { memory, state } = fresh(options, entities);
  const scores = new Float32Array(rows.slots.length);
  let from = 0;
  for (const to of [...cuts, rows.slots.length]) {
    if (to > from) memory.score(batchOf(rows, from, to), state, scores.subarray(from, to));
    from = Math.max(from, to);
  }
  return { memory, state, scores };
}

function randomRows(count: number, entities: number, sensors: number, seed: number): Rows {
  const random = new Random(seed);
  return {
    slots: Array.from({ length: count }, () => random.below(entities)),
    raw: Array.from({ length: count }, () =>
      Array.from({ length: sensors }, () =>
        random.uniform() < 0.02 ? Number.NaN : 1e6 + Math.round(100 * -Math.log(1 - random.uniform())) / 10,
      ),
    ),
  };
}

/** The tail's rule written down naively: sorts the whole of both generations. */
class NaiveTail {
  private now: number[] = [];
  private last: number[] = [];
  private seen = 0;

  score(value: number, keep: number, generation: number, share: number, warmUp: number): number {
    const most = (list: number[]): number[] => [...list].sort((a, b) => b - a).slice(0, keep);
    const m = this.now.length + this.last.length;
    let score = 0;
    if (this.seen >= warmUp) {
      const k = Math.min(Math.max(5, Math.floor(share * m)), keep - 1);
      const top = [...most(this.now), ...most(this.last)].sort((a, b) => b - a).slice(0, k + 1);
      const u = top[k];
      if (u !== undefined && value > u) {
        const above = top.filter((other) => other > value).length;
        const equal = top.filter((other) => other === value).length;
        const p = (above + 0.5 * equal + 0.5) / (m + 1);
        const excess = Math.max(1e-9, top.slice(0, k).reduce((sum, x) => sum + x, 0) / k - u);
        const log = Math.log10(k / m) - Math.min((value - u) / excess, 600) / Math.LN10;
        score = Math.max(0, -0.5 * Math.log10(p) - 0.5 * log);
      }
    }
    this.seen++;
    this.now.push(value);
    if (this.now.length === generation) {
      this.last = this.now;
      this.now = [];
    }
    return score;
  }
}

/** The small memory written down naively in doubles. */
function naiveSmall(values: readonly number[]): number[] {
  const tails = Array.from({ length: 4 }, () => new NaiveTail());
  let short = 0;
  return values.map((value, n) => {
    const x = Math.fround(value - values[0]!);
    short = Math.fround(short + Math.max(0.3, 1 / (n + 1)) * (x - short));
    const sides = [x, -x, short, -short].map((w, i) => tails[i]!.score(w, 8, 500, 0.01, 20));
    const features = [Math.max(sides[0]!, sides[1]!), Math.max(sides[2]!, sides[3]!)];
    return ((features[0]! ** 1.25 + features[1]! ** 1.25) / 2) ** 0.8;
  });
}

const wave = (count: number, seed: number): number[] => {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, n) => {
    return 50 + 10 * Math.sin((n * 2 * Math.PI) / 144) + random.uniform() + random.uniform();
  });
};

const oneSeries = (values: readonly number[]): Rows => ({
  slots: values.map(() => 0),
  raw: values.map((value) => [value]),
});

test('the small memory equals its rule written down naively, over several generations', () => {
  const random = new Random(5);
  const values = Array.from({ length: 2600 }, () => Math.round(20 * -Math.log(1 - random.uniform())));
  const { scores } = scoresOf({ sensors: 1, size: 'small' }, 1, oneSeries(values), []);
  const expected = naiveSmall(values);
  expect(expected.filter((score) => score > 0).length).toBeGreaterThan(30);
  expected.forEach((score, n) => {
    expect(Math.abs(scores[n]! - score)).toBeLessThan(1e-4 * (1 + score));
  });
});

test("a value's tail is judged by rank and excess, half each", () => {
  const settings = { keep: 8, generation: 1000, share: 0.01, warmUp: 0 };
  const data = new Float32Array(64);
  // 20 values seen, the largest 10, 9, 8, 7, 6, 5, 4, 3; rank 5: edge 5, mean excess (10+9+8+7+6)/5 - 5 = 3
  data.set([20, 0, 0], 0);
  data.set([Number.NaN, 3], 3);
  data.set([10, 9, 8, 7, 6, 5, 4, 3], 5);
  const byRank = Math.log10(0.5 / 21);
  const byExcess = Math.log10(5 / 20) - (11 - 5) / 3 / Math.LN10;
  expect(tailScore(data, 3, 5, 0, 5, 11, settings)).toBeCloseTo(-0.5 * byRank - 0.5 * byExcess, 5);
  expect([...data.subarray(5, 13)]).toEqual([11, 10, 9, 8, 7, 6, 5, 4]);
});

describe.each(['small', 'large'] as const)('%s memory', (size) => {
  test('does not depend on where batches are cut, nor on the order of entities in the slab', () => {
    const rows = randomRows(1500, 4, 2, 1);
    const whole = scoresOf({ sensors: 2, size }, 4, rows, []);
    const cut = scoresOf({ sensors: 2, size }, 4, rows, [1, 2, 50, 51, 700, 1499]);
    expect(cut.scores).toEqual(whole.scores);
    expect(cut.state.data).toEqual(whole.state.data);
    const turned = { ...rows, slots: rows.slots.map((slot) => 3 - slot) };
    expect(scoresOf({ sensors: 2, size }, 4, turned, [333]).scores).toEqual(whole.scores);
  });

  test('holds all its state in the slab: a copy of the floats goes on exactly the same', () => {
    const rows = randomRows(1500, 2, 1, 2);
    const whole = scoresOf({ sensors: 1, size }, 2, rows, []);
    const first = fresh({ sensors: 1, size }, 2);
    first.memory.score(batchOf(rows, 0, 900), first.state, new Float32Array(900));
    const second = new MemoryDetector({ sensors: 1, size });
    const rest = new Float32Array(600);
    second.score(batchOf(rows, 900, 1500), { ...first.state, data: first.state.data.slice() }, rest);
    expect(rest).toEqual(whole.scores.subarray(900));
  });

  test('leaves the rest of the slab alone', () => {
    const { state } = scoresOf({ sensors: 1, size }, 2, randomRows(600, 2, 1, 3), []);
    for (let slot = 0; slot < 2; slot++) {
      const row = state.data.subarray(slot * state.stride, (slot + 1) * state.stride);
      expect([...row.subarray(0, 3), ...row.subarray(row.length - 2)]).toEqual([77, 77, 77, 77, 77]);
    }
  });

  test('passes over missing values, and says nothing before it has seen enough', () => {
    const values = wave(400, 4);
    const { scores } = scoresOf({ sensors: 1, size }, 1, oneSeries(values), []);
    expect(scores.subarray(0, size === 'large' ? 100 : 20).every((score) => score === 0)).toBe(true);
    const holed = values.flatMap((value) => [value, Number.NaN, Number.POSITIVE_INFINITY]);
    if (size === 'large') return; // its habit by hour sees other hours here
    const holedScores = scoresOf({ sensors: 1, size }, 1, oneSeries(holed), []).scores;
    expect(holedScores.filter((_, n) => n % 3 === 0)).toEqual(scores);
    expect(holedScores.filter((_, n) => n % 3 > 0).every((score) => score === 0)).toBe(true);
  });

  test('a spike scores far above its surroundings and names the sensor, the usual value and the direction', () => {
    const rows: Rows = oneSeries(wave(2000, 6));
    const other = wave(2000, 7);
    rows.raw.forEach((row, n) => {
      row.push(other[n % 100]!);
    });
    rows.raw[1990]![0] = 95;
    const { memory, scores } = scoresOf(
      { sensors: 2, size },
      1,
      { slots: rows.slots, raw: rows.raw },
      [1990],
    );
    const usual = Math.max(...scores.subarray(500, 1990));
    expect(scores[1990]).toBeGreaterThan(1.2 * usual);
    const [first] = memory.explain(0, 3);
    expect(first).toMatchObject({ index: 0, space: 'sensor', direction: 'high' });
    expect(first!.expected).toBeGreaterThan(45);
    expect(first!.expected).toBeLessThan(56);
    expect(first!.share).toBeGreaterThan(0.5);
  });

  test('a counter of 1e9 is judged like the same course near zero', () => {
    const values = wave(1500, 8).map((value) => Math.round(value * 64) / 64);
    const low = scoresOf({ sensors: 1, size: 'small' }, 1, oneSeries(values), []).scores;
    const high = scoresOf(
      { sensors: 1, size: 'small' },
      1,
      oneSeries(values.map((value) => value + 1e9)),
      [],
    ).scores;
    expect(high).toEqual(low);
  });
});

test('an entity that falls silent in a large memory is stuck, not high', () => {
  const random = new Random(9);
  const values = Array.from({ length: 3000 }, () => 50 + random.uniform());
  values.fill(50.5, 2949);
  const { memory, scores } = scoresOf({ sensors: 1, size: 'large' }, 1, oneSeries(values), [2960]);
  expect(scores[2960]).toBeGreaterThan(0.5);
  expect(memory.explain(0, 1)[0]!.direction).toBe('stuck');
});

test('logarithms are remembered where asked, and the usual value comes back in the unit of the field', () => {
  const random = new Random(10);
  const values = Array.from({ length: 300 }, () => Math.exp(3 + random.uniform()));
  values[299] = 5000;
  const { memory } = scoresOf({ sensors: 1, size: 'small', log: [true] }, 1, oneSeries(values), [299]);
  const [reason] = memory.explain(0, 1);
  expect(reason!.expected).toBeGreaterThan(Math.exp(3.2));
  expect(reason!.expected).toBeLessThan(Math.exp(3.8));
});

test('equal readings score nothing, however long', () => {
  const { scores } = scoresOf({ sensors: 1, size: 'large' }, 1, oneSeries(new Array(5000).fill(4.2)), []);
  expect(scores.every((score) => score === 0)).toBe(true);
});

test('memory after millions of events still moves: the mean follows in two floats', () => {
  const { memory, state } = fresh({ sensors: 1, size: 'large' }, 1);
  memory.score(batchOf(oneSeries([1e6, 1e6 + 1]), 0, 2), state, new Float32Array(2));
  state.data[state.offset] = 2 ** 24 - 1;
  const expected: number[] = [];
  for (let n = 0; n < 3; n++) {
    memory.score(batchOf(oneSeries([1e6 + 1000]), 0, 1), state, new Float32Array(1));
    expected.push(state.data[state.offset + 6]! + state.data[state.offset + 7]!);
  }
  expect(expected[1]).toBeGreaterThan(expected[0]!);
  expect(expected[2]).toBeGreaterThan(expected[1]!);
});

test('tells which sensors usually have a reading and have none now', () => {
  const rows: Rows = {
    slots: new Array<number>(100).fill(0),
    raw: Array.from({ length: 100 }, (_, i) => [
      i < 90 ? i % 7 : Number.NaN,
      Number.NaN,
      i < 25 ? 1 : Number.NaN,
    ]),
  };
  const { memory, state } = fresh({ sensors: 3, size: 'small' }, 1);
  const ages = Float64Array.from({ length: 100 }, (_, i) => i);
  memory.score({ ...batchOf(rows, 0, 100), ages }, state, new Float32Array(100));
  expect(memory.missing(10)).toEqual([]);
  expect(memory.missing(40)).toEqual([2]);
  expect(memory.missing(89)).toEqual([]); // the third has been away for longer than it was there
  expect(memory.missing(95)).toEqual([0]);
});
