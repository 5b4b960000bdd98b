import fc from 'fast-check';
import { hashAscii, hashDecimal, hashString } from './hash.js';

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
