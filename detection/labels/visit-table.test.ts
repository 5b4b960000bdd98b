import fc from 'fast-check';
import { checkString, hashString } from '../features/hash.js';
import { VisitTable } from './visit-table.js';

interface Counts {
  window: number;
  count: number;
  before: number;
}

const named = (name: string): [number, number] => [hashString(name), checkString(name)];

/** hash, check and count of all keys of a window */
function counted(table: VisitTable, window: number): number[][] {
  const { hashes, checks, counts } = table.counted(window);
  return [...hashes].map((hash, i) => [hash, checks[i]!, counts[i]!]);
}

test('counts as a map does, and so does what is laid from what was taken on the way', () => {
  const step = fc.record({ key: fc.nat(400), window: fc.nat(2), take: fc.nat(60) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 1500 }), (steps) => {
      const table = new VisitTable();
      let copy = new VisitTable();
      const plain = new Map<string, Counts>();
      steps.forEach(({ key, window: ahead, take }, i) => {
        const name = `t${key}`;
        // Windows go on slowly, and an event is of the newest or of the one before.
        const window = 100 + Math.floor(i / 500) - (ahead === 0 ? 1 : 0);
        const known = plain.get(name);
        expect(table.count(...named(name), window)).toBe(known !== undefined);
        if (known === undefined) {
          table.add(...named(name), window);
          plain.set(name, { window, count: 1, before: 0 });
        } else if (known.window === window) known.count++;
        else if (known.window === window + 1) known.before++;
        else {
          known.before = known.window === window - 1 ? known.count : 0;
          known.window = window;
          known.count = 1;
        }
        if (take === 0) copy = new VisitTable();
        if (take <= 2) copy.lay(table.take(take === 0));
      });
      copy.lay(table.take(false));
      expect(copy.size).toBe(plain.size);
      for (const window of [99, 100, 101, 102]) {
        const expected = [...plain]
          .map(([name, { window: newest, count, before }]) => [
            ...named(name),
            newest === window ? count : newest === window + 1 ? before : 0,
          ])
          .filter(([, , count]) => count! > 0)
          .sort(([a], [b]) => a! - b!);
        expect(counted(table, window)).toEqual(expected);
        expect(counted(copy, window)).toEqual(expected);
      }
    }),
    { numRuns: 60 },
  );
});

test('tells keys with one hash apart by the other, and orders them by it', () => {
  const table = new VisitTable();
  table.add(0xffff_ffff, 0xffff_fffe, 7);
  table.add(0xffff_ffff, 2, 7);
  expect(table.count(0xffff_ffff, 2, 7)).toBe(true);
  expect(table.count(0xffff_ffff, 3, 7)).toBe(false);
  // The last cell is taken, so this one's is the first.
  table.add(0xffff_fffe, 1, 7);
  const { hashes, checks, counts } = table.counted(7);
  expect([...hashes]).toEqual([0xffff_fffe, 0xffff_ffff, 0xffff_ffff]);
  expect([...checks]).toEqual([1, 2, 0xffff_fffe]);
  expect([...counts]).toEqual([1, 2, 1]);
});

test('hands out what has changed once', () => {
  const table = new VisitTable();
  table.add(5, 6, 10);
  expect([...table.take(false)]).toEqual([5, 6, 10, 1, 0]);
  expect([...table.take(false)]).toEqual([]);
  table.count(5, 6, 11);
  expect([...table.take(false)]).toEqual([5, 6, 11, 1, 1]);
  expect([...table.take(true)]).toEqual([5, 6, 11, 1, 1]);
});

test('forgets what was counted longest ago, and of that what was counted least', () => {
  const table = new VisitTable();
  const counts = [
    ['old', 9, 5],
    ['rare', 10, 1],
    ['often', 10, 3],
    ['new', 11, 1],
  ] as const;
  for (const [name, window, count] of counts)
    for (let i = 0; i < count; i++)
      if (!table.count(...named(name), window)) table.add(...named(name), window);
  const ranks = new Float64Array(4);
  table.ranks(ranks, 0);
  table.forget(ranks.sort()[1]!);
  expect(table.size).toBe(2);
  expect(table.count(...named('old'), 10)).toBe(false);
  expect(table.count(...named('rare'), 10)).toBe(false);
  expect(counted(table, 10)).toEqual([[...named('often'), 3]]);
  expect(counted(table, 11)).toEqual([[...named('new'), 1]]);
});

test('windows that few of many keys are counted in are as complete, also when cells move halfway', () => {
  const step = fc.record({
    // The table grows at 5,121 keys.
    key: fc.nat(5_300),
    late: fc.boolean(),
    kind: fc.constantFrom('count', 'count', 'count', 'lay', 'take'),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 200, maxLength: 400 }), (steps) => {
      let table = new VisitTable();
      const counts = new Map<string, number>();
      for (let key = 0; key < 5_100; key++) table.add(...named(`t${key}`), 100);
      steps.forEach(({ key, late, kind }, i) => {
        const window = 102 + Math.floor(i / 100) - (late ? 1 : 0);
        if (kind === 'take') table.take(false);
        if (kind === 'lay' && i % 90 < 3) {
          const numbers = table.take(true);
          table = new VisitTable();
          table.lay(numbers);
        }
        if (!table.count(...named(`t${key}`), window)) table.add(...named(`t${key}`), window);
        counts.set(`${window}|${key}`, 1 + (counts.get(`${window}|${key}`) ?? 0));
        if (i % 100 !== 99) return;
        const expected = [...counts]
          .map(([name, count]) => [...name.split('|').map(Number), count])
          .filter(([of]) => of === window - (late ? 0 : 1))
          .map(([, of, count]) => [...named(`t${of}`), count])
          .sort(([a], [b]) => a! - b!);
        expect(counted(table, window - (late ? 0 : 1))).toEqual(expected);
      });
    }),
    { numRuns: 60 },
  );
});

test('a key that is laid over is unchanged, and taken no more', () => {
  const table = new VisitTable();
  table.add(1, 2, 100);
  table.lay(Int32Array.of(1, 2, 100, 5, 0));
  expect(table.take(false)).toHaveLength(0);
  table.count(1, 2, 100);
  expect([...table.take(false)]).toEqual([1, 2, 100, 6, 0]);
});
