import { Random } from '../random.js';
import type { EventSource, SourceBatch, TruthMark } from '../source.js';
import { COUNTRIES, MERCHANTS, offsetOf } from './countries.js';
import { Frauds, GENUINE, KINDS, TERMINAL_DAYS } from './frauds.js';
import { CHANNELS, Columns, PaymentDraw } from './payments.js';
import { buildWorld, type World } from './world.js';

export interface Payment {
  id: string;
  time: number;
  card: string;
  terminal: string;
  merchant: string;
  amount: number;
  currency: string;
  channel: (typeof CHANNELS)[number];
  country: string;
  timeZone: string;
  issuer: string;
}

export interface TransactionsOptions {
  seed?: number;
  /** exactly the book's world: one country and currency, its scale, its 183 days from 2018-04-01, no fraud before the first day */
  plain?: boolean;
  customers?: number;
  terminals?: number;
  /** days of payments; without it the stream has no end (plain: 183) */
  days?: number;
  /** the first day, YYYY-MM-DD */
  start?: string;
  /** terminals that are compromised each day; default the book's 2 for 10,000 terminals, in proportion, at least 1 */
  terminalsPerDay?: number;
  /** cards that are compromised each day; default the book's 3 for 5,000 customers, in proportion, at least 1 */
  cardsPerDay?: number;
  batchSize?: number;
}

const DAY_MS = 86_400_000;
const BOOK = { customers: 5_000, terminals: 10_000, days: 183, start: '2018-04-01' };
const DEFAULTS = {
  customers: 20_000,
  terminals: 40_000,
  days: Number.POSITIVE_INFINITY,
  start: '2024-01-01',
};

/**
 * Card payments after the rules of the Fraud Detection Handbook's simulator (world.ts, frauds.ts), in several
 * countries, currencies and time zones, in time order, drawn day by day in bounded memory. Amounts and the limit of
 * scenario 1 are in a base unit and are converted when a payment is written.
 * Figures of the book (seeded by NumPy, so other draws of the same rules): 1,754,155 payments, 14,681 frauds (0.84%).
 */
export function transactionsSource(options: TransactionsOptions = {}): EventSource<Payment> {
  const plain = options.plain ?? false;
  const scale = plain ? BOOK : DEFAULTS;
  const settings: Settings = {
    seed: options.seed ?? 0,
    plain,
    days: options.days ?? scale.days,
    start: Date.parse(`${options.start ?? scale.start}T00:00:00Z`),
    terminalsPerDay:
      options.terminalsPerDay ?? inProportion(2, options.terminals ?? scale.terminals, BOOK.terminals),
    cardsPerDay: options.cardsPerDay ?? inProportion(3, options.customers ?? scale.customers, BOOK.customers),
    batchSize: options.batchSize ?? 2_000,
  };
  if (Number.isNaN(settings.start)) {
    throw new RangeError(
      `transactions: start is '${options.start}', which is no date; write it as YYYY-MM-DD`,
    );
  }
  let world: World | undefined;
  return {
    pipeline: 'transactions',
    schemaName: 'payment',
    batches(position = 0) {
      world ??= buildWorld(
        settings.seed,
        plain,
        options.customers ?? scale.customers,
        options.terminals ?? scale.terminals,
      );
      return generate(world, settings, position);
    },
  };
}

interface Settings {
  seed: number;
  plain: boolean;
  days: number;
  start: number;
  terminalsPerDay: number;
  cardsPerDay: number;
  batchSize: number;
}

function inProportion(rate: number, count: number, of: number): number {
  return Math.max(1, Math.round((rate * count) / of));
}

function* generate(world: World, settings: Settings, from: number): Generator<SourceBatch<Payment>> {
  const { seed, plain, days } = settings;
  const draw = new PaymentDraw(world, new Random(), seed);
  const counting = new PaymentDraw(world, new Random(), seed);
  const frauds = new Frauds(
    {
      seed,
      customers: world.customers.count,
      terminals: world.terminals.count,
      terminalsPerDay: settings.terminalsPerDay,
      cardsPerDay: settings.cardsPerDay,
      // The book draws none on its last day.
      lastDraw: plain ? days - 2 : days - 1,
      endDay: days,
      countPayments: (customer, day) => counting.count(customer, day),
    },
    // Beyond the book, spells were open before the first day: a short stream has its share of frauds too.
    plain ? 0 : 1 - TERMINAL_DAYS,
  );

  let pending = new Columns();
  let later = new Columns();
  let position = 0;
  for (let day = 0; day < days; day++) {
    frauds.open(day);
    frauds.close(day);
    const cards = frauds.cardsOn(day);
    const midnights = world.regions.map((region) =>
      midnightOf(region.timeZone, settings.start + day * DAY_MS),
    );
    for (let customer = 0; customer < world.customers.count; customer++) {
      draw.into(
        pending,
        customer,
        day,
        midnights[world.customers.region[customer]!]!,
        frauds,
        cards?.get(customer),
      );
    }
    // Complete is what lies before the first moment of the next local day anywhere.
    const next = settings.start + (day + 1) * DAY_MS;
    const complete =
      day + 1 < days
        ? Math.min(...world.regions.map((region) => midnightOf(region.timeZone, next)))
        : Number.POSITIVE_INFINITY;
    const order = timeOrder(pending, complete, later);
    const skip = Math.min(order.length, Math.max(0, from - position));
    for (let at = skip; at < order.length; at += settings.batchSize) {
      yield writeBatch(world, pending, order.subarray(at, at + settings.batchSize), position + at);
    }
    position += order.length;
    [pending, later] = [later, pending];
    later.count = 0;
  }
}

/** The instant at which a calendar day (given as its midnight in UTC) begins in a zone, by the offset it has at noon. */
function midnightOf(timeZone: string, utcMidnight: number): number {
  return utcMidnight - offsetOf(timeZone, utcMidnight + DAY_MS / 2);
}

/** Indices of the payments before `complete` in time order, equal times in the order they were drawn; the others go to `later`. */
function timeOrder(payments: Columns, complete: number, later: Columns): Int32Array {
  let first = Number.POSITIVE_INFINITY;
  for (let i = 0; i < payments.count; i++) first = Math.min(first, payments.time[i]!);
  // Time and index in one number: a native numeric sort, no comparator. Two days of ms take 28 bits, 24 are left for the index.
  const keys = new Float64Array(payments.count);
  let count = 0;
  for (let i = 0; i < payments.count; i++) {
    if (payments.time[i]! < complete) keys[count++] = (payments.time[i]! - first) * 2 ** 24 + i;
    else later.pushFrom(payments, i);
  }
  const sorted = keys.subarray(0, count).sort();
  return Int32Array.from(sorted, (key) => key % 2 ** 24);
}

function writeBatch(
  world: World,
  payments: Columns,
  order: Int32Array,
  position: number,
): SourceBatch<Payment> {
  const { customers, terminals, regions } = world;
  const keys = new Array<string>(order.length);
  const events = new Array<Payment>(order.length);
  const times = new Array<number>(order.length);
  const truth: TruthMark[] = [];
  for (let n = 0; n < order.length; n++) {
    const i = order[n]!;
    const customer = payments.customer[i]!;
    const terminal = payments.terminal[i]!;
    const region = regions[customers.region[customer]!]!;
    const country = COUNTRIES[region.country]!;
    const card = customers.ids[customer]!;
    const time = payments.time[i]!;
    const id = `p${position + n}`;
    const cents = country.decimals === 0 ? 1 : 100;
    keys[n] = card;
    times[n] = time;
    events[n] = {
      id,
      time,
      card,
      terminal: terminals.ids[terminal]!,
      merchant: MERCHANTS[terminals.merchant[terminal]!]!.name,
      amount: Math.round(payments.amount[i]! * country.rate * cents) / cents,
      currency: country.currency,
      channel: CHANNELS[payments.channel[i]!]!,
      country: region.country,
      timeZone: region.timeZone,
      issuer: customers.issuers[customer]!,
    };
    const kind = payments.kind[i]!;
    if (kind !== GENUINE) {
      truth.push({
        index: n,
        record: {
          type: 'event',
          pipeline: 'transactions',
          entity: card,
          eventId: id,
          time,
          kind: KINDS[kind]!,
        },
      });
    }
  }
  return { position, keys, events, times, truth };
}
