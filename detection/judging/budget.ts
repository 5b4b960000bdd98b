import type { StateBlock } from '../contract.js';

/**
 * From "about N alerts a day" to a threshold, per partition of a pipeline. An alert is an episode: the first
 * risk of an entity after `quietSeconds` without one. Risks that follow in the episode cost nothing.
 *
 * threshold p = N / (events a day) · e^correction. The rate of events is measured in event time, by hours,
 * over about a week, starting from the rate that training saw. The correction makes up for what calibration
 * gets wrong and for episodes that hold several risks: it rises by 1/20 of an alert's worth while none comes
 * and falls by 1/20 with each that does, so the count over a long time is N a day. It stays within a factor
 * of four, so a storm of real faults is not hidden and a calm week is not filled with noise.
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
const GAIN = 0.05;
const MOST_CORRECTION = Math.log(4);
/** floats that AlertBudget.save() returns */
export const BUDGET_STATE_SIZE = 8;

export class AlertBudget {
  /** floats an entity: bar raised by, and the time of its last risk in two floats */
  readonly stateSize = 3;
  private readonly raise: number;
  private readonly fadeSeconds: number;
  /** the newest hour seen, events in it, and faded sums of events and of hours before it */
  private hour = -1;
  private inHour = 0;
  private events = 0;
  private hours = 0;
  private correction = 0;
  private started = 0;
  private newest = 0;
  /** the bar before the correction, and after it */
  private barOpen = 0;
  private bar = 0;
  private needed = 0;

  constructor(private readonly options: BudgetOptions) {
    if (!(options.alertsPerDay > 0)) {
      throw new RangeError(`alert budget: ${options.alertsPerDay} a day; give a number above 0`);
    }
    this.raise = options.raise ?? 0.1;
    this.fadeSeconds = options.fadeSeconds ?? Math.max(1, options.quietSeconds) * 10;
    if (options.eventsPerDay && options.eventsPerDay > 0) {
      this.events = options.eventsPerDay;
      this.hours = 24;
    }
    this.setBar();
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
  }

  /** Judges one event, in arrival order. `time` in seconds since the epoch. */
  decide(surprise: number, time: number, state: StateBlock, slot: number): Decision {
    this.count(time);
    this.needed = this.bar;
    if (!(surprise > this.bar)) return 'quiet';
    const { data } = state;
    const at = slot * state.stride + state.offset;
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
      // hours without events count as well: a stream that rests on Sundays has fewer events a day
      const fade = Math.exp(-(hour - this.hour) / RATE_MEMORY_HOURS);
      const passed = hour - this.started / HOUR;
      this.events = (this.events + this.inHour) * fade;
      this.hours = (this.hours + passed) * fade;
      this.inHour = 0;
      this.hour = hour;
      this.started = hour * HOUR;
      this.newest = time;
      this.setBar();
    }
    if (time > this.newest) {
      this.correct((GAIN * this.options.alertsPerDay * (time - this.newest)) / DAY);
      this.newest = time;
    }
    this.inHour++;
    // the first hour has no rate yet: the bar follows its count, at powers of two
    if (this.hours === 0 && (this.inHour & (this.inHour - 1)) === 0) this.setBar();
  }

  private correct(by: number): void {
    this.correction = Math.min(MOST_CORRECTION, Math.max(-MOST_CORRECTION, this.correction + by));
    this.bar = this.barOpen - this.correction * Math.LOG10E;
  }

  private setBar(): void {
    const perDay = Math.max(this.eventsPerDay, this.options.alertsPerDay * 10);
    this.barOpen = Math.log10(perDay / this.options.alertsPerDay);
    this.bar = this.barOpen - this.correction * Math.LOG10E;
  }

  save(): Float64Array {
    return Float64Array.of(
      this.hour,
      this.inHour,
      this.events,
      this.hours,
      this.correction,
      this.started,
      this.newest,
      this.barOpen,
    );
  }

  load(state: Float64Array): void {
    if (state.length !== BUDGET_STATE_SIZE) {
      throw new RangeError(`budget state: ${state.length} numbers; expected ${BUDGET_STATE_SIZE}`);
    }
    [
      this.hour,
      this.inHour,
      this.events,
      this.hours,
      this.correction,
      this.started,
      this.newest,
      this.barOpen,
    ] = state as unknown as [number, number, number, number, number, number, number, number];
    this.bar = this.barOpen - this.correction * Math.LOG10E;
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
