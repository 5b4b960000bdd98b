import fc from 'fast-check';
import { checkString, hashString } from '../features/hash.js';
import { LastGood } from './last-good.js';

const of = (names: readonly string[], counts = names.map(() => 1)) => ({
  hashes: Uint32Array.from(names, (name) => hashString(name)),
  checks: Uint32Array.from(names, checkString),
  counts: Uint32Array.from(counts),
});
const pair = (name: string) => [hashString(name), checkString(name)] as const;
const nobody = () => {
  throw new Error('nobody is followed');
};

test('knows what a map knows, while entities come to be followed and are left again', () => {
  const step = fc.record({
    kind: fc.constantFrom('visits', 'visits', 'follow', 'leave', 'forget'),
    first: fc.nat(600),
    many: fc.nat(200),
    day: fc.integer({ min: -40, max: 40 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const known = new LastGood(1_000_000);
      const good = new Map<string, number>();
      const followed = new Map<string, number>();
      steps.forEach(({ kind, first, many, day }, number) => {
        // Few, so that most are followed and left again, and some more than once.
        const name = `t${first % 12}`;
        if (kind === 'visits') {
          const names = Array.from({ length: many }, (_, i) => `t${first + i}`);
          const counts = names.map((_, i) => 1 + (i % 5));
          const seen: [number, number][] = [];
          const sum = known.visits(of(names, counts), day, (...one) => seen.push(one));
          const others = names.filter((one) => !followed.has(one));
          for (const one of others) good.set(one, Math.max(day, good.get(one) ?? day));
          expect(sum).toBe(others.reduce((all, one) => all + counts[names.indexOf(one)]!, 0));
          expect(seen).toEqual(
            names.flatMap((one, i) => (followed.has(one) ? [[followed.get(one), counts[i]]] : [])),
          );
        } else if (kind === 'follow' && !followed.has(name)) {
          expect(known.follow(...pair(name), number)).toBe(good.get(name));
          good.delete(name);
          followed.set(name, number);
        } else if (kind !== 'follow' && followed.has(name)) {
          known.leave(...pair(name), kind === 'leave' ? day : undefined);
          followed.delete(name);
          if (kind === 'leave') good.set(name, day);
        }
      });
      expect(known.size).toBe(good.size);
      const names = Array.from({ length: 800 }, (_, i) => `t${i}`);
      expect(names.map((name) => known.followed(...pair(name)))).toEqual(
        names.map((name) => followed.get(name) ?? -1),
      );
      const others = names.filter((name) => !followed.has(name));
      expect(others.map((name) => known.follow(...pair(name), 0))).toEqual(
        others.map((name) => good.get(name)),
      );
    }),
    { numRuns: 100 },
  );
});

test('those that were good last the longest ago make room', () => {
  const known = new LastGood(4);
  known.visits(of(['a', 'b', 'c']), 1, nobody);
  known.visits(of(['b', 'd']), 2, nobody);
  expect(known.size).toBe(4);
  known.visits(of(['e']), 3, nobody);
  expect(known.size).toBe(3);
  const day = (name: string, number: number) => known.follow(...pair(name), number);
  expect(['a', 'b', 'c', 'd', 'e'].map(day)).toEqual([undefined, 2, undefined, 2, 3]);
});

test('an empty cell is not the one of an entity whose hashes are 0', () => {
  const known = new LastGood(10);
  const window = { hashes: Uint32Array.of(0), checks: Uint32Array.of(0), counts: Uint32Array.of(3) };
  expect(known.visits(window, 5, nobody)).toBe(3);
  expect(known.size).toBe(1);
  expect(known.visits(window, 4, nobody)).toBe(3);
  expect(known.size).toBe(1);
  expect(known.follow(0, 0, 1)).toBe(5);
});

test('a window that comes in parts, each with its own share of all hashes, costs what one in any order does', () => {
  const size = 100_000;
  const anyOrder = Uint32Array.from({ length: size }, (_, i) => Math.imul(i, 0x9e3779b1));
  const byHash = anyOrder.slice().sort();
  const partsOf = (all: Uint32Array) =>
    Array.from({ length: 5 }, (_, part) => {
      const hashes = all.subarray((part * size) / 5, ((part + 1) * size) / 5);
      return { hashes, checks: hashes, counts: hashes };
    });
  const cost = (parts: ReturnType<typeof partsOf>) => {
    const known = new LastGood(1_000_000);
    const began = performance.now();
    for (const part of parts) known.visits(part, 1, nobody);
    const took = performance.now() - began;
    expect(known.size).toBe(size);
    return took;
  };
  const [inAnyOrder, inParts] = [partsOf(anyOrder), partsOf(byHash)];
  cost(inAnyOrder);
  // It was more than fifty times as much.
  expect(cost(inParts)).toBeLessThan(10 * cost(inAnyOrder) + 50);
});
