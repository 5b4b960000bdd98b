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
 * Poisoning: an event below p = 0.001 is learned only if there is credit for it, and credit accrues for twice
 * the rate that 0.001 means, with bursts of up to eight. So within one memory, anomalies can't raise their own
 * p above about 0.003 however many come. When more than a quarter of the events between two refits lie out
 * there, the stream itself has moved, and all are learned until that ends. What stays for several memories
 * becomes normal; that is the price of following drift.
 */

const SUB_BITS = 4;
const SHIFT = 23 - SUB_BITS;
const OCTAVES = 24;
const BINS = OCTAVES << SUB_BITS;
const ONE_BITS = 0x3f800000;
const FRACTION_MASK = (1 << SHIFT) - 1;
const FRACTION_UNIT = 1 / (1 << SHIFT);

const REFIT_EVERY = 4096;
const FIRST_REFIT = 64;
const PSEUDO_COUNT = 1000;
const GUARD_FROM = 2048;
const GUARDED_SURPRISE = 3;
const CREDIT_COST = 500;
const CREDIT_MOST = 8 * CREDIT_COST;
const DRIFT_SHARE = 0.25;
const MOST_SURPRISE = 300;
const HEADER = 8;

/** [bin unit, events it was made from, counts of the bins]; stored in a model package as it is. */
export type TailPrior = Float32Array;
export const TAIL_PRIOR_SIZE = 2 + BINS;
/** floats that TailCalibration.save() returns */
export const TAIL_STATE_SIZE = HEADER + 2 * BINS;

export interface TailOptions {
  /** events whose weight is kept before old ones fade; at least 4,096 */
  readonly memory?: number;
}
export const DEFAULT_TAIL_MEMORY = 1 << 18;

/** Lower edge of a bin in units: the inverse of the bit trick in `place`. */
const EDGES = new Float64Array(BINS + 1);
for (let bin = 0; bin <= BINS; bin++) {
  const octave = bin >> SUB_BITS;
  EDGES[bin] = 2 ** octave * (1 + (bin & ((1 << SUB_BITS) - 1)) / (1 << SUB_BITS)) - 1;
}

const f32 = new Float32Array(1);
const i32 = new Int32Array(f32.buffer);

/**
 * Position of a score on the bin axis, in steps of 1/2^SHIFT: the bits of the float32 1 + score/unit are a
 * piecewise linear logarithm. Scores below 0 count as 0.
 */
function place(score: number, perUnit: number): number {
  f32[0] = 1 + score * perUnit;
  const at = i32[0]! - ONE_BITS;
  if (at <= 0 || !(score > 0)) return 0;
  return at < BINS << SHIFT ? at : (BINS << SHIFT) - 1;
}

/** Counts of training scores; `scores` may hold NaN (a detector that had nothing to say), which is left out. */
export function fitTailPrior(scores: ArrayLike<number>): TailPrior {
  const positive: number[] = [];
  const stride = Math.max(1, Math.floor(scores.length / 100_000));
  for (let i = 0; i < scores.length; i += stride) if (scores[i]! > 0) positive.push(scores[i]!);
  positive.sort((a, b) => a - b);
  const median = positive[positive.length >> 1] ?? 1;
  const prior = new Float32Array(TAIL_PRIOR_SIZE);
  prior[0] = median / 4;
  const perUnit = 1 / prior[0];
  let events = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (Number.isNaN(score)) continue;
    prior[2 + (place(score, perUnit) >> SHIFT)]!++;
    events++;
  }
  prior[1] = events;
  return prior;
}

/** The prior of a detector that was never trained: exponential scores with this mean, worth 1,000 events. */
export function exponentialTailPrior(mean: number): TailPrior {
  if (!(mean > 0)) throw new RangeError(`the mean of a tail prior is ${mean}; give one above 0`);
  const prior = new Float32Array(TAIL_PRIOR_SIZE);
  prior[0] = mean / 4;
  prior[1] = PSEUDO_COUNT;
  for (let bin = 0; bin < BINS; bin++) {
    prior[2 + bin] = PSEUDO_COUNT * (Math.exp(-EDGES[bin]! / 4) - Math.exp(-EDGES[bin + 1]! / 4));
  }
  return prior;
}

/** A generalised Pareto tail: P(excess > x) = (1 + shape·x/scale)^(-1/shape), exponential for shape 0. */
export interface ParetoTail {
  readonly shape: number;
  readonly scale: number;
}

/** Fit by probability-weighted moments: a0 = E[X], a1 = E[X·(1-F(X))]. */
export function paretoFromMoments(a0: number, a1: number, leastScale: number): ParetoTail {
  const spread = a0 - 2 * a1;
  const free = spread > 0 ? 2 - a0 / spread : 0.5;
  const shape = Math.min(0.5, Math.max(0, free));
  return { shape, scale: Math.max(leastScale, a0 * (1 - shape)) };
}

export class TailCalibration {
  private readonly perUnit: number;
  private readonly memory: number;
  private readonly counts = new Float32Array(BINS);
  private readonly recent = new Float32Array(BINS);
  private readonly table = new Float64Array(BINS + 1);
  private seen = 0;
  private credit = CREDIT_MOST;
  private outside = 0;
  private drifting = false;
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
    this.memory = Math.max(REFIT_EVERY, options.memory ?? DEFAULT_TAIL_MEMORY);
    this.makeTable();
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
    this.seen++;
    if (this.credit < CREDIT_MOST) this.credit++;
    if (surprise < GUARDED_SURPRISE) this.recent[at >> SHIFT]!++;
    else this.learnOutside(at >> SHIFT);
    const seen = this.seen;
    if ((seen & (REFIT_EVERY - 1)) === 0) this.refit();
    else if (seen < REFIT_EVERY && seen >= FIRST_REFIT && (seen & (seen - 1)) === 0) this.refit();
    return surprise;
  }

  private lookup(at: number): number {
    const bin = at >> SHIFT;
    const low = this.table[bin]!;
    return low + (this.table[bin + 1]! - low) * ((at & FRACTION_MASK) * FRACTION_UNIT);
  }

  private learnOutside(bin: number): void {
    this.outside++;
    if (this.seen > GUARD_FROM && !this.drifting) {
      if (this.credit < CREDIT_COST) return;
      this.credit -= CREDIT_COST;
    }
    this.recent[bin]!++;
  }

  private refit(): void {
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
    const since = Math.min(this.seen, REFIT_EVERY);
    this.drifting = this.outside > DRIFT_SHARE * since;
    this.outside = 0;
    this.own = own;
    this.makeTable();
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
    const evidence = Math.max(1, own + trust * priorEvents);
    const tailShare = Math.min(0.1, Math.min(128, Math.max(30, 0.05 * evidence)) / evidence);
    // from the top down to the bin at whose lower edge the tail begins
    let above = 0;
    let from = BINS;
    while (from > 1 && above < tailShare * total) {
      from--;
      above += counts[from]! + perPrior * prior[2 + from]!;
    }
    const start = EDGES[from]!;
    let higher = 0;
    let a0 = 0;
    let a1 = 0;
    for (let bin = BINS - 1; bin >= from; bin--) {
      const weight = counts[bin]! + perPrior * prior[2 + bin]!;
      if (weight === 0) continue;
      const excess = (EDGES[bin]! + EDGES[bin + 1]!) / 2 - start;
      a0 += weight * excess;
      a1 += weight * excess * ((higher + weight / 2) / above);
      higher += weight;
    }
    const leastScale = (EDGES[from + 1]! - start) / 4;
    const tail = paretoFromMoments(a0 / above, a1 / above, leastScale);
    const atStart = -Math.log10(above / total);
    for (let edge = from; edge <= BINS; edge++) {
      const x = (EDGES[edge]! - start) / tail.scale;
      const decades = tail.shape > 1e-6 ? Math.log1p(tail.shape * x) / tail.shape : x;
      table[edge] = Math.min(MOST_SURPRISE, atStart + decades * Math.LOG10E);
    }
    for (let edge = from - 1; edge >= 0; edge--) {
      above += counts[edge]! + perPrior * prior[2 + edge]!;
      table[edge] = Math.max(0, -Math.log10(above / total));
    }
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
    this.counts.set(state.subarray(at + HEADER, at + HEADER + BINS));
    this.recent.set(state.subarray(at + HEADER + BINS, at + HEADER + 2 * BINS));
    let own = 0;
    for (let bin = 0; bin < BINS; bin++) own += this.counts[bin]!;
    this.own = own;
    this.makeTable();
  }
}
