import { checkString, hashString } from '../features/hash.js';
import { decodePage, type PageOptions, pageOptions, StatePageError } from '../state/encoding.js';
import { Slab } from '../state/slab.js';
import { KEY_NUMBERS } from './visit-table.js';

/**
 * Open windows of visits on their way to a checkpoint and back.
 *
 * A page, all little-endian: magic, field, keys in this page, keys of the field in all, generation (u32 each), length of
 * a window, first open window, newest event time (f64 each), then the keys, KEY_NUMBERS i32 each. It has keys of one
 * field; a field without any has a page, too. Before there was this format, visits were rows of a slab that were named
 * by field and value. Such pages are still read.
 */
const MAGIC = 0x31565752; // 'RWV1'
const HEAD = 44;
const KEY_BYTES = 4 * KEY_NUMBERS;

/** rows of former pages: a window and two counts, by `field|value`, and one that has the first open window and the time */
const FORMER_LAYOUT = [{ name: 'visits', size: 3 }];
const FORMER_HEAD = '\u0000head';

/** What a page says of the counter. */
export interface VisitHead {
  /** of the tables: pages of a former one have keys that were forgotten since */
  readonly generation: number;
  /** length of a window, seconds; former pages don't say it */
  readonly window?: number;
  /** number of the first open window, and newest event time in seconds; of the former pages, one says it */
  readonly point?: { readonly open: number; readonly newest: number };
}

export interface VisitKeys {
  readonly field: number;
  /** keys of the field in all, those of other pages included */
  readonly keys: number;
  /** of the keys in this page, see VisitTable.take */
  readonly numbers: Int32Array<ArrayBuffer>;
}

/** The pages of some keys of a field, one at least. */
export function encodeVisits(
  { generation, window, point }: Required<VisitHead>,
  { field, keys, numbers }: VisitKeys,
  options: PageOptions = {},
): Uint8Array[] {
  const { pageBytes, allocate } = pageOptions(options);
  const most = KEY_NUMBERS * Math.max(1, Math.floor((pageBytes - HEAD) / KEY_BYTES));
  const pages: Uint8Array[] = [];
  for (let from = 0; from === 0 || from < numbers.length; from += most) {
    const part = numbers.subarray(from, from + most);
    const page = allocate(HEAD + part.byteLength);
    const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
    [MAGIC, field, part.length / KEY_NUMBERS, keys, generation].forEach((value, i) => {
      view.setUint32(4 * i, value, true);
    });
    view.setFloat64(20, window, true);
    view.setFloat64(28, point.open, true);
    view.setFloat64(36, point.newest, true);
    page.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), HEAD);
    pages.push(page);
  }
  return pages;
}

/** @throws StatePageError when the bytes are not a page of visits, of this format or the former one */
export function decodeVisits(page: Uint8Array): { head: VisitHead; fields: VisitKeys[] } {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  if (page.length < 4 || view.getUint32(0, true) !== MAGIC) return decodeFormer(page);
  if (page.length < HEAD || page.length !== HEAD + KEY_BYTES * view.getUint32(8, true))
    throw new StatePageError(
      'a page of visits is not as long as it says; delete the state topic to start from nothing',
    );
  const numbers = new Int32Array((page.length - HEAD) / 4);
  new Uint8Array(numbers.buffer).set(page.subarray(HEAD));
  return {
    head: {
      generation: view.getUint32(16, true),
      window: view.getFloat64(20, true),
      point: { open: view.getFloat64(28, true), newest: view.getFloat64(36, true) },
    },
    fields: [{ field: view.getUint32(4, true), keys: view.getUint32(12, true), numbers }],
  };
}

function decodeFormer(page: Uint8Array): { head: VisitHead; fields: VisitKeys[] } {
  const slab = new Slab(FORMER_LAYOUT, Number.POSITIVE_INFINITY);
  decodePage(page, slab, () => undefined);
  const { keys, data, times, stride } = slab;
  let point: VisitHead['point'];
  const fields: number[][] = [];
  keys.forEach((key, slot) => {
    const row = data.subarray(slot * stride, (slot + 1) * stride);
    if (key === FORMER_HEAD) {
      point = { open: row[0]!, newest: times[slot]! };
      return;
    }
    const bar = key.indexOf('|');
    const value = key.slice(bar + 1);
    const field = Number(key.slice(0, bar));
    fields[field] ??= [];
    fields[field].push(hashString(value), checkString(value), ...row);
  });
  return {
    head: { generation: 0, ...(point && { point }) },
    fields: Array.from(fields.entries(), ([field, numbers = []]) => ({
      field,
      keys: numbers.length / KEY_NUMBERS,
      numbers: Int32Array.from(numbers),
    })),
  };
}
