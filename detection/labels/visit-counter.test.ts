import { hashString } from '../features/hash.js';
import { decodePage, encodePages } from '../state/encoding.js';
import { VisitCounter } from './visit-counter.js';

const DAY = 86_400;
const counter = (fields = 1) =>
  new VisitCounter({
    ...{ fields, window: DAY, late: 3600, name: 'p/0', maxKeys: 1000 },
    effective: (to) => to + 7 * DAY,
  });

/** Events of one micro-batch as [seconds, value of each field]. */
function observe(visits: VisitCounter, events: readonly (readonly [seconds: number, ...values: string[]])[]) {
  const fields = events[0]!.length - 1;
  const values = Array.from({ length: fields }, (_, field) =>
    events.map((event) => event[field + 1] as string),
  );
  return visits.observe({
    size: events.length,
    seconds: Float64Array.from(events, ([seconds]) => seconds),
    values,
    hashes: values.map((of) => Uint32Array.from(of, (value) => hashString(value))),
  });
}

const countsOf = (records: ReturnType<typeof observe>) =>
  records.map(({ field, from, keys, counts }) => [
    field,
    from / DAY,
    Object.fromEntries(keys.map((key, i) => [key, counts[i]])),
  ]);

test('gives a window out when no further event can belong to it', () => {
  const visits = counter();
  expect(observe(visits, [[10, 'a'], [20, 'b'], [30, 'a']])).toEqual([]); // biome-ignore format: one line
  // The next day has begun, but events of the day before may still come for an hour.
  expect(observe(visits, [[DAY + 10, 'a'], [DAY - 5, 'b']])).toEqual([]); // biome-ignore format: one line
  const [closed, ...more] = observe(visits, [[DAY + 3600, 'c']]);
  expect(more).toEqual([]);
  expect(countsOf([closed!])).toEqual([[0, 0, { a: 2, b: 2 }]]);
  expect(closed).toMatchObject({ id: 'p/0/0/0/0', to: DAY, effectiveAt: 8 * DAY });
  // Too late: its window was given out.
  observe(visits, [[DAY - 1, 'a']]);
  expect(countsOf(observe(visits, [[2 * DAY + 3600, 'a']]))).toEqual([[0, 1, { a: 1, c: 1 }]]);
});

test('counts each field for itself and leaves out events without a value', () => {
  const visits = counter(2);
  observe(visits, [
    [1, 'a', 'm'],
    [2, 'a', ''],
    [3, 'm', 'm'],
  ]);
  expect(countsOf(observe(visits, [[3 * DAY, 'z', 'z']]))).toEqual([
    [0, 0, { a: 2, m: 1 }],
    [1, 0, { m: 2 }],
  ]);
});

test('the same windows come out wherever micro-batches are cut, also over a checkpoint', () => {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const events = Array.from({ length: 4000 }, (_, i): [number, string] => [
    i * 200 - random() * 3000 + 5000,
    `t${Math.floor(random() * 50)}`,
  ]);
  const whole = observe(counter(), events);
  expect(whole.length).toBe(Math.floor((4000 * 200 + 5000 - 3600) / DAY));
  let visits = counter();
  const cut: typeof whole = [];
  for (let from = 0; from < events.length; from += 333) {
    cut.push(...observe(visits, events.slice(from, from + 333)));
    visits.flush();
    const again = counter();
    for (const page of encodePages(visits.slab, visits.slab.allSlots()))
      decodePage(page, again.slab, () => undefined);
    again.load();
    visits = again;
  }
  expect(cut).toEqual(whole);
});

test('refuses windows that are shorter than events may be late', () => {
  expect(
    () =>
      new VisitCounter({ fields: 1, window: 60, late: 3600, effective: (to) => to, name: 'p', maxKeys: 9 }),
  ).toThrow(/at least as long/);
});
