import { Random } from '../random.js';

/** The three scenarios of the book; 0 is a genuine payment. */
export const GENUINE = 0;
export const OVER_LIMIT = 1;
export const TERMINAL = 2;
export const CARD = 3;
export const KINDS = ['', 'overLimit', 'terminal', 'card'] as const;

/** Scenario 1: every payment above this amount (base units) is a fraud. */
export const LIMIT = 220;
/** Scenario 2: for so many days all payments at a compromised terminal are frauds. */
export const TERMINAL_DAYS = 28;
/** Scenario 3: for so many days a third of a compromised card's payments are frauds, with amounts times CARD_FACTOR. */
export const CARD_DAYS = 14;
export const CARD_FACTOR = 5;

const TERMINAL_DRAW = 3;
const CARD_DRAW = 4;

export interface FraudOptions {
  seed: number;
  customers: number;
  terminals: number;
  terminalsPerDay: number;
  cardsPerDay: number;
  /** the last day on which something is compromised */
  lastDraw: number;
  /** the day behind the last one with payments */
  endDay: number;
  /** how many payments a customer makes on a day */
  countPayments(customer: number, day: number): number;
}

/** What is compromised on which day, drawn as the days come, in memory bounded by the open spells. */
export class Frauds {
  private readonly random = new Random();
  private readonly terminalUntil: Int32Array;
  /** day → customer → the payments of that day (by number, once for every time they were drawn) that are frauds */
  private readonly cards = new Map<number, Map<number, number[]>>();
  private drawn: number;

  constructor(
    private readonly options: FraudOptions,
    firstDraw: number,
  ) {
    this.terminalUntil = new Int32Array(options.terminals).fill(firstDraw);
    this.drawn = firstDraw - 1;
  }

  /** Draws what is compromised up to `day`; days must come in order. */
  open(day: number): void {
    while (this.drawn < Math.min(day, this.options.lastDraw)) this.draw(++this.drawn);
  }

  /** Forgets the days before `day`. */
  close(day: number): void {
    for (const past of this.cards.keys()) if (past < day) this.cards.delete(past);
  }

  terminalCompromised(terminal: number, day: number): boolean {
    return day < this.terminalUntil[terminal]!;
  }

  cardsOn(day: number): ReadonlyMap<number, readonly number[]> | undefined {
    return this.cards.get(day);
  }

  private draw(day: number): void {
    const { seed, terminals, terminalsPerDay, customers, cardsPerDay } = this.options;
    this.random.reseed(seed, TERMINAL_DRAW, day);
    for (const terminal of this.random.sample(terminals, terminalsPerDay))
      this.terminalUntil[terminal] = day + TERMINAL_DAYS;
    this.random.reseed(seed, CARD_DRAW, day);
    this.compromiseCards(day, this.random.sample(customers, cardsPerDay));
  }

  /** As in the book a third is drawn of all payments that the day's cards make together in the fourteen days. */
  private compromiseCards(day: number, customers: readonly number[]): void {
    const payments: { customer: number; day: number; number: number }[] = [];
    const end = Math.min(day + CARD_DAYS, this.options.endDay);
    for (const customer of customers) {
      for (let at = day; at < end; at++) {
        const count = this.options.countPayments(customer, at);
        for (let number = 0; number < count; number++) payments.push({ customer, day: at, number });
      }
    }
    for (const index of this.random.sample(payments.length, Math.floor(payments.length / 3))) {
      const { customer, day: at, number } = payments[index]!;
      const byCustomer = this.cards.get(at) ?? new Map<number, number[]>();
      this.cards.set(at, byCustomer);
      const numbers = byCustomer.get(customer);
      if (numbers) numbers.push(number);
      else byCustomer.set(customer, [number]);
    }
  }
}
