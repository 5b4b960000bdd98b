import fc from 'fast-check';
import { checkString, hashString } from '../features/hash.js';
import type { Visits } from './records.js';
import { VisitCounter } from './visit-counter.js';

const HOUR = 3600;
const DAY = 24 * HOUR;
const START = 19_000 * DAY;

function counter(maxKeys = 1000): VisitCounter {
  return new VisitCounter({
    fields: 2,
    window: DAY,
    late: HOUR,
    effective: (to) => to + DAY,
    name: 'test/0',
    maxKeys,
  });
}

interface Event {
  readonly seconds: number;
  readonly values: readonly [string, string];
}

function observe(visits: VisitCounter, events: readonly Event[]): Visits[] {
  const values = [0, 1].map((field) => events.map((event) => event.values[field]!));
  return visits.observe({
    size: events.length,
    seconds: Float64Array.from(events, ({ seconds }) => seconds),
    hashes: values.map((texts) => Uint32Array.from(texts, (text) => hashString(text))),
    checks: values.map((texts) => Uint32Array.from(texts, (text) => checkString(text))),
  });
}

/** what was counted by these pages, laid one after the other */
function laid(pages: readonly Uint8Array[], maxKeys?: number): VisitCounter {
  const visits = counter(maxKeys);
  for (const page of pages) visits.layPage(page);
  return visits;
}

/** three days of events of 40 terminals and 7 shops, some of them an hour late, a few with no shop */
function stream(): Event[] {
  return Array.from({ length: 3000 }, (_, i) => ({
    seconds: START + i * 86 - (i % 11 === 0 ? 3000 : 0),
    values: [`t${(i * i) % 40}`, i % 13 === 0 ? '' : `shop ${i % 7}`],
  }));
}

/** what a record calls an entity */
const named = (name: string) => `${hashString(name)} ${checkString(name)}`;

const sorted = (records: readonly Visits[]) =>
  records.map(({ from, field, hashes, checks, counts }) => ({
    from,
    field,
    counts: Object.fromEntries(Array.from(hashes, (hash, i) => [`${hash} ${checks[i]!}`, counts[i]!])),
  }));

/** what the windows should hold, by plain counting; only windows that are over when the last event comes */
function plainly(events: readonly Event[], last: number) {
  const found: { from: number; field: number; counts: Record<string, number> }[] = [];
  for (let from = START - DAY; from + DAY <= last - HOUR; from += DAY)
    for (const field of [0, 1]) {
      const counts: Record<string, number> = {};
      for (const { seconds, values } of events) {
        if (seconds < from || seconds >= from + DAY || values[field] === '') continue;
        const name = named(values[field]!);
        counts[name] = (counts[name] ?? 0) + 1;
      }
      if (Object.keys(counts).length > 0) found.push({ from, field, counts });
    }
  return found;
}

test('gives out each window once, with what was counted in it', () => {
  const events = stream();
  expect(sorted(observe(counter(), events))).toEqual(plainly(events, events.at(-2)!.seconds));
});

test('gives out all windows that a pause has closed at once, the oldest first', () => {
  const at = (seconds: number, name: string): Event => ({ seconds: START + seconds, values: [name, ''] });
  const events = [at(DAY - 60, 'a'), at(DAY + 60, 'b'), at(DAY - 30, 'a'), at(9 * DAY, 'a')];
  expect(sorted(observe(counter(), events))).toEqual([
    { from: START, field: 0, counts: { [named('a')]: 2 } },
    { from: START + DAY, field: 0, counts: { [named('b')]: 1 } },
  ]);
});

test('gives the same records wherever batches are cut, and after a restart', () => {
  const events = stream();
  const whole = observe(counter(), events);
  let visits = counter();
  const parts: Visits[] = [];
  for (let at = 0; at < events.length; at += 137) {
    parts.push(...observe(visits, events.slice(at, at + 137)));
    visits = laid(visits.takePages(true, { pageBytes: 300 }));
  }
  expect(parts).toEqual(whole);
});

test('the order of keys in a record does not depend on the order in which they came', () => {
  const day = Array.from({ length: 200 }, (_, i): Event => ({ seconds: START + i, values: [`t${i}`, 'x'] }));
  const turned = day.map(({ seconds }, i): Event => ({ seconds, values: day[199 - i]!.values }));
  const end: Event = { seconds: START + DAY + 2 * HOUR, values: ['', ''] };
  expect(observe(counter(), [...day, end])).toEqual(observe(counter(), [...turned, end]));
});

test('goes on from the pages of any points, whole ones and what changed since, as if nothing had happened', () => {
  const cut = fc.record({ events: fc.integer({ min: 0, max: 250 }), whole: fc.nat(3), restart: fc.nat(2) });
  // With room for 12 of its 16 keys some are forgotten on the way, and they must be the same ones.
  fc.assert(
    fc.property(
      fc.array(cut, { minLength: 10, maxLength: 40, size: 'max' }),
      fc.constantFrom(12, 1000),
      (cuts, maxKeys) => {
        const events = stream();
        const whole = observe(counter(maxKeys), events);
        let visits = counter(maxKeys);
        let pages: Uint8Array[] = [];
        const parts: Visits[] = [];
        let at = 0;
        for (const { events: count, whole: kind, restart } of cuts) {
          parts.push(...observe(visits, events.slice(at, at + count)));
          at += count;
          if (kind === 0) pages = [];
          const taken = visits.takePages(pages.length === 0, { pageBytes: 200 });
          // A request that is sent again can put a page behind the others of its checkpoint.
          pages.push(...taken.slice(1), ...taken.slice(0, 1));
          if (restart === 0) {
            visits = laid(pages, maxKeys);
            pages = [];
          }
        }
        parts.push(...observe(visits, events.slice(at)));
        expect(parts).toEqual(whole);
      },
    ),
    { numRuns: 60 },
  );
});

test('what makes room is what was counted least, and it is counted anew', () => {
  const visits = counter(8);
  const of = (...names: string[]) =>
    names.map((name, i): Event => ({ seconds: START + i, values: [name, ''] }));
  const often = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  observe(visits, of(...often, ...often, 'x', 'y', 'x', 'x', 'x'));
  const closed = observe(visits, [{ seconds: START + DAY + 2 * HOUR, values: ['', ''] }]);
  const { counts } = sorted(closed)[0]!;
  expect(Object.keys(counts)).toHaveLength(8);
  for (const name of often.filter((name) => named(name) in counts)) expect(counts[named(name)]).toBe(2);
  expect(counts[named('x')]).toBe(3);
});
