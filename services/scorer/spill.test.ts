import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { decodePage } from '../../detection/state/encoding.js';
import { Slab } from '../../detection/state/slab.js';
import { Spill, type SpilledRows } from './spill.js';

const LAYOUT = [
  { name: 'a', size: 3 },
  { name: 'b', size: 2 },
];
let folder: string;
const opened: Spill[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'riskwire-spill-test-'));
});
afterEach(async () => {
  for (const spill of opened.splice(0)) spill.close();
  await rm(folder, { recursive: true, force: true });
});

function open(): Spill {
  const spill = new Spill(LAYOUT, folder);
  opened.push(spill);
  return spill;
}

/** what a snapshot holds, by key */
function contents(rows: SpilledRows): Map<string, { time: number; row: number[] }> {
  const slab = new Slab(LAYOUT, 10_000);
  let count = 0;
  for (const page of rows.pages()) count += decodePage(page, slab, () => undefined);
  expect(count).toBe(rows.rows);
  rows.close();
  return new Map(
    slab.keys.map((key, slot) => [
      key,
      { time: slab.times[slot]!, row: [...slab.data.subarray(slot * slab.stride, (slot + 1) * slab.stride)] },
    ]),
  );
}

const key = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((n) => `k${n}`),
  fc
    .integer({ min: 0, max: 8 })
    .map((n) => `a key that is longer than what is read at first, ${'é'.repeat(n * 20)}`),
);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key,
      value: fc.float({ noNaN: true }),
      changed: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('take' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('snapshot' as const), whole: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'read' as const }) },
);

test('gives back what was put in, and snapshots hold what was there when they were taken', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const spill = open();
      const model = new Map<string, { time: number; row: number[] }>();
      const changed = new Set<string>();
      const snapshots: { rows: SpilledRows; expected: Map<string, { time: number; row: number[] }> }[] = [];
      const read = () => {
        for (const { rows, expected } of snapshots.splice(0)) expect(contents(rows)).toEqual(expected);
      };
      steps.forEach((one, index) => {
        if (one.kind === 'put') {
          if (model.has(one.key)) return;
          const row = Float32Array.of(one.value, index, 0, -1, Math.fround(1 / (index + 1)));
          spill.put(one.key, index * 1000, row, one.changed);
          model.set(one.key, { time: index * 1000, row: [...row] });
          if (one.changed) changed.add(one.key);
        } else if (one.kind === 'take') {
          const row = new Float32Array(5);
          const time = spill.take(one.key, row);
          const expected = model.get(one.key);
          expect(time).toBe(expected?.time);
          if (expected) expect([...row]).toEqual(expected.row);
          model.delete(one.key);
          changed.delete(one.key);
        } else if (one.kind === 'snapshot') {
          const names = one.whole ? [...model.keys()] : [...changed];
          snapshots.push({
            rows: spill.rowsOf(one.whole),
            expected: new Map(names.map((name) => [name, model.get(name)!])),
          });
          changed.clear();
        } else read();
        expect(spill.size).toBe(model.size);
      });
      read();
    }),
    { numRuns: 200 },
  );
});

test('places are used again, so the file is no larger than the most rows that were out at once', () => {
  const spill = open();
  const row = new Float32Array(5);
  for (let round = 0; round < 20; round++) {
    for (let n = 0; n < 500; n++) spill.put(`${round}-${n}`, n, row, true);
    for (let n = 0; n < 500; n++) expect(spill.take(`${round}-${n}`, row)).toBe(n);
  }
  expect(spill.size).toBe(0);
  expect(spill.bytes).toBe(500 * 64);
});

test('leaves no file behind, whenever the process ends', async () => {
  open().put('a', 1, new Float32Array(5), true);
  expect(await readdir(folder)).toEqual([]);
});

test('a folder that can’t be written to is named with the remedy', () => {
  const spill = new Spill(LAYOUT, '/no/such/folder');
  expect(() => spill.put('a', 1, new Float32Array(5), true)).toThrow(
    /\/no\/such\/folder.*RISKWIRE_SPILL_DIR/,
  );
});

test('a slab with it forgets nothing', () => {
  const slab = new Slab(LAYOUT, 4);
  const spill = open();
  slab.overflow = spill;
  const created: string[] = [];
  for (let round = 1; round <= 3; round++) {
    for (let n = 0; n < 20; n++) {
      slab.beginBatch();
      const slot = slab.slotOf(`k${n}`, (one) => created.push(slab.keys[one]!));
      slab.times[slot] = round * 100 + n;
      slab.data[slot * slab.stride] = slab.data[slot * slab.stride]! + 1;
      expect(slab.data[slot * slab.stride]).toBe(round);
    }
  }
  expect(created).toHaveLength(20);
  expect(slab.size).toBe(4);
  expect(spill.size).toBe(16);
});
