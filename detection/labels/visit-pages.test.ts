import { checkString, hashString } from '../features/hash.js';
import { encodePages, StatePageError } from '../state/encoding.js';
import { Slab } from '../state/slab.js';
import { VisitCounter } from './visit-counter.js';
import { decodeVisits, encodeVisits } from './visit-pages.js';

const DAY = 86_400;
const TODAY = 19_000;

function counter(window = DAY, maxKeys = 1000): VisitCounter {
  return new VisitCounter({
    ...{ fields: 2, window, late: 3600, effective: (to) => to, name: 'test/0', maxKeys },
  });
}

function see(visits: VisitCounter, seconds: number, names: readonly [string, string]) {
  return visits.observe({
    size: 1,
    seconds: Float64Array.of(seconds),
    hashes: names.map((name) => Uint32Array.of(hashString(name))),
    checks: names.map((name) => Uint32Array.of(checkString(name))),
  });
}

/** counts by name of the windows of today and tomorrow: field, day, name, count */
function closedBy(visits: VisitCounter, names: readonly string[]) {
  return see(visits, (TODAY + 3) * DAY, ['', '']).flatMap(({ field, from, hashes, checks, counts }) =>
    Array.from(hashes, (hash, i) => {
      const name = names.find((one) => hashString(one) === hash && checkString(one) === checks[i]);
      return [field, from / DAY, name, counts[i]];
    }),
  );
}

const head = { generation: 0, window: DAY, point: { open: TODAY, newest: TODAY * DAY + 7.25 } };

test('brings back what was written, in pages of so many bytes at most, in memory that is asked for', () => {
  const numbers = Int32Array.from({ length: 5 * 100 }, (_, i) => 2 ** 31 - i * 1e6);
  const asked: number[] = [];
  const allocate = (bytes: number) => {
    asked.push(bytes);
    return new Uint8Array(bytes + 3).subarray(3);
  };
  const pages = encodeVisits(head, { field: 1, keys: 120, numbers }, { pageBytes: 200, allocate });
  expect(Math.max(...asked)).toBeLessThanOrEqual(200);
  expect(pages).toHaveLength(15);
  const found = pages.map((page) => decodeVisits(page));
  for (const page of found) expect(page).toMatchObject({ head, fields: [{ field: 1, keys: 120 }] });
  expect(found.flatMap(({ fields }) => [...fields[0]!.numbers])).toEqual([...numbers]);
});

test('a page that was cut off, that goes on, or that is none is refused', () => {
  const numbers = Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  const [page] = encodeVisits(head, { field: 0, keys: 2, numbers });
  const visits = counter();
  for (let length = 0; length < page!.length; length++)
    expect(() => visits.layPage(page!.subarray(0, length))).toThrow(StatePageError);
  expect(() => visits.layPage(Buffer.concat([page!, Buffer.alloc(20)]))).toThrow(StatePageError);
  expect(() => visits.layPage(Buffer.alloc(44))).toThrow(StatePageError);
  expect(visits.takePages(true)).toEqual([]);
});

test('checkpoints of before, rows by field and value, are still read', () => {
  const slab = new Slab([{ name: 'visits', size: 3 }], 1000);
  const row = (key: string, ...values: number[]) => {
    const slot = slab.slotOf(key, () => undefined);
    slab.data.set(values, slot * slab.stride);
    return slot;
  };
  row('0|t1', TODAY, 5, 0);
  row('0|t|2 ü', TODAY + 1, 2, 3);
  row('1|shop', TODAY + 1, 4, 0);
  // of a field that is no longer counted
  row('7|t1', TODAY, 9, 9);
  slab.times[row('\u0000head', TODAY)] = TODAY * DAY + DAY + 60;
  const pages = encodePages(slab, slab.allSlots(), { pageBytes: 150 });
  expect(pages.length).toBeGreaterThan(1);
  const visits = counter();
  for (const page of pages) visits.layPage(page);
  see(visits, TODAY * DAY, ['t1', 'shop']);
  const again = counter();
  for (const page of visits.takePages(true)) again.layPage(page);
  for (const one of [visits, again])
    expect(closedBy(one, ['t1', 't|2 ü', 'shop']).sort()).toEqual([
      [0, TODAY, 't1', 6],
      [0, TODAY, 't|2 ü', 3],
      [0, TODAY + 1, 't|2 ü', 2],
      [1, TODAY, 'shop', 1],
      [1, TODAY + 1, 'shop', 4],
    ]);
  const [first] = pages;
  expect(() => visits.layPage(first!.subarray(0, first!.length - 1))).toThrow(StatePageError);
});

test('the first page of many is laid quickly, though its keys are all of the beginning of the table', () => {
  const keys = 100_000;
  const numbers = new Int32Array(5 * keys);
  for (let i = 0; i < keys; i++) numbers.set([i * 4294, i, TODAY, 1, 0], 5 * i);
  const pages = encodeVisits(head, { field: 0, keys: 10 * keys, numbers }, { pageBytes: 10_000_000 });
  const visits = counter(DAY, 10 * keys);
  const started = performance.now();
  for (const page of pages) visits.layPage(page);
  // In a table that grows with its keys it takes many seconds.
  expect(performance.now() - started).toBeLessThan(2000);
});

test('counts by windows of another length are left behind', () => {
  const hourly = counter(3600);
  see(hourly, TODAY * DAY, ['t1', 'shop']);
  const visits = counter();
  for (const page of hourly.takePages(true)) visits.layPage(page);
  see(visits, TODAY * DAY + DAY, ['t1', '']);
  expect(closedBy(visits, ['t1', 'shop'])).toEqual([[0, TODAY + 1, 't1', 1]]);
});
