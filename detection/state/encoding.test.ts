import fc from 'fast-check';
import { decodePage, encodePages, rowsPage, StatePageError } from './encoding.js';
import { Slab } from './slab.js';

const LAYOUT = [
  { name: 'habit', size: 3 },
  { name: 'memory', size: 2 },
];

function slabOf(keys: readonly string[]): Slab {
  const slab = new Slab(LAYOUT, 1000, 4);
  slab.beginBatch();
  for (const key of keys) {
    const slot = slab.slotOf(key, () => {});
    slab.times[slot] = 1_700_000_000 + slot;
    for (let i = 0; i < slab.stride; i++) slab.data[slot * slab.stride + i] = slot + i / 8;
  }
  return slab;
}

type Rows = Record<string, readonly number[]>;

function rowsOf(slab: Slab, slots: Iterable<number> = slab.allSlots()): Rows {
  const rows: Rows = {};
  for (const slot of slots)
    rows[slab.keys[slot]!] = [
      slab.times[slot]!,
      ...slab.data.subarray(slot * slab.stride, (slot + 1) * slab.stride),
    ];
  return rows;
}

function restored(pages: readonly Uint8Array[], layout = LAYOUT): Slab {
  const slab = new Slab(layout, 1000, 4);
  for (const page of pages) decodePage(page, slab, () => {});
  return slab;
}

/** The row as it was written before pages lay part by part, and as it is spilled. */
function rowBytes(slab: Slab, slot: number): Buffer {
  const key = Buffer.from(slab.keys[slot]!);
  const head = Buffer.alloc(2);
  head.writeUInt16LE(key.length);
  const time = Buffer.alloc(8);
  time.writeDoubleLE(slab.times[slot]!);
  const floats = slab.data.slice(slot * slab.stride, (slot + 1) * slab.stride);
  return Buffer.concat([head, key, time, Buffer.from(floats.buffer)]);
}

const keysOf = fc.uniqueArray(fc.oneof(fc.string({ maxLength: 8 }), fc.string({ unit: 'grapheme' })), {
  minLength: 1,
  maxLength: 60,
});

test('rows come back from pages of any size as they were, whichever of them were written', () => {
  fc.assert(
    fc.property(keysOf, fc.integer({ min: 1, max: 1500 }), fc.nat(255), (keys, pageBytes, chosen) => {
      const slab = slabOf(keys.map((key) => Buffer.from(key).toString()));
      const slots = slab.allSlots().filter((slot) => (chosen >> (slot % 8)) & 1);
      const pages = encodePages(slab, slots, { pageBytes });
      for (const page of pages) expect(page.length <= pageBytes || restored([page]).size === 1).toBe(true);
      expect(rowsOf(restored(pages))).toEqual(rowsOf(slab, slots));
    }),
  );
});

test('a page is written into the memory it is given', () => {
  const given: Uint8Array[] = [];
  const slab = slabOf(['a', 'b', 'ü']);
  const allocate = (bytes: number) => {
    given.push(new Uint8Array(bytes).fill(0xff));
    return given.at(-1)!;
  };
  const pages = encodePages(slab, slab.allSlots(), { pageBytes: 120, allocate });
  expect(pages.length).toBeGreaterThan(1);
  expect(pages).toEqual(given);
  expect(rowsOf(restored(pages))).toEqual(rowsOf(slab));
});

test('pages whose rows lie one after the other are read as well', () => {
  const slab = slabOf(['a', 'bb', 'ü']);
  const page = rowsPage(
    LAYOUT,
    [0, 1, 2].map((slot) => rowBytes(slab, slot)),
  );
  expect(Buffer.from(page).toString('latin1', 0, 4)).toBe('RWS1');
  expect(rowsOf(restored([page]))).toEqual(rowsOf(slab));
});

test('blocks that kept their name and size are taken over, the others start anew', () => {
  const slab = slabOf(['a', 'b']);
  const other = [
    { name: 'memory', size: 2 },
    { name: 'habit', size: 4 },
  ];
  const again = restored(encodePages(slab, slab.allSlots()), other);
  expect(rowsOf(again)).toEqual({
    a: [1_700_000_000, 3 / 8, 4 / 8, 0, 0, 0, 0],
    b: [1_700_000_001, 1 + 3 / 8, 1 + 4 / 8, 0, 0, 0, 0],
  });
});

test('a page that was cut off anywhere is none, and changes nothing', () => {
  const slab = slabOf(['a', 'bb', 'ü']);
  const [page] = encodePages(slab, slab.allSlots());
  for (let length = 0; length < page!.length; length++) {
    const into = new Slab(LAYOUT, 1000, 4);
    expect(() => decodePage(page!.subarray(0, length), into, () => {})).toThrow(StatePageError);
    expect(into.size).toBe(0);
  }
});
