import fc from 'fast-check';
import { checkString, hashString } from '../features/hash.js';
import { VisitTable } from './visit-table.js';

interface Counts {
  window: number;
  count: number;
  before: number;
}

test('counts as a map does, through growth and removal', () => {
  const step = fc.record({ key: fc.nat(400), window: fc.nat(2), remove: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 1500 }), (steps) => {
      const table = new VisitTable();
      const plain = new Map<string, Counts>();
      const names: string[] = [];
      steps.forEach(({ key, window: ahead, remove }, i) => {
        const name = `t${key}`;
        const hash = hashString(name);
        const check = checkString(name);
        // Windows go on slowly, and an event is of the newest or of the one before.
        const window = 100 + Math.floor(i / 500) - (ahead === 0 ? 1 : 0);
        const known = plain.get(name);
        if (remove && i % 3 === 0) {
          table.remove(hash, check);
          plain.delete(name);
          return;
        }
        expect(table.count(hash, check, window)).toBe(known !== undefined);
        if (known === undefined) {
          table.add(hash, check, names.push(name) - 1, window);
          plain.set(name, { window, count: 1, before: 0 });
        } else if (known.window === window) known.count++;
        else if (known.window === window + 1) known.before++;
        else {
          known.before = known.window === window - 1 ? known.count : 0;
          known.window = window;
          known.count = 1;
        }
      });
      for (const window of [99, 100, 101, 102]) {
        const { hashes, checks, counts } = table.counted(window);
        const found = [...hashes].map((hash, i) => [hash, checks[i], counts[i]]);
        const expected = [...plain]
          .map(([name, { window: newest, count, before }]): [number, number, number] => [
            hashString(name),
            checkString(name),
            newest === window ? count : newest === window + 1 ? before : 0,
          ])
          .filter(([, , count]) => count > 0)
          .sort(([a], [b]) => a - b);
        expect(found).toEqual(expected);
      }
    }),
    { numRuns: 60 },
  );
});

test('tells keys with one hash apart by the other, and orders them by it', () => {
  const table = new VisitTable();
  table.add(0xffff_ffff, 0xffff_fffe, 0, 7);
  table.add(0xffff_ffff, 2, 1, 7);
  expect(table.count(0xffff_ffff, 2, 7)).toBe(true);
  expect(table.count(0xffff_ffff, 3, 7)).toBe(false);
  // The last cell is taken, so this one's is the first.
  table.add(0xffff_fffe, 1, 2, 7);
  const { hashes, checks, counts } = table.counted(7);
  expect([...hashes]).toEqual([0xffff_fffe, 0xffff_ffff, 0xffff_ffff]);
  expect([...checks]).toEqual([1, 2, 0xffff_fffe]);
  expect([...counts]).toEqual([1, 2, 1]);
});

test('hands out what has changed once', () => {
  const table = new VisitTable();
  const taken = () => {
    const rows: number[][] = [];
    table.flush((...row) => rows.push(row));
    return rows;
  };
  table.add(5, 6, 3, 10);
  expect(taken()).toEqual([[3, 10, 1, 0]]);
  expect(taken()).toEqual([]);
  table.count(5, 6, 11);
  expect(taken()).toEqual([[3, 11, 1, 1]]);
});
