import fc from 'fast-check';
import { hashString } from '../../detection/features/hash.js';
import { KnownHashes, TextCache } from './text-cache.js';

test('a text is that of its bytes, however many came before it', () => {
  const any = fc.oneof(
    fc.constantFrom('DE', 'FR', 'ED', 'Europe/Berlin', 'Europe/Dublin', 'Europe/Lisbon', ''),
    fc.string({ maxLength: 100 }),
    fc.string({ unit: 'grapheme' }),
  );
  fc.assert(
    fc.property(
      fc.array(any),
      fc.uint8Array({ maxLength: 8 }),
      fc.constantFrom(1, 4, 256),
      (texts, odd, places) => {
        const cache = new TextCache(places);
        for (const bytes of [...texts.map((text) => Buffer.from(text)), Buffer.from(odd)])
          for (const before of [0, 3]) {
            const within = Buffer.concat([Buffer.alloc(before, 0x41), bytes, Buffer.alloc(3, 0x42)]);
            expect(cache.text(within, before, before + bytes.length)).toBe(bytes.toString('utf8'));
          }
      },
    ),
  );
});

test('a text that comes again is the same string, until another takes its place', () => {
  const cache = new TextCache(256);
  const bytes = Buffer.from('Europe/Berlin');
  const decoded = jest.spyOn(Buffer.prototype, 'toString');
  for (let i = 0; i < 5; i++) cache.text(bytes, 0, bytes.length);
  expect(decoded).toHaveBeenCalledTimes(1);
  decoded.mockRestore();
});

test('the hashes of known texts are those of the texts', () => {
  const hashes = new KnownHashes();
  for (let round = 0; round < 2; round++)
    for (let i = 0; i < 3000; i++) expect(hashes.of(`symbol ${i}`)).toBe(hashString(`symbol ${i}`));
});
