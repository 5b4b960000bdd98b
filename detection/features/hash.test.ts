import fc from 'fast-check';
import {
  checkAscii,
  checkString,
  DecimalHash,
  hashAscii,
  hashAsciiTwice,
  hashDecimal,
  hashString,
} from './hash.js';

test('a hash never changes, since state is kept by it', () => {
  expect(['', 'DE', 'grocery', '商户'].map((text) => hashString(text, 0))).toMatchInlineSnapshot(`
[
  1572119809,
  4275615518,
  1445372016,
  3899470746,
]
`);
});

test('the hash of ASCII bytes is that of their text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii' }), fc.nat(), fc.nat(9), (text, seed, before) => {
      const bytes = Buffer.concat([Buffer.alloc(before, 0xff), Buffer.from(text), Buffer.alloc(3, 0xff)]);
      const out = new Uint32Array(1);
      expect(hashAscii(bytes, before, before + text.length, seed, out, 0)).toBe(true);
      expect(out[0]).toBe(hashString(text, seed));
      const both = new Uint32Array(2);
      expect(hashAsciiTwice(bytes, before, before + text.length, seed, 7, both)).toBe(true);
      expect([...both]).toEqual([hashString(text, seed), hashString(text, 7)]);
      expect(checkAscii(bytes, before, before + text.length)).toBe(checkString(text));
    }),
  );
  expect(hashAscii(Buffer.from('商户'), 0, 6, 0, new Uint32Array(1), 0)).toBe(false);
});

test('the hash of a number is that of its digits', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(), (value, seed) => {
      expect(hashDecimal(value, seed)).toBe(hashString(String(value), seed));
    }),
  );
  for (const value of [0, 9, 10, 99, 100, 999_999, 1_000_000])
    expect(hashDecimal(value)).toBe(hashString(String(value)));
});

test('the hash of one number after the other is that of each', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.array(fc.tuple(fc.maxSafeNat(), fc.nat(3000)), { maxLength: 20 }),
      (seed, runs) => {
        const hash = new DecimalHash(seed);
        for (const [from, ahead] of runs)
          for (const value of [from, from + 1, from + ahead, ahead]) {
            if (!Number.isSafeInteger(value)) continue;
            expect(hash.of(value)).toBe(hashString(String(value), seed));
          }
      },
    ),
  );
});

test('what collides under one seed of the hash does not under the check', () => {
  const byHash = new Map<number, string>();
  let collisions = 0;
  for (let n = 0; n < 200_000; n++) {
    const text = `terminal ${(Math.imul(n, 2_654_435_761) >>> 0).toString(16)} ${n}`;
    const hash = hashString(text);
    const other = byHash.get(hash);
    byHash.set(hash, text);
    if (other === undefined) continue;
    collisions++;
    expect(checkString(other)).not.toBe(checkString(text));
  }
  expect(collisions).toBeGreaterThan(0);
});
