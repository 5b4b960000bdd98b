import fc from 'fast-check';
import { compress } from 'lz4js';
import { decodeLz4Frames, Lz4Error } from './lz4-frame.js';

const MAGIC = Buffer.from([0x04, 0x22, 0x4d, 0x18]);
const END = Buffer.alloc(4);

/** A frame by the specification; a block's `raw` bytes are stored, `packed` ones are in LZ4's block format. */
function frame(
  blocks: { raw?: Buffer; packed?: Buffer }[],
  { sums = false, size = false, content = false, flags = 0 } = {},
): Buffer {
  const flag = 0x40 | 0x20 | (sums ? 0x10 : 0) | (size ? 0x08 : 0) | (content ? 0x04 : 0) | flags;
  const parts: Buffer[] = [MAGIC, Buffer.from([flag, 0x40]), Buffer.alloc(size ? 8 : 0), Buffer.from([0])];
  for (const { raw, packed } of blocks) {
    const bytes = raw ?? packed ?? Buffer.alloc(0);
    const header = Buffer.alloc(4);
    header.writeUInt32LE(raw ? (bytes.length | 0x80000000) >>> 0 : bytes.length);
    parts.push(header, bytes, Buffer.alloc(sums ? 4 : 0, 0xee));
  }
  parts.push(END, Buffer.alloc(content ? 4 : 0, 0xee));
  return Buffer.concat(parts);
}

/** 'abcd', then a match of 8 four back: abcdabcdabcd, then the literal 'z' */
const packed = Buffer.from([0x44, 0x61, 0x62, 0x63, 0x64, 0x04, 0x00, 0x10, 0x7a]);
/** a literal 'x' and a match of 5, 14 back, which lies in the block before */
const linked = Buffer.from([0x11, 0x78, 0x0e, 0x00, 0x10, 0x79]);

test.each([
  [{}],
  [{ sums: true }],
  [{ size: true }],
  [{ content: true }],
  [{ sums: true, size: true, content: true }],
])('reads packed, stored and linked blocks with %j', (options) => {
  const blocks = [{ packed }, { packed: linked }, { raw: Buffer.from('stored') }];
  expect(decodeLz4Frames(frame(blocks, options)).toString()).toBe('abcdabcdabcdzxabcday' + 'stored');
});

test('reads frames that follow each other, and passes over skippable ones', () => {
  const skippable = Buffer.from([0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const all = Buffer.concat([frame([{ packed }]), skippable, frame([{ raw: Buffer.from('!') }])]);
  expect(decodeLz4Frames(all).toString()).toBe('abcdabcdabcdz!');
});

test('reads what another writer packs', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5_000 }), fc.nat(40), (bytes, repeats) => {
      const input = Buffer.concat(Array.from({ length: repeats + 1 }, () => Buffer.from(bytes)));
      if (input.length === 0) return;
      expect(decodeLz4Frames(Buffer.from(compress(input))).equals(input)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test.each([
  ['other bytes', Buffer.from('not a frame at all')],
  ['a header that is cut off', MAGIC],
  ['a block that is cut off', frame([{ packed }]).subarray(0, 12)],
  ['a missing end mark', frame([{ packed }]).subarray(0, -4)],
  ['an unknown version', Buffer.concat([MAGIC, Buffer.from([0x80, 0x40, 0])])],
  ['a dictionary', frame([{ packed }], { flags: 1 })],
])('refuses %s', (_name, bytes) => {
  expect(() => decodeLz4Frames(bytes)).toThrow(Lz4Error);
});

test('damaged bytes give an error or other bytes, but never hang or crash', () => {
  const good = frame([{ packed }, { packed: linked }]);
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
      const bad = Buffer.from(good);
      bad[at] = byte;
      try {
        decodeLz4Frames(bad);
      } catch (error) {
        expect(error).toBeInstanceOf(Lz4Error);
      }
    }),
    { numRuns: 2_000 },
  );
});
