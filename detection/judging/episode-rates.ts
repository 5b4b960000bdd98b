import type { StateBlock } from '../contract.js';

/**
 * How many episodes an hour of a stream would begin above each level of surprise. An entity's time is cut into blocks
 * of a quiet period; an episode begins above level u where an entity's largest surprise in a block passes u and in the
 * block before it did not. So quiet periods count entities and not events, for all levels at once: a block adds one at
 * its largest surprise and takes one away at the larger of what it had and the block before's.
 *
 * Counts lie in bins of 1/40 decade up to 4 and of 1/16 octave from there on, and fade with the events they came from.
 * Where fewer than LEAST are left, the rate goes on as the tail above that point does on average: exponentially, in a
 * slope that the mean excess over it gives. A prior of so few events that it only matters before there are any says
 * that surprises mean what they say: one in 10^u lies above u.
 */
const FINE = 40;
const FINE_BINS = 4 * FINE;
const OCTAVE = 16;
const BINS = FINE_BINS + 6 * OCTAVE + 4;
const LEAST = 20;
const PRIOR_EVENTS = 100;
/** decades that a calibrated surprise exceeds any level by on average, and how many exceedances that counts for */
const CALIBRATED_EXCESS = Math.LOG10E;
const EXCESS_PRIOR = 0.3;
const STEEPEST = 0.02;
/** what more than a third of all events reach says nothing about rare ones */
const FLOOR = 0.5;
/** block numbers are kept in float32, and go round */
const BLOCKS = 1 << 23;

/** floats an entity: its block's number, that block's largest surprise and the block before's */
export const EPISODE_FLOATS = 3;
/** floats that saveTo() writes */
export const EPISODE_RATES_SIZE = BINS + 1;

interface Tail {
  readonly from: number;
  /** episodes above `from` */
  readonly count: number;
  /** in units of a calibrated tail's slope */
  readonly slope: number;
}

export class EpisodeRates {
  /** differences: episodes above a bin's lower edge are the sum of this and all higher bins */
  private readonly steps = new Float64Array(BINS);
  private events = 0;

  constructor(private readonly quietSeconds: number) {}

  initState(data: Float32Array, at: number): void {
    data[at] = Number.NaN;
    data[at + 1] = 0;
    data[at + 2] = 0;
  }

  /** Takes in an event of the entity whose floats begin at data[at]. */
  note(surprise: number, time: number, { data }: StateBlock, at: number): void {
    this.events++;
    if (!(surprise > FLOOR)) return;
    const block = (time / this.quietSeconds) & (BLOCKS - 1);
    const steps = block - data[at]!;
    const ahead = steps < 0 ? steps + BLOCKS : steps;
    // an event that comes late counts to the entity's newest block
    if (ahead !== 0 && !(ahead > BLOCKS / 2)) {
      data[at] = block;
      data[at + 2] = ahead === 1 ? data[at + 1]! : 0;
      data[at + 1] = 0;
    }
    const known = Math.max(data[at + 1]!, data[at + 2]!);
    if (surprise > known) {
      this.steps[binOf(surprise)]!++;
      if (known > 0) this.steps[binOf(known)]!--;
    }
    if (surprise > data[at + 1]!) data[at + 1] = surprise;
  }

  fade(keep: number): void {
    for (let bin = 0; bin < BINS; bin++) this.steps[bin]! *= keep;
    this.events *= keep;
  }

  /** The part of events that begin an episode above a level. */
  shareAbove(level: number): number {
    const all = this.events + PRIOR_EVENTS;
    const tail = this.tail();
    if (level >= tail.from) return (tail.count * 10 ** ((tail.from - level) / tail.slope)) / all;
    let share = 1;
    this.descend((low, count, high, countAbove) => {
      if (low > level) return false;
      share = count * (Math.max(countAbove, 1e-9) / count) ** ((level - low) / (high - low));
      return true;
    });
    return share / all;
  }

  /** The level above which that part of events begin an episode. */
  levelOf(share: number): number {
    const count = share * (this.events + PRIOR_EVENTS);
    const tail = this.tail();
    if (count <= tail.count) return tail.from + tail.slope * Math.log10(tail.count / count);
    let level = 0;
    this.descend((low, there, high, countAbove) => {
      if (there < count) return false;
      level =
        low + ((high - low) * Math.log(there / count)) / Math.log(there / Math.max(countAbove, 1e-9) + 1e-12);
      return true;
    });
    return level;
  }

  private tail(): Tail {
    let area = 0;
    let found: Tail = { from: 0, count: this.events + PRIOR_EVENTS, slope: 1 };
    this.descend((low, count, _high, _above, below) => {
      if (count >= LEAST) {
        const excess = (area + EXCESS_PRIOR * CALIBRATED_EXCESS) / (count + EXCESS_PRIOR);
        found = { from: low, count, slope: Math.max(STEEPEST, excess / CALIBRATED_EXCESS) };
        return true;
      }
      area += count * (low - below);
      return false;
    });
    return found;
  }

  /**
   * Walks the levels from the top down until `visit` says that it has found what it wants: a bin's lower edge, the
   * episodes above it (never fewer than above a higher level), its upper edge, those above that, and the next lower edge.
   */
  private descend(
    visit: (low: number, count: number, high: number, countAbove: number, below: number) => boolean,
  ): void {
    let above = 0;
    let before = 0;
    for (let bin = BINS - 1; bin >= 0; bin--) {
      above += this.steps[bin]!;
      const low = edgeOf(bin);
      const count = Math.max(before, above + PRIOR_EVENTS * 10 ** -low);
      if (visit(low, count, edgeOf(bin + 1), before, bin > 0 ? edgeOf(bin - 1) : 0)) return;
      before = count;
    }
  }

  saveTo(state: Float64Array, at: number): void {
    state[at] = this.events;
    state.set(this.steps, at + 1);
  }

  load(state: Float64Array, at: number): void {
    this.events = state[at]!;
    this.steps.set(state.subarray(at + 1, at + 1 + BINS));
  }
}

function binOf(surprise: number): number {
  return surprise < 4
    ? Math.floor(surprise * FINE)
    : Math.min(BINS - 1, FINE_BINS + Math.floor(Math.log2(surprise / 4) * OCTAVE));
}

function edgeOf(bin: number): number {
  return bin < FINE_BINS ? bin / FINE : 4 * 2 ** ((bin - FINE_BINS) / OCTAVE);
}
