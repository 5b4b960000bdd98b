import type { Random } from '../random.js';
import { MERCHANTS } from './countries.js';
import { CARD, CARD_FACTOR, type Frauds, GENUINE, LIMIT, OVER_LIMIT, TERMINAL } from './frauds.js';
import type { World } from './world.js';

export const CHANNELS = ['chip', 'contactless', 'online', 'magstripe'] as const;
const [CHIP, CONTACTLESS, ONLINE, MAGSTRIPE] = [0, 1, 2, 3];
const MAGSTRIPE_SHARE = 0.02;
const DAY_SECONDS = 86_400;
const PAYMENT_DRAW = 5;

/** Payments as columns, grown as needed and used again. */
export class Columns {
  count = 0;
  time = new Float64Array(1024);
  amount = new Float64Array(1024);
  customer = new Int32Array(1024);
  terminal = new Int32Array(1024);
  channel = new Uint8Array(1024);
  kind = new Uint8Array(1024);

  push(
    time: number,
    customer: number,
    terminal: number,
    amount: number,
    channel: number,
    kind: number,
  ): void {
    if (this.count === this.time.length) this.grow();
    const i = this.count++;
    this.time[i] = time;
    this.customer[i] = customer;
    this.terminal[i] = terminal;
    this.amount[i] = amount;
    this.channel[i] = channel;
    this.kind[i] = kind;
  }

  pushFrom(other: Columns, i: number): void {
    this.push(
      other.time[i]!,
      other.customer[i]!,
      other.terminal[i]!,
      other.amount[i]!,
      other.channel[i]!,
      other.kind[i]!,
    );
  }

  private grow(): void {
    const length = this.time.length * 2;
    const larger = <T extends Float64Array | Int32Array | Uint8Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.time = larger(this.time, new Float64Array(length));
    this.amount = larger(this.amount, new Float64Array(length));
    this.customer = larger(this.customer, new Int32Array(length));
    this.terminal = larger(this.terminal, new Int32Array(length));
    this.channel = larger(this.channel, new Uint8Array(length));
    this.kind = larger(this.kind, new Uint8Array(length));
  }
}

/** The payments that a customer makes on one (local) day; the same numbers whichever days were drawn before. */
export class PaymentDraw {
  constructor(
    private readonly world: World,
    private readonly random: Random,
    private readonly seed: number,
  ) {}

  count(customer: number, day: number): number {
    let count = 0;
    this.each(customer, day, () => count++);
    return count;
  }

  /**
   * @param midnight epoch ms at which the customer's day begins
   * @param frauds which of this customer's payments of the day, by number, are made by the thief of the card
   */
  into(
    out: Columns,
    customer: number,
    day: number,
    midnight: number,
    compromised: Frauds,
    frauds: readonly number[] | undefined,
  ): void {
    this.each(customer, day, (number, second, base, terminal, channel) => {
      let amount = base;
      let kind = GENUINE;
      // Later scenarios prevail, as in the book.
      if (amount > LIMIT) kind = OVER_LIMIT;
      if (compromised.terminalCompromised(terminal, day)) kind = TERMINAL;
      if (frauds) {
        for (const chosen of frauds) {
          if (chosen !== number) continue;
          amount *= CARD_FACTOR;
          kind = CARD;
        }
      }
      out.push(midnight + second * 1000, customer, terminal, amount, channel, kind);
    });
  }

  private each(
    customer: number,
    day: number,
    take: (number: number, second: number, base: number, terminal: number, channel: number) => void,
  ): void {
    const { customers, terminals } = this.world;
    const start = customers.reachStart[customer]!;
    const reach = customers.reachStart[customer + 1]! - start;
    if (reach === 0) return;
    const random = this.random.reseed(this.seed, PAYMENT_DRAW, customer, day);
    const planned = random.poisson(customers.expMinusRate[customer]!);
    const mean = customers.meanAmount[customer]!;
    for (let i = 0, number = 0; i < planned; i++) {
      const second = Math.trunc(DAY_SECONDS / 2 + 20_000 * random.normal());
      if (second <= 0 || second >= DAY_SECONDS) continue;
      let base = mean + (mean / 2) * random.normal();
      if (base < 0) base = random.uniform(0, 2 * mean);
      const terminal = customers.reach[start + random.below(reach)]!;
      let channel = ONLINE!;
      if (!MERCHANTS[terminals.merchant[terminal]!]!.online) {
        const way = random.unit();
        if (way < MAGSTRIPE_SHARE) channel = MAGSTRIPE!;
        else
          channel =
            way < MAGSTRIPE_SHARE + customers.contactless[customer]! * (1 - MAGSTRIPE_SHARE)
              ? CONTACTLESS!
              : CHIP!;
      }
      take(number++, second, Math.round(base * 100) / 100, terminal, channel);
    }
  }
}
