import fc from 'fast-check';
import { shareOut } from './co-partitioned.js';

test('partition p of every topic goes to one member, each partition once, evenly', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 7 }),
      fc.integer({ min: 1, max: 24 }),
      (members, count) => {
        const partitions = Array.from({ length: count }, (_, i) => i);
        const shares = shareOut(
          members,
          new Map([
            ['risks', partitions],
            ['commands', [...partitions].reverse()],
          ]),
        );
        const all = [...shares.values()];
        for (const share of all) expect(share['risks'] ?? []).toEqual(share['commands'] ?? []);
        expect(all.flatMap((share) => share['risks'] ?? []).sort((a, b) => a - b)).toEqual(partitions);
        const sizes = all.map((share) => share['risks']?.length ?? 0);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(
          shareOut(
            [...members].reverse(),
            new Map([
              ['commands', partitions],
              ['risks', partitions],
            ]),
          ),
        ).toEqual(shares);
      },
    ),
  );
});
