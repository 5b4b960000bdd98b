import { MOST_DAYS, type SpellRates } from './spell-rates.js';

/** A day's labelled events of an entity. */
export interface DayTally {
  /** events that nobody called a risk though their delay has passed */
  none: number;
  /** risks that nothing of the event itself explains */
  risks: number;
  /** risks that were strange in themselves, so they say little of the entity */
  explained: number;
}

/**
 * The chance that an entity is in a bad spell, and its age: the forward pass of a hidden semi-Markov chain by days,
 * good or bad since a days, with the durations of SpellRates.
 */
export class SpellFilter {
  /** the chance that it is bad in its (a + 1)th day, by a */
  readonly #bad: Float64Array;
  #good: number;

  private constructor(bad: Float64Array, good: number) {
    this.#bad = bad;
    this.#good = good;
  }

  /** An entity on the day before `day`; it was good on `lastGood` for sure, if that is known. */
  static before(day: number, lastGood: number | undefined, rates: SpellRates): SpellFilter {
    const bad = new Float64Array(MOST_DAYS);
    const most = lastGood === undefined ? MOST_DAYS : Math.min(MOST_DAYS, Math.max(0, day - 1 - lastGood));
    let sum = 0;
    for (let age = 0; age < most; age++) {
      bad[age] = rates.start * rates.survives[age]!;
      sum += bad[age]!;
    }
    return new SpellFilter(bad, Math.max(0, 1 - sum));
  }

  copy(): SpellFilter {
    return new SpellFilter(this.#bad.slice(), this.#good);
  }

  /** chance of a bad spell now */
  get posterior(): number {
    return Math.min(1, Math.max(0, 1 - this.#good));
  }

  /** expected age of the spell in days, if there is one */
  get age(): number {
    let sum = 0;
    let ages = 0;
    for (let age = 0; age < MOST_DAYS; age++) {
      sum += this.#bad[age]!;
      ages += this.#bad[age]! * (age + 1);
    }
    return sum > 0 ? ages / sum : 0;
  }

  /** On to the next day. */
  step(rates: SpellRates): void {
    const bad = this.#bad;
    const { start } = rates;
    let ending = bad[MOST_DAYS - 1]!;
    for (let age = MOST_DAYS - 1; age > 0; age--) {
      const stays = rates.stays[age - 1]!;
      ending += bad[age - 1]! * (1 - stays);
      bad[age] = bad[age - 1]! * stays;
    }
    bad[0] = this.#good * start;
    this.#good = this.#good * (1 - start) + ending;
  }

  /** What the day's labels say. */
  weigh(tally: DayTally, rates: SpellRates): void {
    const { risk, explained, none } = rates.ratios;
    const log =
      tally.risks * Math.log(risk) + tally.explained * Math.log(explained) + tally.none * Math.log(none);
    if (log === 0) return;
    const ratio = Math.exp(Math.max(-40, Math.min(40, log)));
    let sum = this.#good;
    for (let age = 0; age < MOST_DAYS; age++) {
      this.#bad[age] = this.#bad[age]! * ratio;
      sum += this.#bad[age]!;
    }
    for (let age = 0; age < MOST_DAYS; age++) this.#bad[age] = this.#bad[age]! / sum;
    this.#good /= sum;
  }
}
