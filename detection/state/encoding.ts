import type { BlockLayout, Slab } from './slab.js';

/**
 * State on its way to a checkpoint and back: rows of a slab in compact binary pages.
 *
 * A page: magic 'RWS1', length of a JSON header (u32), the header {layout, rows}, then by row the key (u16
 * length, UTF-8), its newest event time (f64) and its floats (f32), all little-endian. Since the layout travels
 * with every page, state written by another version of the program or the model is read by name: blocks that
 * kept name and size are taken over, the others start anew. A page is never misread.
 */
const MAGIC = 0x31535752; // 'RWS1'
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class StatePageError extends Error {
  override name = 'StatePageError';
}

function headerOf(layout: readonly BlockLayout[]): Uint8Array {
  return encoder.encode(JSON.stringify({ layout: layout.map(({ name, size }) => [name, size]) }));
}

/** A page of rows that are encoded already: key length, key, time and floats, as described above. */
export function rowsPage(layout: readonly BlockLayout[], rows: readonly Uint8Array[]): Uint8Array {
  const header = headerOf(layout);
  const page = new Uint8Array(rows.reduce((sum, row) => sum + row.length, 12 + header.length));
  const view = new DataView(page.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, header.length, true);
  view.setUint32(8, rows.length, true);
  page.set(header, 12);
  let at = 12 + header.length;
  for (const row of rows) {
    page.set(row, at);
    at += row.length;
  }
  return page;
}

/** Writes the given rows as pages of at most about `pageBytes`. */
export function encodePages(slab: Slab, slots: Int32Array, pageBytes = 400_000): Uint8Array[] {
  const header = headerOf(slab.layout);
  const pages: Uint8Array[] = [];
  /** bytes of the keys of the page that is being gathered */
  const lengths: number[] = [];
  let from = 0;
  let bytes = 0;
  const flush = (to: number) => {
    // All of it is written below.
    const page = Buffer.allocUnsafeSlow(12 + header.length + bytes);
    page.writeUInt32LE(MAGIC, 0);
    page.writeUInt32LE(header.length, 4);
    page.writeUInt32LE(to - from, 8);
    page.set(header, 12);
    const floats = new Uint8Array(slab.data.buffer, slab.data.byteOffset, slab.data.byteLength);
    let at = 12 + header.length;
    for (let i = from; i < to; i++) {
      const slot = slots[i]!;
      const length = lengths[i - from]!;
      page.writeUInt16LE(length, at);
      page.write(slab.keys[slot]!, at + 2, length);
      at += 2 + length;
      page.writeDoubleLE(slab.times[slot]!, at);
      page.set(floats.subarray(slot * slab.stride * 4, (slot + 1) * slab.stride * 4), at + 8);
      at += 8 + slab.stride * 4;
    }
    pages.push(page);
    lengths.length = 0;
    bytes = 0;
    from = to;
  };
  for (let i = 0; i < slots.length; i++) {
    const length = Buffer.byteLength(slab.keys[slots[i]!]!);
    const row = 10 + length + slab.stride * 4;
    if (lengths.length > 0 && bytes + row > pageBytes) flush(i);
    lengths.push(length);
    bytes += row;
  }
  if (lengths.length > 0) flush(slots.length);
  return pages;
}

/**
 * Puts the rows of a page into a slab; a row that is there already is replaced.
 * @param created prepares a row before the page's blocks are laid over it
 * @returns rows read
 * @throws StatePageError when the bytes are not a state page
 */
export function decodePage(page: Uint8Array, slab: Slab, created: (slot: number) => void): number {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  if (page.length < 12 || view.getUint32(0, true) !== MAGIC)
    throw new StatePageError(
      'not a page of Riskwire state: wrong magic; delete the state topic to start from nothing',
    );
  const headerLength = view.getUint32(4, true);
  const rows = view.getUint32(8, true);
  let layout: BlockLayout[];
  try {
    const header = JSON.parse(decoder.decode(page.subarray(12, 12 + headerLength))) as {
      layout: [string, number][];
    };
    layout = header.layout.map(([name, size]) => ({ name, size }));
  } catch (error) {
    throw new StatePageError(
      'a page of Riskwire state has a damaged header; delete the state topic to start from nothing',
      { cause: error },
    );
  }
  const copies: { from: number; to: number; size: number }[] = [];
  let stride = 0;
  for (const { name, size } of layout) {
    const own = slab.layout.find((block) => block.name === name && block.size === size);
    if (own !== undefined) copies.push({ from: stride, to: slab.block(name).offset, size });
    stride += size;
  }
  const floats = new Float32Array(stride);
  const bytes = new Uint8Array(floats.buffer);
  let at = 12 + headerLength;
  for (let row = 0; row < rows; row++) {
    if (at + 2 > page.length || at + 10 + view.getUint16(at, true) + stride * 4 > page.length)
      throw new StatePageError(
        'a page of Riskwire state ends early; delete the state topic to start from nothing',
      );
    const keyLength = view.getUint16(at, true);
    const key = decoder.decode(page.subarray(at + 2, at + 2 + keyLength));
    at += 2 + keyLength;
    const time = view.getFloat64(at, true);
    bytes.set(page.subarray(at + 8, at + 8 + stride * 4));
    at += 8 + stride * 4;
    slab.beginBatch();
    const slot = slab.slotOf(key, created);
    slab.times[slot] = time;
    for (const copy of copies)
      slab.data.set(floats.subarray(copy.from, copy.from + copy.size), slot * slab.stride + copy.to);
  }
  return rows;
}
