import type { Detector, DetectorBatch, StateBlock, TrainingSet } from '../../detection/contract.js';

export interface DetectorCase {
  readonly name: string;
  readonly features: number;
  readonly sensors: number;
  /** a detector that has learnt from `stream(…)` of these sizes, or needs no training */
  make(): Promise<Detector> | Detector;
  /** the same detector after saving and loading; without it the detector has nothing to save */
  reload?(detector: Detector): Detector;
  /** tensors alive, for detectors that hold some */
  tensors?(): number;
  /** false: this detector need not name a spike's feature first (it judges something else) */
  readonly reasons?: false;
}

/** A stream of several entities: common factors with memory, so that features follow from each other and from the past. */
export function stream(rows: number, features: number, sensors: number, entities = 7, seed = 1): TrainingSet {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const mixing = Array.from({ length: features * 3 }, normal);
  const factors = Array.from({ length: entities }, () => [normal(), normal(), normal()]);
  const last = new Float64Array(entities).fill(Number.NaN);
  const seen = new Int32Array(entities);
  const set = {
    rows,
    features,
    sensors,
    x: new Float32Array(rows * features),
    raw: new Float64Array(rows * sensors),
    entities: new Int32Array(rows),
    domains: new Int32Array(rows),
    times: new Float64Array(rows),
    gaps: new Float64Array(rows),
    ages: new Float64Array(rows),
    hoursOfWeek: new Float32Array(rows),
  };
  let time = 1_700_000_000;
  for (let i = 0; i < rows; i++) {
    const entity = Math.floor(uniform() ** 2 * entities);
    time += 60 + 600 * uniform();
    set.entities[i] = entity;
    set.domains[i] = entity % 3;
    set.times[i] = time;
    set.gaps[i] = time - last[entity]!;
    set.ages[i] = seen[entity]!++;
    set.hoursOfWeek[i] = (time / 3600) % 168;
    last[entity] = time;
    const own = factors[entity]!;
    for (let f = 0; f < 3; f++) own[f] = 0.8 * own[f]! + 0.6 * normal();
    for (let j = 0; j < features; j++) {
      let value = 0.3 * normal();
      for (let f = 0; f < 3; f++) value += mixing[j * 3 + f]! * own[f]!;
      set.x[i * features + j] = value;
      if (j < sensors) set.raw[i * sensors + j] = 20 + 2 * value;
    }
    // the last sensor sticks for a while
    if (i >= 500 && i < 600) set.raw[i * sensors + sensors - 1] = 21;
    for (let s = features; s < sensors; s++) set.raw[i * sensors + s] = 20 + normal();
  }
  return set;
}

/** rows from..to of a set as the scorer would hand them over */
export function batchOf(
  set: TrainingSet,
  from = 0,
  to = set.rows,
  slotOf = (entity: number) => entity,
): DetectorBatch {
  return {
    size: to - from,
    slots: set.entities.slice(from, to).map(slotOf),
    domains: set.domains.slice(from, to),
    times: set.times.slice(from, to),
    gaps: set.gaps.slice(from, to),
    ages: set.ages.slice(from, to),
    hoursOfWeek: set.hoursOfWeek.slice(from, to),
    x: set.x.slice(from * set.features, to * set.features),
    features: set.features,
    raw: set.raw.slice(from * set.sensors, to * set.sensors),
    sensors: set.sensors,
  };
}

const MARK = 7.25;
const SLOTS = 9;

/** State as in a slab: other parts' numbers lie before and behind each entity's block. */
export function stateFor(detector: Detector): StateBlock {
  const offset = 3;
  const stride = detector.stateSize + 5;
  const data = new Float32Array(SLOTS * stride).fill(MARK);
  const state = { data, stride, offset };
  for (let slot = 0; slot < SLOTS; slot++) detector.initState(state, slot);
  return state;
}

export function scoresOf(
  detector: Detector,
  set: TrainingSet,
  state: StateBlock,
  cuts: readonly number[],
): Float32Array {
  const scores = new Float32Array(set.rows);
  let from = 0;
  for (let c = 0; from < set.rows; c++) {
    const to = Math.min(set.rows, from + cuts[c % cuts.length]!);
    const out = new Float32Array(to - from);
    detector.score(batchOf(set, from, to), state, out);
    scores.set(out, from);
    from = to;
  }
  return scores;
}

function expectClose(actual: Float32Array, expected: Float32Array): void {
  const worst = actual.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - expected[i]!) / (1 + Math.abs(expected[i]!))),
    0,
  );
  expect(worst).toBeLessThanOrEqual(1e-5);
}

/** jest compares large arrays number by number, which takes seconds */
function sameBits(a: Float32Array, b: Float32Array): boolean {
  return Buffer.from(a.buffer).equals(Buffer.from(b.buffer));
}

/** What every detector promises. Call it inside a test file, once for each detector. */
export function detectorSuite(subject: DetectorCase): void {
  const { features, sensors } = subject;
  describe(`${subject.name} keeps the contract`, () => {
    let detector: Detector;
    const set = stream(700, features, sensors, 7, 5);
    beforeAll(async () => {
      detector = await subject.make();
    });
    afterAll(() => {
      detector.dispose();
    });

    test('scores do not depend on where batches are cut', () => {
      const whole = stateFor(detector);
      const cut = stateFor(detector);
      const expected = scoresOf(detector, set, whole, [set.rows]);
      const actual = scoresOf(detector, set, cut, [1, 2, 17, 5, 64, 3]);
      expectClose(actual, expected);
      expect(sameBits(cut.data, whole.data)).toBe(true);
      expect(new Set(expected.slice(300)).size).toBeGreaterThan(1);
    });

    test('an entity is scored as if it were alone, and only its own state changes', () => {
      const state = stateFor(detector);
      const together = scoresOf(detector, set, state, [128]);
      const mine = Array.from(set.entities.keys()).filter((row) => set.entities[row] === 1);
      const alone = pick(set, mine);
      const own = stateFor(detector);
      const before = own.data.slice();
      const scores = scoresOf(detector, alone, own, [128]);
      expectClose(
        scores,
        Float32Array.from(mine, (row) => together[row]!),
      );
      const from = own.stride + own.offset;
      for (const data of [own.data, before]) data.fill(0, from, from + detector.stateSize);
      expect(sameBits(own.data, before)).toBe(true);
    });

    test('a slot that another entity left behind is as good as new', () => {
      const fresh = stateFor(detector);
      const used = stateFor(detector);
      scoresOf(detector, stream(300, features, sensors, 7, 9), used, [100]);
      for (let slot = 0; slot < SLOTS; slot++) detector.initState(used, slot);
      expect(sameBits(used.data, fresh.data)).toBe(true);
    });

    test('odd input gives finite scores and states', () => {
      const odd = oddStream(set);
      const state = stateFor(detector);
      const scores = scoresOf(detector, odd, state, [50]);
      const after = scoresOf(detector, set, state, [50]);
      for (const value of [...scores, ...after]) expect(Number.isFinite(value)).toBe(true);
    });

    test('an empty batch is no event', () => {
      const state = stateFor(detector);
      const before = state.data.slice();
      detector.score(batchOf(set, 0, 0), state, new Float32Array(0));
      expect(sameBits(state.data, before)).toBe(true);
    });

    test('reasons: shares add up to at most 1, best first, within the space', () => {
      const state = stateFor(detector);
      scoresOf(detector, set, state, [set.rows]);
      for (let row = 0; row < set.rows; row += 50) {
        const reasons = detector.explain(row, 4);
        expect(reasons.length).toBeLessThanOrEqual(4);
        let total = 0;
        reasons.forEach((reason, i) => {
          expect(reason.index).toBeGreaterThanOrEqual(0);
          expect(reason.index).toBeLessThan(reason.space === 'feature' ? features : sensors);
          expect(reason.share).toBeGreaterThanOrEqual(0);
          expect(reason.share).toBeLessThanOrEqual(reasons[i - 1]?.share ?? 1 + 1e-6);
          total += reason.share;
        });
        expect(total).toBeLessThanOrEqual(1 + 1e-6);
      }
    });

    if (subject.reasons !== false)
      test('a spike raises the score, and its feature is the first reason', () => {
        let right = 0;
        let tried = 0;
        for (let feature = 0; feature < Math.min(features, sensors); feature++) {
          const spiked = withSpike(set, feature);
          const state = stateFor(detector);
          scoresOf(detector, pick(set, range(set.rows - 1)), state, [128]);
          const usual = { ...state, data: state.data.slice() };
          const [plain, high] = [new Float32Array(1), new Float32Array(1)];
          detector.score(batchOf(set, set.rows - 1), usual, plain);
          detector.score(batchOf(spiked, set.rows - 1), state, high);
          expect(high[0]!).toBeGreaterThan(plain[0]!);
          tried++;
          const first = detector.explain(0, 3)[0];
          if (first?.index === feature && first.direction === 'high') right++;
        }
        expect(right / tried).toBeGreaterThanOrEqual(0.9);
      });

    const { reload, tensors } = subject;
    if (reload)
      test('saved and loaded it scores the same', () => {
        const other = reload(detector);
        const scores = scoresOf(other, set, stateFor(other), [90]);
        expect(scores).toEqual(scoresOf(detector, set, stateFor(detector), [90]));
        other.dispose();
      });
    if (tensors)
      test('leaves no tensors behind', async () => {
        const before = tensors();
        const other = await subject.make();
        // The last batch may stay for explain(); the next one takes its place.
        scoresOf(other, set, stateFor(other), [set.rows]);
        const alive = tensors();
        scoresOf(other, set, stateFor(other), [40]);
        expect(tensors()).toBe(alive);
        other.dispose();
        expect(tensors()).toBe(before);
      });
  });
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

/** some rows of a set */
function pick(set: TrainingSet, rows: readonly number[]): TrainingSet {
  const cells = <T extends Float32Array | Float64Array>(values: T, width: number, out: T): T => {
    rows.forEach((row, i) => {
      out.set(values.subarray(row * width, (row + 1) * width), i * width);
    });
    return out;
  };
  return {
    rows: rows.length,
    features: set.features,
    sensors: set.sensors,
    x: cells(set.x, set.features, new Float32Array(rows.length * set.features)),
    raw: cells(set.raw, set.sensors, new Float64Array(rows.length * set.sensors)),
    entities: Int32Array.from(rows, (row) => set.entities[row]!),
    domains: Int32Array.from(rows, (row) => set.domains[row]!),
    times: Float64Array.from(rows, (row) => set.times[row]!),
    gaps: Float64Array.from(rows, (row) => set.gaps[row]!),
    ages: Float64Array.from(rows, (row) => set.ages[row]!),
    hoursOfWeek: Float32Array.from(rows, (row) => set.hoursOfWeek[row]!),
  };
}

function withSpike(set: TrainingSet, feature: number): TrainingSet {
  const x = set.x.slice();
  const raw = set.raw.slice();
  x[(set.rows - 1) * set.features + feature]! += 12;
  raw[(set.rows - 1) * set.sensors + feature]! += 24;
  return { ...set, x, raw };
}

/** every column holds the worst that the contract lets through, and a little more */
function oddStream(set: TrainingSet): TrainingSet {
  const worst = [
    0,
    -0,
    1e30,
    -1e30,
    3.4e38,
    Number.MIN_VALUE,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ];
  const turn = (i: number) => worst[i % worst.length]!;
  return {
    ...set,
    x: set.x.map((value, i) => (i % 4 === 0 ? turn(i >> 2) : value)),
    raw: set.raw.map((value, i) => (i % 3 === 0 ? turn(i) : value)),
    gaps: set.gaps.map((value, i) => (i % 5 === 0 ? turn(i) : value)),
    times: set.times.map((value, i) => (i % 50 === 0 ? 0 : value)),
    domains: set.domains.map((value, i) => [value, -1, 99][i % 3]!),
    hoursOfWeek: set.hoursOfWeek.map((value, i) => (i % 7 === 0 ? [167.99, 0, Number.NaN][i % 3]! : value)),
  };
}
