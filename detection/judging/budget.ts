import type { StateBlock } from '../contract.js';
import { EPISODE_FLOATS, EPISODE_RATES_SIZE, EpisodeRates } from './episode-rates.js';

/**
 * From "about N alerts a day" to a threshold, per partition of a pipeline. An alert is an episode: the first
 * risk of an entity after `quietSeconds` without one. Risks that follow in the episode cost nothing.
 *
 * A control loop in event time. Its aim is the part of events that may begin an episode, N / (events a day); the rate of
 * events is measured by hours over about a week, starting from the one that training saw. Once an hour the bar goes to
 * where the stream itself has shown that part (episode-rates.ts), over the days in which N a day would have given 30
 * alerts, from 2 to 30 of them, and at first over half of the time that there is, so that a beginning in which
 * calibrations settle is soon forgotten. What is still off (quiet periods that slide, the raised bars of entities in
 * an episode) an integral takes out: the aim rises by 1/10 of an alert's worth while none comes and falls by as much
 * with each that does, within a factor of four.
 *
 * A storm of real faults is not hidden: an hour changes nothing within itself, and from hour to hour the bar moves only so far
 * that what passes it falls, or rises, sixteenfold a day. Before the first full hour the bar is what the surprises say.
 *
 * Everything depends on the events and their order alone.
 */
export interface BudgetOptions {
  /** alerts a day for this partition: the pipeline's budget by the partition's share of entities */
  readonly alertsPerDay: number;
  readonly quietSeconds: number;
  /** events a day that training saw in this partition's share; 0 if unknown */
  readonly eventsPerDay?: number;
  /** how far one risk raises its entity's own bar, in surprise */
  readonly raise?: number;
  /** seconds in which that fades by a factor e; by default ten quiet periods */
  readonly fadeSeconds?: number;
}

export type Decision = 'quiet' | 'risk' | 'alert';
export type Severity = 'low' | 'medium' | 'high' | 'critical';

const HOUR = 3600;
const DAY = 86_400;
const RATE_MEMORY_HOURS = 7 * 24;
const GAIN = 0.1;
const MOST_CORRECTION = Math.log(4);
/** the integral's gain grows over the first hours, whose alerts say little about the rest */
const SETTLING_HOURS = 12;
const FOLD_A_DAY = 16;
/** what one event in ten reaches is no risk, however many alerts were asked for */
const LEAST_BAR = 1;
const MEMORY = { alerts: 30, leastDays: 2, mostDays: 30 };
const HEADER = 9;
/** floats that AlertBudget.save() returns */
export const BUDGET_STATE_SIZE = HEADER + EPISODE_RATES_SIZE;

export class AlertBudget {
  /** floats an entity: bar raised by, the time of its last risk in two floats, and what EpisodeRates keeps */
  readonly stateSize = 3 + EPISODE_FLOATS;
  private readonly raise: number;
  private readonly fadeSeconds: number;
  private readonly memoryHours: number;
  private readonly rates: EpisodeRates;
  /** the newest hour seen, events in it, and faded sums of events and of hours before it */
  private hour = -1;
  private inHour = 0;
  private events = 0;
  private hours = 0;
  /** hours since the first event, silences of more than a day counted as a day */
  private age = 0;
  private correction = 0;
  private started = 0;
  private newest = 0;
  private bar = 0;
  private needed = 0;

  constructor(private readonly options: BudgetOptions) {
    if (!(options.alertsPerDay > 0)) {
      throw new RangeError(`alert budget: ${options.alertsPerDay} a day; give a number above 0`);
    }
    this.raise = options.raise ?? 0.1;
    this.fadeSeconds = options.fadeSeconds ?? Math.max(1, options.quietSeconds) * 10;
    const { alerts, leastDays, mostDays } = MEMORY;
    this.memoryHours = 24 * Math.min(mostDays, Math.max(leastDays, alerts / options.alertsPerDay));
    this.rates = new EpisodeRates(Math.max(1, options.quietSeconds));
    if (options.eventsPerDay && options.eventsPerDay > 0) {
      this.events = options.eventsPerDay;
      this.hours = 24;
    }
    this.bar = -Math.log10(this.aim);
    this.needed = this.bar;
  }

  /** the surprise that the event judged last had to pass */
  get threshold(): number {
    return this.needed;
  }

  initState(state: StateBlock, slot: number): void {
    const at = slot * state.stride + state.offset;
    state.data[at] = 0;
    state.data[at + 1] = Number.NEGATIVE_INFINITY;
    state.data[at + 2] = 0;
    this.rates.initState(state.data, at + 3);
  }

  /** Judges one event, in arrival order. `time` in seconds since the epoch. */
  decide(surprise: number, time: number, state: StateBlock, slot: number): Decision {
    this.count(time);
    const { data } = state;
    const at = slot * state.stride + state.offset;
    this.rates.note(surprise, time, state, at + 3);
    this.needed = this.bar;
    if (!(surprise > this.bar)) return 'quiet';
    const last = data[at + 1]! + data[at + 2]!;
    const since = Math.max(0, time - last);
    const raised = since === Number.POSITIVE_INFINITY ? 0 : data[at]! * Math.exp(-since / this.fadeSeconds);
    this.needed = this.bar + this.raise * raised;
    if (!(surprise > this.needed)) return 'quiet';
    data[at] = raised + 1;
    if (time > last) {
      data[at + 1] = time;
      data[at + 2] = time - data[at + 1]!;
    }
    if (since < this.options.quietSeconds) return 'risk';
    this.correct(-GAIN);
    return 'alert';
  }

  /** events a day as measured so far */
  get eventsPerDay(): number {
    const hours = this.hours + (this.hour >= 0 ? Math.max(1 / 60, (this.newest - this.started) / HOUR) : 0);
    return hours > 0 ? ((this.events + this.inHour) * 24) / hours : 0;
  }

  private count(time: number): void {
    const hour = Math.floor(time / HOUR);
    if (this.hour < 0) {
      this.hour = hour;
      this.started = time;
      this.newest = time;
    } else if (hour > this.hour) {
      // hours without events count as well, a day of them: a stream that rests at night has fewer events a day, one
      // that was cut off has not
      const gone = Math.min(24, hour - this.hour);
      const passed = Math.min(24, hour - this.started / HOUR);
      const fade = Math.exp(-gone / RATE_MEMORY_HOURS);
      this.events = (this.events + this.inHour) * fade;
      this.hours = (this.hours + passed) * fade;
      this.inHour = 0;
      this.hour = hour;
      this.started = hour * HOUR;
      // a longer silence owes no alerts
      this.newest = Math.max(this.newest, time - DAY);
      this.moveBar(passed, gone);
    }
    if (time > this.newest) {
      this.correct((GAIN * this.options.alertsPerDay * (time - this.newest)) / DAY);
      this.newest = time;
    }
    this.inHour++;
    // the first hour has no rate yet: the bar follows its count, at powers of two
    if (this.hours === 0 && (this.inHour & (this.inHour - 1)) === 0) this.bar = -Math.log10(this.aim);
  }

  private correct(by: number): void {
    const settled = Math.min(1, (this.age + 1) / SETTLING_HOURS);
    this.correction = Math.min(MOST_CORRECTION, Math.max(-MOST_CORRECTION, this.correction + by * settled));
  }

  /** the part of events that may begin an episode */
  private get aim(): number {
    const { alertsPerDay } = this.options;
    return alertsPerDay / Math.max(this.eventsPerDay, alertsPerDay * 10);
  }

  private moveBar(passed: number, gone: number): void {
    this.age += gone;
    this.rates.fade(Math.exp(-gone / Math.min(this.memoryHours, Math.max(24, this.age / 2))));
    const fold = FOLD_A_DAY ** (passed / 24);
    const now = this.rates.shareAbove(this.bar);
    const wanted = this.aim * Math.exp(this.correction);
    const level = this.rates.levelOf(Math.min(now * fold, Math.max(now / fold, wanted)));
    this.bar = Math.max(LEAST_BAR, level);
  }

  save(): Float64Array {
    const state = new Float64Array(BUDGET_STATE_SIZE);
    state.set([
      this.hour,
      this.inHour,
      this.events,
      this.hours,
      this.age,
      this.correction,
      this.started,
      this.newest,
      this.bar,
    ]);
    this.rates.saveTo(state, HEADER);
    return state;
  }

  /** Takes back what save() gave. What another version saved has another size: the budget then starts anew. */
  load(state: Float64Array): void {
    if (state.length !== BUDGET_STATE_SIZE) return;
    [
      this.hour,
      this.inHour,
      this.events,
      this.hours,
      this.age,
      this.correction,
      this.started,
      this.newest,
      this.bar,
    ] = state as unknown as [number, number, number, number, number, number, number, number, number];
    this.rates.load(state, HEADER);
  }
}

/** How far a surprise lies above the bar it had to pass: each decade of probability is a step. */
export function severityOf(surprise: number, threshold: number): Severity {
  const margin = surprise - threshold;
  if (margin >= 3) return 'critical';
  if (margin >= 2) return 'high';
  if (margin >= 1) return 'medium';
  return 'low';
}
