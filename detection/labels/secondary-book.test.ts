import { checkString, hashString } from '../features/hash.js';
import { LABEL_FEATURES, SecondaryBook } from './secondary-book.js';
import { SpellRates } from './spell-rates.js';

const DAY = 86_400;
const DELAY = 7;

/** a window in which each entity was seen once */
const seen = (...names: string[]) => ({
  hashes: Uint32Array.from(names, (name) => hashString(name)),
  checks: Uint32Array.from(names, checkString),
  counts: new Uint32Array(names.length).fill(1),
});

/** A world of terminals, one payment a day each; a bad one has frauds only, for `days` days. */
function play(rates: SpellRates, until: number, days: number) {
  const book = new SecondaryBook(rates, DELAY);
  const begins = (terminal: number) => 10 + terminal * 3;
  for (let day = 0; day < until; day++) {
    const known = day - DELAY - 1;
    for (let terminal = 0; terminal < 200; terminal++) {
      const bad = known >= begins(terminal) && known < begins(terminal) + days;
      if (known < 0) continue;
      if (bad) book.label(`t${terminal}`, known, true, false);
      book.visits(seen(`t${terminal}`), known);
    }
    book.enter(day);
  }
  return { book, begins };
}

const posterior = (book: SecondaryBook, terminal: number, day: number) => {
  const out = new Float32Array(LABEL_FEATURES.length);
  book.features(`t${terminal}`, day * DAY + 5, out, 0);
  return out[LABEL_FEATURES.indexOf('spell')]!;
};

test('learns how long spells last from the labels alone', () => {
  const rates = new SpellRates();
  expect(rates.mostLikelyDays).toBe(1);
  play(rates, 200, 12);
  expect(rates.mostLikelyDays).toBe(12);
  expect(rates.ratios.risk).toBeGreaterThan(100);
  expect(rates.ratios.none).toBeLessThan(0.1);
});

test('expects a spell to end when spells do, though the labels of its last days are not there yet', () => {
  const { book, begins } = play(new SpellRates(), 150, 12);
  // Of terminal 43 (bad from day 139 on) the labels up to day 141 are known on day 150.
  expect(begins(43)).toBe(139);
  expect(posterior(book, 43, 150)).toBeGreaterThan(0.9);
  expect(posterior(book, 43, 152)).toBeLessThan(0.1);
  // Long over, and never bad.
  expect(posterior(book, 20, 150)).toBeLessThan(0.05);
  expect(posterior(book, 199, 150)).toBe(0);
});

test('risks that were strange in themselves say little of the terminal', () => {
  const told = (explained: boolean) => {
    const book = new SecondaryBook(new SpellRates(), DELAY);
    book.label('t0', 10, true, explained);
    book.enter(12);
    return posterior(book, 0, 12);
  };
  expect(told(false)).toBeGreaterThan(10 * told(true));
});

test('given durations are kept, and bad ones refused', () => {
  const rates = new SpellRates({ days: [28] });
  play(rates, 120, 12);
  expect(rates.mostLikelyDays).toBe(28);
  expect(() => new SpellRates({ days: [0] })).toThrow(/whole days from 1/);
});

test('a risk that is taken back leaves hardly a trace, and what was cleared is counted once', () => {
  const rates = new SpellRates();
  const told = (...said: [risk: boolean, corrects: boolean][]) => {
    const book = new SecondaryBook(rates, DELAY);
    book.label('t0', 9, true, true);
    for (const [risk, corrects] of said) book.label('t0', 10, risk, false, corrects);
    book.visits(seen('t0'), 10);
    book.enter(12);
    return posterior(book, 0, 12);
  };
  const never = told([false, false]);
  expect(told([true, false])).toBeGreaterThan(20 * never);
  expect(told([true, false], [false, true])).toBeCloseTo(never, 5);
  expect(told([false, false], [true, true])).toBeCloseTo(told([true, false]), 3);
});

test('rates go on exactly from what was saved, and learn nothing while labels are gone through again', () => {
  const rates = new SpellRates();
  play(rates, 150, 12);
  const again = new SpellRates();
  again.load(rates.save());
  expect(again.save()).toEqual(rates.save());
  expect(again.ratios).toEqual(rates.ratios);
  again.learns = false;
  play(again, 150, 20);
  expect(again.save()).toEqual(rates.save());
});

/** days since the last good one that a book says of an entity on a day; NaN where it knows none */
const sinceGood = (book: SecondaryBook, terminal: number, day: number) => {
  const out = new Float32Array(LABEL_FEATURES.length);
  book.features(`t${terminal}`, day * DAY, out, 0);
  const value = out[LABEL_FEATURES.indexOf('sinceGood')]!;
  return value === 1 ? Number.NaN : Math.round(Math.expm1(4 * value));
};

/** `seen`, by hash */
const window = (...names: string[]) => seen(...names.sort((a, b) => hash(a) - hash(b)));
const hash = (name: string) => hashString(name) >>> 0;

test('knows when an entity was good last once labels speak of it, whatever order its windows came in', () => {
  const book = new SecondaryBook(new SpellRates(), DELAY);
  const many = Array.from({ length: 500 }, (_, i) => `t${i}`);
  book.visits(window(...many), 12);
  book.visits(window(...many, 't900'), 11);
  book.visits(window(...many.slice(100)), 13);
  for (const terminal of [50, 150, 900, 901]) book.label(`t${terminal}`, 20, true, false);
  const since = [50, 150, 900, 901].map((terminal) => sinceGood(book, terminal, 20));
  expect(since).toEqual([8, 7, 9, Number.NaN]);
});

test('what was good last before the risk counts, and of one that was followed before, no day of that time', () => {
  const book = new SecondaryBook(new SpellRates(), DELAY);
  book.visits(window('t0'), 10);
  book.visits(window('t0'), 30);
  book.label('t0', 20, true, false);
  expect(sinceGood(book, 0, 20)).toBe(10);
  for (let day = 20; day < 120; day++) book.enter(day);
  expect(book.followed).toBe(0);
  book.label('t0', 25, true, false);
  expect(sinceGood(book, 0, 25)).toBe(15);
});
