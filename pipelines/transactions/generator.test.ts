import { type EventTruth, type SourceBatch, type TruthRecord, take } from '../source.js';
import { COUNTRIES, offsetOf } from './countries.js';
import { type Payment, type TransactionsOptions, transactionsSource } from './generator.js';
import { buildWorld } from './world.js';

const batches = (options: TransactionsOptions, position = 0) => [
  ...(transactionsSource(options).batches(position) as Iterable<SourceBatch<Payment>>),
];
const payments = (options: TransactionsOptions, position = 0) =>
  batches(options, position).flatMap((batch) => batch.events);
const truths = (options: TransactionsOptions): EventTruth[] =>
  batches(options)
    .flatMap((batch) => batch.truth.map((mark) => mark.record))
    .filter((record: TruthRecord): record is EventTruth => record.type === 'event');

const small = { seed: 4, customers: 300, terminals: 600, days: 12 };

describe('transactionsSource', () => {
  it('gives the same stream for the same seed and another for another', () => {
    expect(batches(small)).toEqual(batches(small));
    expect(payments({ ...small, seed: 5 }).slice(0, 50)).not.toEqual(payments(small).slice(0, 50));
  });

  it('can be taken up at any position', () => {
    const all = payments(small);
    for (const position of [1, 700, all.length - 1])
      expect(payments(small, position)).toEqual(all.slice(position));
    expect(payments(small, all.length)).toEqual([]);
  });

  it('gives the same payments whatever the batch size', () => {
    expect(payments({ ...small, batchSize: 17 })).toEqual(payments(small));
  });

  it('is in time order, across time zones and days', () => {
    const times = payments(small).map((payment) => payment.time);
    expect(times.filter((time, i) => i > 0 && time < times[i - 1]!)).toEqual([]);
  });

  it('keeps the ground truth out of the events', () => {
    const fields = [
      'amount',
      'card',
      'channel',
      'country',
      'currency',
      'id',
      'issuer',
      'merchant',
      'terminal',
      'time',
      'timeZone',
    ];
    const shapes = new Set(payments(small).map((payment) => Object.keys(payment).sort().join()));
    expect([...shapes]).toEqual([fields.join()]);
    const marked = new Map(payments(small).map((payment) => [payment.id, payment]));
    const records = truths(small);
    expect(records.length).toBeGreaterThan(10);
    for (const record of records) {
      expect(marked.get(record.eventId)).toMatchObject({ card: record.entity, time: record.time });
    }
  });

  it("pays in the country's currency, in its decimals, by its clock", () => {
    const seen = new Set<string>();
    let night = 0;
    let wrong = 0;
    const all = payments({ ...small, customers: 1_000, terminals: 2_000 });
    for (const { country, currency, amount, timeZone, time } of all) {
      seen.add(country);
      const scaled = amount * 10 ** COUNTRIES[country]!.decimals;
      if (currency !== COUNTRIES[country]!.currency || Math.abs(scaled - Math.round(scaled)) > 1e-6) wrong++;
      const local = ((time + offsetOf(timeZone, time)) % 86_400_000) / 3_600_000;
      if (local < 4) night++;
    }
    expect(wrong).toBe(0);
    expect([...seen].sort()).toEqual(['BR', 'CN', 'DE', 'GB', 'IN', 'JP', 'US']);
    // N(12 h, 5.56 h) within the day: 6% fall before 4 in the morning, wherever it is; by UTC's clock it would be a sixth.
    expect(night / all.length).toBeLessThan(0.08);
  });

  it('has frauds of all three kinds from the first day', () => {
    const first = truths({ seed: 1, days: 1, customers: 5_000, terminals: 10_000 });
    expect(new Set(first.map((record) => record.kind))).toEqual(new Set(['overLimit', 'terminal', 'card']));
  });

  it('refuses a start that is no date', () => {
    expect(() => transactionsSource({ start: 'soon' })).toThrow(/start is 'soon'.*YYYY-MM-DD/);
  });
});

describe("the book's world", () => {
  // A fifth of its customers and terminals on the same plane; expectations follow from the published rules.
  const plain = {
    seed: 2,
    plain: true,
    customers: 1_000,
    terminals: 2_000,
    days: 120,
    terminalsPerDay: 1,
    cardsPerDay: 1,
  };
  const all = payments(plain);
  const frauds = truths(plain);
  const kinds = new Map(frauds.map((record) => [record.eventId, record.kind]));

  it('has its number of payments', () => {
    // Two a day, of which 96.9% fall within the day; one standard error is 1.8% with 1,000 customers.
    expect(Math.abs(all.length / (1_000 * 120) - 1.938)).toBeLessThan(0.11);
    expect(
      new Set(all.map((payment) => `${payment.country} ${payment.currency} ${payment.timeZone}`)),
    ).toEqual(new Set(['BE EUR UTC']));
    expect(new Date(all[0]!.time).toISOString().slice(0, 10)).toBe('2018-04-01');
    expect(new Date(all.at(-1)!.time).toISOString().slice(0, 10)).toBe('2018-07-29');
  });

  it('has its amounts', () => {
    const genuine = all.filter((payment) => !kinds.has(payment.id));
    const mean = genuine.reduce((sum, payment) => sum + payment.amount, 0) / genuine.length;
    // 52.5 by the profiles, a little more by the amounts redrawn below zero.
    expect(mean).toBeGreaterThan(49);
    expect(mean).toBeLessThan(57);
    expect(genuine.filter((payment) => payment.amount > 220)).toEqual([]);
  });

  it('marks every payment over the limit', () => {
    expect(all.filter((payment) => payment.amount > 220 && !kinds.has(payment.id))).toEqual([]);
    expect(frauds.filter((record) => record.kind === 'overLimit').length).toBeGreaterThan(50);
  });

  it('has terminals that are compromised for 28 days, all their payments', () => {
    const byTerminal = new Map<string, number[]>();
    for (const payment of all) {
      if (kinds.get(payment.id) !== 'terminal') continue;
      const days = byTerminal.get(payment.terminal) ?? [];
      days.push(Math.floor((payment.time - Date.UTC(2018, 3, 1)) / 86_400_000));
      byTerminal.set(payment.terminal, days);
    }
    // One a day, of which a few have no customer in reach or were drawn twice.
    expect(byTerminal.size).toBeGreaterThan(90);
    expect(byTerminal.size).toBeLessThanOrEqual(119);
    const once = [...byTerminal.values()].filter((days) => days.at(-1)! - days[0]! < 28);
    expect(once.length / byTerminal.size).toBeGreaterThan(0.9);
    const missed = all.filter((payment) => {
      const days = byTerminal.get(payment.terminal);
      if (!days || days.at(-1)! - days[0]! >= 28 || kinds.has(payment.id)) return false;
      const day = Math.floor((payment.time - Date.UTC(2018, 3, 1)) / 86_400_000);
      return day >= days[0]! && day <= days.at(-1)!;
    });
    expect(missed).toEqual([]);
  });

  it('has a third of the payments of compromised cards, with amounts times five', () => {
    const cards = frauds.filter((record) => record.kind === 'card');
    // 119 cards × 14 days × 1.94 payments × 1/3, cut off at the end; the rates of the cards spread widely.
    expect(cards.length).toBeGreaterThan(119 * 7);
    expect(cards.length).toBeLessThan(119 * 11);
    const amounts = new Map(all.map((payment) => [payment.id, payment.amount]));
    const mean = cards.reduce((sum, record) => sum + amounts.get(record.eventId)!, 0) / cards.length;
    expect(mean / 54).toBeGreaterThan(4);
    expect(mean / 54).toBeLessThan(6);
  });

  it("has the book's share of frauds once the spells have filled up", () => {
    const isLate = (time: number) => time > Date.UTC(2018, 3, 1) + 30 * 86_400_000;
    const share =
      frauds.filter((record) => isLate(record.time)).length /
      all.filter((payment) => isLate(payment.time)).length;
    // The book's 0.84% with two terminals of 10,000 and three cards of 5,000 a day; here one of 2,000 and one of 1,000.
    expect(share).toBeGreaterThan(0.012);
    expect(share).toBeLessThan(0.028);
  });
});

describe('buildWorld', () => {
  it('lets a customer pay at the terminals within 5, about 78 of 10,000 on the plane', () => {
    const { customers } = buildWorld(1, true, 2_000, 10_000);
    const reach = customers.reachStart[2_000]! / 2_000;
    // π·5² / 100² × 10,000 = 78.5, less at the edges.
    expect(reach).toBeGreaterThan(72);
    expect(reach).toBeLessThan(78.5);
  });

  it('keeps about as many in reach in every region of the world', () => {
    const { customers } = buildWorld(1, false, 4_000, 8_000);
    expect(customers.reachStart[4_000]! / 4_000).toBeGreaterThan(55);
    expect(customers.reachStart[4_000]! / 4_000).toBeLessThan(79);
  });
});

describe('take on a stream without an end', () => {
  it('ends it', async () => {
    let count = 0;
    for await (const batch of take(transactionsSource({ customers: 100, terminals: 200 }), 5_000).batches())
      count += batch.events.length;
    expect(count).toBe(5_000);
  });
});
