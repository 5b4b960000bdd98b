import type { BlockLayout, Slab } from './slab.js';

/**
 * State on its way to a checkpoint and back: rows of a slab in compact binary pages.
 *
 * A page: magic, length of a JSON header (u32), number of rows (u32), the header {layout}, then the rows, all
 * little-endian. What a row has is its key (UTF-8), its newest event time (f64) and its floats (f32). By the magic,
 * rows lie one after the other ('RWS1': key length (u16), key, time and floats of the first, and so on) or part by part
 * ('RWS2': all key lengths, all keys, all times, all floats), so that neighbours in a slab are copied at once. Since
 * the layout travels with every page, state written by another version of the program or the model is read by name:
 * blocks that kept name and size are taken over, the others start anew. A page is never misread.
 */
const BY_ROW = 0x31535752; // 'RWS1'
const BY_PART = 0x32535752; // 'RWS2'
/** before the header */
const FIXED = 12;
/** what a row has room for */
export const MOST_KEY_BYTES = 0xffff;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class StatePageError extends Error {
  override name = 'StatePageError';
}

function headerOf(layout: readonly BlockLayout[]): Uint8Array {
  return encoder.encode(JSON.stringify({ layout: layout.map(({ name, size }) => [name, size]) }));
}

function writeHead(page: Uint8Array, magic: number, header: Uint8Array, rows: number): number {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  view.setUint32(0, magic, true);
  view.setUint32(4, header.length, true);
  view.setUint32(8, rows, true);
  page.set(header, FIXED);
  return FIXED + header.length;
}

/** A page of rows that are encoded already: key length, key, time and floats, as described above. */
export function rowsPage(layout: readonly BlockLayout[], rows: readonly Uint8Array[]): Uint8Array {
  const header = headerOf(layout);
  const page = new Uint8Array(rows.reduce((sum, row) => sum + row.length, FIXED + header.length));
  let at = writeHead(page, BY_ROW, header, rows.length);
  for (const row of rows) {
    page.set(row, at);
    at += row.length;
  }
  return page;
}

export interface PageOptions {
  /** what a page has at most, unless one row alone has more */
  readonly pageBytes?: number;
  /** gives the memory of a page, every byte of which is written. Default: memory of its own */
  readonly allocate?: (bytes: number) => Uint8Array;
}

/** what one request to a broker can hold, with all that stands around it */
export const PAGE_BYTES = 880_000;

const ownMemory = (bytes: number): Uint8Array => Buffer.allocUnsafeSlow(bytes);

/** What is not given is as PageOptions says. */
export function pageOptions({
  pageBytes = PAGE_BYTES,
  allocate = ownMemory,
}: PageOptions): Required<PageOptions> {
  return { pageBytes, allocate };
}

/** Writes the given rows (ascending slots) as pages. They are copies: the slab may go on changing. */
export function encodePages(slab: Slab, slots: Int32Array, options: PageOptions = {}): Uint8Array[] {
  const { pageBytes, allocate } = pageOptions(options);
  const header = headerOf(slab.layout);
  const rowBytes = 2 + 8 + 4 * slab.stride;
  const pages: Uint8Array[] = [];
  const keys = new Keys();
  let from = 0;
  let bytes = FIXED + header.length;
  const flush = (to: number): void => {
    const page = allocate(bytes);
    let at = writeHead(page, BY_PART, header, to - from);
    at = keys.writeTo(page, at);
    at = copyRuns(bytesOf(slab.times), 8, slots, from, to, page, at);
    copyRuns(bytesOf(slab.data), 4 * slab.stride, slots, from, to, page, at);
    pages.push(page);
    keys.clear();
    bytes = FIXED + header.length;
    from = to;
  };
  for (let i = 0; i < slots.length; i++) {
    let row = rowBytes + keys.add(slab.keys[slots[i]!]!);
    if (i > from && bytes + row > pageBytes) {
      keys.takeBack();
      flush(i);
      row = rowBytes + keys.add(slab.keys[slots[i]!]!);
    }
    bytes += row;
  }
  if (slots.length > from) flush(slots.length);
  return pages;
}

function bytesOf(array: Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Copies slots[from, to) of an array with so many bytes a slot, neighbours at once; where the copies end. */
function copyRuns(
  source: Uint8Array,
  size: number,
  slots: Int32Array,
  from: number,
  to: number,
  target: Uint8Array,
  start: number,
): number {
  let at = start;
  for (let i = from; i < to; ) {
    const first = slots[i]!;
    let count = 1;
    while (i + count < to && slots[i + count] === first + count) count++;
    target.set(source.subarray(first * size, (first + count) * size), at);
    at += count * size;
    i += count;
  }
  return at;
}

/** The keys of a page that is being gathered, as they will stand in it. */
class Keys {
  #bytes = Buffer.allocUnsafe(1 << 14);
  #lengths: number[] = [];
  #end = 0;

  /** Its length in bytes. */
  add(key: string): number {
    // A UTF-16 unit has three bytes at most.
    if (this.#end + 3 * key.length > this.#bytes.length) this.#grow(3 * key.length);
    const bytes = this.#bytes;
    let at = this.#end;
    for (let i = 0; i < key.length; i++) {
      const unit = key.charCodeAt(i);
      if (unit >= 0x80) {
        at = this.#end + bytes.write(key, this.#end);
        break;
      }
      bytes[at++] = unit;
    }
    const length = at - this.#end;
    if (length > MOST_KEY_BYTES)
      throw new RangeError(
        `a key of ${length} bytes; a page of state has room for ${MOST_KEY_BYTES} bytes a key`,
      );
    this.#lengths.push(length);
    this.#end = at;
    return length;
  }

  /** Forgets the key that was added last. */
  takeBack(): void {
    this.#end -= this.#lengths.pop() ?? 0;
  }

  clear(): void {
    this.#lengths = [];
    this.#end = 0;
  }

  /** The lengths, then the keys; where they end. */
  writeTo(page: Uint8Array, start: number): number {
    let at = start;
    for (const length of this.#lengths) {
      page[at++] = length & 0xff;
      page[at++] = length >>> 8;
    }
    page.set(this.#bytes.subarray(0, this.#end), at);
    return at + this.#end;
  }

  #grow(more: number): void {
    const bytes = Buffer.allocUnsafe(2 * (this.#bytes.length + more));
    bytes.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = bytes;
  }
}

/** Where the parts of a page's next row lie. */
interface RowPlaces {
  readonly key: number;
  readonly keyLength: number;
  readonly time: number;
  readonly floats: number;
}

/**
 * Puts the rows of a page into a slab; a row that is there already is replaced.
 * @param created prepares a row before the page's blocks are laid over it
 * @returns rows read
 * @throws StatePageError when the bytes are not a state page
 */
export function decodePage(page: Uint8Array, slab: Slab, created: (slot: number) => void): number {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const magic = page.length < FIXED ? 0 : view.getUint32(0, true);
  if (magic !== BY_ROW && magic !== BY_PART)
    throw new StatePageError(
      'not a page of Riskwire state: wrong magic; delete the state topic to start from nothing',
    );
  const start = FIXED + view.getUint32(4, true);
  const rows = view.getUint32(8, true);
  const layout = layoutOf(page.subarray(FIXED, start));
  const copies: { from: number; to: number; size: number }[] = [];
  let stride = 0;
  for (const { name, size } of layout) {
    const own = slab.layout.find((block) => block.name === name && block.size === size);
    if (own !== undefined) copies.push({ from: stride, to: slab.block(name).offset, size });
    stride += size;
  }
  const floats = new Float32Array(stride);
  const bytes = bytesOf(floats);
  const places =
    magic === BY_ROW ? rowByRow(view, start, rows, stride) : partByPart(view, start, rows, stride);
  for (const { key, keyLength, time, floats: at } of places) {
    bytes.set(page.subarray(at, at + stride * 4));
    slab.beginBatch();
    const slot = slab.slotOf(decoder.decode(page.subarray(key, key + keyLength)), created);
    slab.times[slot] = view.getFloat64(time, true);
    for (const copy of copies)
      slab.data.set(floats.subarray(copy.from, copy.from + copy.size), slot * slab.stride + copy.to);
  }
  return rows;
}

function layoutOf(header: Uint8Array): BlockLayout[] {
  try {
    const { layout } = JSON.parse(decoder.decode(header)) as { layout: [string, number][] };
    return layout.map(([name, size]) => ({ name, size }));
  } catch (error) {
    throw new StatePageError(
      'a page of Riskwire state has a damaged header; delete the state topic to start from nothing',
      { cause: error },
    );
  }
}

function* rowByRow(view: DataView, start: number, rows: number, stride: number): Generator<RowPlaces> {
  let at = start;
  for (let row = 0; row < rows; row++) {
    if (at + 2 > view.byteLength) throw endsEarly();
    const keyLength = view.getUint16(at, true);
    const time = at + 2 + keyLength;
    const floats = time + 8;
    at = floats + stride * 4;
    if (at > view.byteLength) throw endsEarly();
    yield { key: time - keyLength, keyLength, time, floats };
  }
}

function* partByPart(view: DataView, start: number, rows: number, stride: number): Generator<RowPlaces> {
  let key = start + 2 * rows;
  if (key > view.byteLength) throw endsEarly();
  let times = key;
  for (let row = 0; row < rows; row++) times += view.getUint16(start + 2 * row, true);
  const floats = times + 8 * rows;
  if (floats + rows * stride * 4 > view.byteLength) throw endsEarly();
  for (let row = 0; row < rows; row++) {
    const keyLength = view.getUint16(start + 2 * row, true);
    yield { key, keyLength, time: times + 8 * row, floats: floats + row * stride * 4 };
    key += keyLength;
  }
}

function endsEarly(): StatePageError {
  return new StatePageError(
    'a page of Riskwire state ends early; delete the state topic to start from nothing',
  );
}
