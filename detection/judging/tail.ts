import type { Movement } from './dispersion.js';
import { paretoFromMoments } from './pareto.js';
import { BINS, binEdge, FRACTION_MASK, FRACTION_UNIT, place, SHIFT } from './score-bins.js';
import { PSEUDO_COUNT, TAIL_PRIOR_SIZE, type TailPrior } from './tail-prior.js';

/**
 * Streaming tail calibration: raw score -> surprise, which is -log10 of the probability that a normal event
 * scores at least as high. One instance serves one (partition, domain, detector).
 *
 * Body: counts in logarithmic bins. Tail: a generalised Pareto distribution over the largest 30 to 128
 * exceedances, fitted by probability-weighted moments (Hosking and Wallis 1987), shape held in [0, 0.5].
 * A lookup reads a table of surprises at the bins' edges and interpolates; the table is made anew when the
 * number of events seen is a power of two from 64 on, then every 4,096 events. It depends on counts alone, so
 * the same events give the same surprises wherever batches are cut.
 *
 * Drift: at most `memory` events' weight is kept; beyond it old counts fade exponentially.
 * A new domain: the prior counts as n0²/(n0+n) events, n being the domain's own evidence, n0 = 1,000.
 *
 * Poisoning: an event beyond the guard, the score of p = 0.001, is learned only if there is credit for it, and
 * credit accrues for twice that rate, with bursts of up to eight. What is learned from beyond the guard counts as
 * lying just beyond it, so anomalies, however far out, leave the tail's slope as it is. The guard moves once a memory,
 * so within one memory anomalies can't raise their own p above about 0.003, however many come. What stays for
 * several memories becomes normal; that is the price of following drift.
 *
 * Where the prior comes from data, the domain's first 4,096 events are judged by it alone, so that one long fault of
 * a domain's only entity can't make itself normal, unless the domain is another one than the training's: more than
 * 5% lie beyond the guard from the first 64 events on and in every period after (64 to 128, 128 to 256 and so on).
 * Then all is learned at once, and the guard is set at 2,048 events. Later, when the stream itself has moved, all are
 * learned until that ends: follow() says so, or, where nobody can tell, more than 10% between two refits lie beyond.
 */

const REFIT_EVERY = 4096;
const FIRST_REFIT = 64;
const GUARD_FROM = 2048;
const GUARDED_SURPRISE = 3;
/** half an octave of 1 + score/unit: what is learned from beyond the guard counts as lying no further out */
const WINSOR_BINS = 8;
const OTHER_DOMAIN_SHARE = 0.05;
const CREDIT_COST = 500;
const CREDIT_MOST = 8 * CREDIT_COST;
const DRIFT_SHARE = 0.1;
const MOST_SURPRISE = 300;
const HEADER = 8;
const MOVEMENTS: readonly Movement[] = ['unknown', 'faults', 'moved'];

/** floats that TailCalibration.save() returns */
export const TAIL_STATE_SIZE = HEADER + 2 * BINS;

export interface TailOptions {
  /** events whose weight is kept before old ones fade; at least 4,096 */
  readonly memory?: number;
  /** false: scores are judged by the prior alone and nothing is learned. Default true */
  readonly learns?: boolean;
}
export const DEFAULT_TAIL_MEMORY = 1 << 18;

export class TailCalibration {
  private readonly perUnit: number;
  private readonly memory: number;
  private readonly learns: boolean;
  /** the prior comes from data: anomalies are held off from the first event on, not only once there is own evidence */
  private readonly trained: boolean;
  private readonly counts = new Float32Array(BINS);
  private readonly recent = new Float32Array(BINS);
  private readonly table = new Float64Array(BINS + 1);
  private seen = 0;
  private credit = CREDIT_MOST;
  /** events beyond the guard since the last refit */
  private outside = 0;
  private guard: number;
  private drifting = false;
  /** the domain behaves as its prior says, or has a guard of its own by now */
  private settled = false;
  /** what the judgement knows of the stream's entities, see Dispersion */
  private movement: Movement = 'unknown';
  private own = 0;

  constructor(
    private readonly prior: TailPrior,
    options: TailOptions = {},
  ) {
    if (prior.length !== TAIL_PRIOR_SIZE || !(prior[0]! > 0)) {
      throw new RangeError(
        `tail prior: ${prior.length} floats with unit ${prior[0]}; expected ${TAIL_PRIOR_SIZE} with a unit above 0, as fitTailPrior makes`,
      );
    }
    this.perUnit = 1 / prior[0]!;
    this.trained = prior[1]! > 1;
    this.learns = options.learns ?? true;
    this.memory =
      Math.max(1, Math.round((options.memory ?? DEFAULT_TAIL_MEMORY) / REFIT_EVERY)) * REFIT_EVERY;
    this.makeTable();
    this.guard = this.guardFromTable();
  }

  /** events learned or turned away so far */
  get events(): number {
    return this.seen;
  }

  /** Surprise of a score, without learning it. */
  surprise(score: number): number {
    return this.lookup(place(score, this.perUnit));
  }

  /** Surprise of a score by what was known before it; then learns it. */
  observe(score: number): number {
    const at = place(score, this.perUnit);
    const surprise = this.lookup(at);
    if (this.learns) this.learn(at >> SHIFT);
    return surprise;
  }

  /** As `observe` of the first `size` scores, one after another; surprises take their place. NaN is passed over. */
  observeAll(scores: Float64Array, size: number): void {
    const { perUnit, learns } = this;
    for (let i = 0; i < size; i++) {
      const score = scores[i]!;
      if (Number.isNaN(score)) continue;
      const at = place(score, perUnit);
      scores[i] = this.lookup(at);
      if (learns) this.learn(at >> SHIFT);
    }
  }

  private learn(bin: number): void {
    this.seen++;
    if (this.credit < CREDIT_MOST) this.credit++;
    if (bin < this.guard) this.recent[bin]!++;
    else this.learnOutside(bin);
    const { seen } = this;
    if ((seen & (REFIT_EVERY - 1)) === 0) this.refit();
    else if (seen < REFIT_EVERY && seen >= FIRST_REFIT && (seen & (seen - 1)) === 0) this.refit();
  }

  private lookup(at: number): number {
    const bin = at >> SHIFT;
    const low = this.table[bin]!;
    return low + (this.table[bin + 1]! - low) * ((at & FRACTION_MASK) * FRACTION_UNIT);
  }

  private learnOutside(bin: number): void {
    this.outside++;
    if (this.guarded) {
      if (this.credit < CREDIT_COST) return;
      this.credit -= CREDIT_COST;
      this.recent[Math.min(bin, this.guard + WINSOR_BINS, BINS - 1)]!++;
      return;
    }
    this.recent[bin]!++;
  }

  /**
   * What is going on in the stream as a whole. 'moved': everything is learned and the past counts half, at once;
   * 'faults': what lies beyond the guard is some entities' own, however much it is; 'unknown': the share decides.
   */
  follow(movement: Movement): void {
    this.movement = movement;
    if (!this.learns) return;
    if (movement === 'faults') this.drifting = false;
    if (movement !== 'moved') return;
    this.drifting = true;
    this.settled = true;
    for (let bin = 0; bin < BINS; bin++) this.counts[bin]! *= 0.5;
    this.merge();
    this.guard = this.guardFromTable();
  }

  private get guarded(): boolean {
    if (this.drifting) return false;
    return this.settled || (this.trained && this.seen < FIRST_REFIT);
  }

  private refit(): void {
    const { seen, outside } = this;
    this.outside = 0;
    if (seen < REFIT_EVERY && this.isHome(outside)) return;
    this.merge();
    if (seen >= REFIT_EVERY && this.movement === 'unknown')
      this.drifting = outside > DRIFT_SHARE * REFIT_EVERY;
    if (seen === GUARD_FROM || seen % this.memory === 0) this.guard = this.guardFromTable();
    if (seen >= GUARD_FROM) this.settled = true;
  }

  /** Adds what was learned since the last refit to the counts, within the memory, and makes the table anew. */
  private merge(): void {
    const { counts, recent } = this;
    let own = 0;
    for (let bin = 0; bin < BINS; bin++) {
      counts[bin]! += recent[bin]!;
      own += counts[bin]!;
    }
    if (own > this.memory) {
      const keep = this.memory / own;
      own = 0;
      for (let bin = 0; bin < BINS; bin++) {
        counts[bin]! *= keep;
        own += counts[bin]!;
      }
    }
    recent.fill(0);
    this.own = own;
    this.makeTable();
  }

  /** In a domain's first events: it behaves as its prior says, which then judges it until there is more to go by. */
  private isHome(outside: number): boolean {
    const { seen } = this;
    const period = seen === FIRST_REFIT ? seen : seen / 2;
    if (this.trained && outside <= OTHER_DOMAIN_SHARE * period) this.settled = true;
    return this.settled;
  }

  /** the first bin that lies beyond p = 0.001 as a whole */
  private guardFromTable(): number {
    let bin = 0;
    while (bin < BINS && this.table[bin]! < GUARDED_SURPRISE) bin++;
    return bin;
  }

  /** The table from counts and prior; a pure function of both. */
  private makeTable(): void {
    const { counts, prior, table, own } = this;
    const priorEvents = prior[1]!;
    const trust = PSEUDO_COUNT / (PSEUDO_COUNT + own);
    const perPrior = priorEvents > 0 ? (PSEUDO_COUNT * trust) / priorEvents : 0;
    let total = 0;
    for (let bin = 0; bin < BINS; bin++) total += counts[bin]! + perPrior * prior[2 + bin]!;
    if (!(total > 0)) {
      table.fill(0);
      return;
    }
    const evidence = Math.max(1, own + trust * (this.trained ? priorEvents : PSEUDO_COUNT));
    const tailShare = Math.min(0.1, Math.min(128, Math.max(30, 0.05 * evidence)) / evidence);
    // from the top down to the bin at whose lower edge the tail begins
    let above = 0;
    let from = BINS;
    while (from > 1 && above < tailShare * total) {
      from--;
      above += counts[from]! + perPrior * prior[2 + from]!;
    }
    const start = binEdge(from);
    let higher = 0;
    let a0 = 0;
    let a1 = 0;
    for (let bin = BINS - 1; bin >= from; bin--) {
      const weight = counts[bin]! + perPrior * prior[2 + bin]!;
      if (weight === 0) continue;
      const excess = (binEdge(bin) + binEdge(bin + 1)) / 2 - start;
      a0 += weight * excess;
      a1 += weight * excess * ((higher + weight / 2) / above);
      higher += weight;
    }
    const leastScale = (binEdge(from + 1) - start) / 4;
    const tail = paretoFromMoments(a0 / above, a1 / above, leastScale);
    const atStart = -Math.log10(above / total);
    for (let edge = from; edge <= BINS; edge++) {
      const x = (binEdge(edge) - start) / tail.scale;
      const decades = tail.shape > 1e-6 ? Math.log1p(tail.shape * x) / tail.shape : x;
      table[edge] = Math.min(MOST_SURPRISE, atStart + decades * Math.LOG10E);
    }
    for (let edge = from - 1; edge >= 0; edge--) {
      above += counts[edge]! + perPrior * prior[2 + edge]!;
      table[edge] = Math.max(0, -Math.log10(above / total));
    }
    table[0] = 0;
  }

  /** Everything learned, exact. */
  save(): Float32Array {
    const state = new Float32Array(TAIL_STATE_SIZE);
    this.saveTo(state, 0);
    return state;
  }

  /** Writes TAIL_STATE_SIZE floats from `at` on. */
  saveTo(state: Float32Array, at: number): void {
    const low = this.seen % (1 << 20);
    state[at] = low;
    state[at + 1] = (this.seen - low) / (1 << 20);
    state[at + 2] = this.credit;
    state[at + 3] = this.outside;
    state[at + 4] = this.drifting ? 1 : 0;
    state[at + 5] = this.settled ? 1 : 0;
    state[at + 6] = this.guard;
    state[at + 7] = MOVEMENTS.indexOf(this.movement);
    state.set(this.counts, at + HEADER);
    state.set(this.recent, at + HEADER + BINS);
  }

  /** Takes back what save() gave; the prior must be the same. */
  load(state: Float32Array, at = 0): void {
    if (state.length < at + TAIL_STATE_SIZE) {
      throw new RangeError(
        `tail state: ${state.length - at} floats; expected ${TAIL_STATE_SIZE}, as TailCalibration.save() gives`,
      );
    }
    this.seen = state[at]! + state[at + 1]! * (1 << 20);
    this.credit = state[at + 2]!;
    this.outside = state[at + 3]!;
    this.drifting = state[at + 4] === 1;
    this.settled = state[at + 5] === 1;
    this.guard = state[at + 6]!;
    this.movement = MOVEMENTS[state[at + 7]!]!;
    this.counts.set(state.subarray(at + HEADER, at + HEADER + BINS));
    this.recent.set(state.subarray(at + HEADER + BINS, at + HEADER + 2 * BINS));
    let own = 0;
    for (let bin = 0; bin < BINS; bin++) own += this.counts[bin]!;
    this.own = own;
    this.makeTable();
  }
}
