/**
 * What is known of bad spells of secondary entities (a terminal that skims cards, a line that runs badly): how often
 * one begins, how long it lasts, how many of its events are risks, and how many elsewhere are. All of it is learned
 * from the labels, starting from a weak prior; durations may be given instead where they are known.
 */
export interface SpellOptions {
  /** durations in days, equally likely, in place of learning them */
  readonly days?: readonly number[];
}

/** the longest spell that is told from one that stays, days */
export const MOST_DAYS = 96;
/** spells that the prior of the durations counts as */
const PRIOR_SPELLS = 3;
/** numbers that save() gives */
export const RATES_SIZE = 6 + MOST_DAYS + 1;

export class SpellRates {
  /** false while labels are gone through once more that it has learned from */
  learns = true;
  readonly #learnsDays: boolean;
  readonly #days = new Float64Array(MOST_DAYS + 1);
  /** by age in days: the chance that a spell of that age has a further day */
  readonly stays = new Float64Array(MOST_DAYS + 1);
  /** by age in days: the chance that a spell gets so old */
  readonly survives = new Float64Array(MOST_DAYS + 1);
  #starts = 1;
  #entityDays = 10_000;
  #badEvents = 20;
  #badRisks = 19;
  #goodEvents = 2_000;
  #goodRisks = 2;

  constructor(options: SpellOptions = {}) {
    this.#learnsDays = options.days === undefined;
    if (options.days !== undefined) {
      for (const day of options.days) {
        if (!Number.isInteger(day) || day < 1 || day > MOST_DAYS)
          throw new RangeError(`a spell of ${day} days; give whole days from 1 to ${MOST_DAYS}`);
        this.#days[day] = this.#days[day]! + 1;
      }
    } else {
      // As likely to last from one day to two as from ten to twenty.
      let sum = 0;
      for (let day = 1; day <= MOST_DAYS; day++) sum += 1 / day;
      for (let day = 1; day <= MOST_DAYS; day++) this.#days[day] = PRIOR_SPELLS / (day * sum);
    }
    this.#derive();
  }

  /** chance that a spell begins on a day */
  get start(): number {
    return this.#starts / this.#entityDays;
  }

  /** likelihood ratios, bad against good, of an event: a risk, a risk that its own strangeness explains, none */
  get ratios(): { risk: number; explained: number; none: number } {
    const bad = Math.min(0.999, this.#badRisks / this.#badEvents);
    const good = Math.min(0.3, this.#goodRisks / this.#goodEvents);
    return { risk: bad / good, explained: 2 * bad, none: (1 - bad) / (1 - good) };
  }

  /** the most likely duration, days; for figures */
  get mostLikelyDays(): number {
    let best = 1;
    for (let day = 2; day <= MOST_DAYS; day++) if (this.#days[day]! > this.#days[best]!) best = day;
    return best;
  }

  /** A day of an entity with events: how sure it was bad, events, and risks that nothing else explains. */
  observe(bad: number, events: number, risks: number): void {
    if (!this.learns) return;
    this.#badEvents += bad * events;
    this.#badRisks += bad * risks;
    this.#goodEvents += (1 - bad) * events;
    this.#goodRisks += (1 - bad) * risks;
  }

  /** So many entities were followed for a day, and so many spells were seen to begin. */
  passed(entityDays: number, starts: number): void {
    if (!this.learns) return;
    this.#entityDays += entityDays;
    this.#starts += starts;
  }

  /**
   * A spell has ended: its first and last day with risks, the day before it without, the day after it without.
   * It may have begun and ended on any day between; durations take their share by how likely they were.
   */
  ended(before: number, first: number, last: number, after: number): void {
    if (!this.#learnsDays || !this.learns) return;
    const share = new Float64Array(MOST_DAYS + 1);
    let sum = 0;
    for (let day = last - first + 1; day <= Math.min(MOST_DAYS, after - before - 1); day++) {
      let ways = 0;
      for (let start = Math.max(before + 1, first - MOST_DAYS); start <= first; start++) {
        const end = start + day - 1;
        if (end >= last && end < after) ways++;
      }
      share[day] = ways * this.#days[day]!;
      sum += share[day]!;
    }
    if (!(sum > 0)) return;
    for (let day = 1; day <= MOST_DAYS; day++) this.#days[day] = this.#days[day]! + share[day]! / sum;
    this.#derive();
  }

  /** Everything learned, exact. */
  save(): Float64Array {
    return Float64Array.of(
      this.#starts,
      this.#entityDays,
      this.#badEvents,
      this.#badRisks,
      this.#goodEvents,
      this.#goodRisks,
      ...this.#days,
    );
  }

  load(state: Float64Array): void {
    if (state.length !== RATES_SIZE)
      throw new RangeError(`spell rates: ${state.length} numbers; expected ${RATES_SIZE}`);
    this.#starts = state[0]!;
    this.#entityDays = state[1]!;
    this.#badEvents = state[2]!;
    this.#badRisks = state[3]!;
    this.#goodEvents = state[4]!;
    this.#goodRisks = state[5]!;
    this.#days.set(state.subarray(6));
    this.#derive();
  }

  #derive(): void {
    let total = 0;
    for (let day = 1; day <= MOST_DAYS; day++) total += this.#days[day]!;
    // Survival at age a: it lasts longer than a days. What lasts MOST_DAYS ends then.
    let left = total;
    for (let age = 0; age <= MOST_DAYS; age++) {
      this.survives[age] = left / total;
      if (age < MOST_DAYS) left -= this.#days[age + 1]!;
      if (left < 1e-12 * total) left = 0;
    }
    for (let age = 0; age < MOST_DAYS; age++)
      this.stays[age] = this.survives[age]! > 0 ? this.survives[age + 1]! / this.survives[age]! : 0;
    this.stays[MOST_DAYS] = 0;
  }
}
