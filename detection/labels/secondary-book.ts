import { checkString, hashString } from '../features/hash.js';
import { HashBits } from './hash-bits.js';
import { SeenEntities } from './seen-entities.js';
import { type DayTally, SpellFilter } from './spell-filter.js';
import type { SpellRates } from './spell-rates.js';
import type { Counted } from './visit-table.js';

/** What a scored event is told of its secondary entity, in this order. */
export const LABEL_FEATURES = [
  'oddsOfSpell',
  'spell',
  'risks.1d',
  'risks.7d',
  'risks.30d',
  'streak',
  'streakAge',
  'sinceGood',
  'risks.early',
  'spellAge',
] as const;

export const DAY_SECONDS = 86_400;
const WINDOWS = [1, 7, 30];
/** days of tallies that an entity keeps, beyond the labels' delay */
const HISTORY = 32;
/** days without a risk after which a good entity is followed no longer */
const FORGET = 45;
/** risks in a row that make sure that a spell has begun */
const SURE = 3;
/** the share of risks that an entity without labels is taken to have, and how many events that counts for */
const PRIOR_SHARE = 0.01;
const PRIOR_EVENTS = 4;
/** leading bits of a hash by which entities are noted as followed */
const NOTED_BITS = 20;

/** A day's events of an entity: by the windows of visits, and by what was said of single ones. */
interface Tally {
  seen: number;
  risks: number;
  explained: number;
  cleared: number;
}

interface Followed {
  filter: SpellFilter;
  /** the last day whose labels are all known and weighed */
  weighed: number;
  readonly tallies: Map<number, Tally>;
  lastGood: number | undefined;
  lastRisk: number;
  streak: { before: number; first: number; last: number; count: number } | undefined;
  version: number;
  cached: { day: number; version: number; values: Float32Array } | undefined;
}

/** The entities of a window, the hashes ascending. Nobody may change it afterwards. */
interface Window {
  readonly day: number;
  readonly counted: Counted;
}

/**
 * The labels of one kind of secondary entity as a partition knows them at its own event time. Entities that had a
 * risk are followed day by day. Of all others there is nothing but the windows in which they were seen, where the last
 * good day of one is looked up once labels speak of it.
 */
export class SecondaryBook {
  /** by `keyOf`, in the order in which labels first spoke of them */
  readonly #followed = new Map<number, Followed>();
  /** of those that were followed once: the last day on which they were good for sure, and the last one with a risk */
  readonly #left = new Map<number, { readonly lastGood: number | undefined; readonly lastRisk: number }>();
  readonly #seen = new SeenEntities();
  /** by day */
  readonly #windows: Window[] = [];
  /** of the entities that were followed at any time, so that of the others not even the name is needed */
  readonly #noted = new HashBits(NOTED_BITS);
  #day = Number.NEGATIVE_INFINITY;

  /** @param delay days that labels take: what nobody called a risk by then is none */
  constructor(
    readonly rates: SpellRates,
    private readonly delay: number,
  ) {}

  get followed(): number {
    return this.#followed.size;
  }

  /** Whether an entity with this hashString may be followed; false: it is not. */
  mayFollow(hash: number): boolean {
    return this.#noted.has(hash);
  }

  /** @param corrects the opposite was said of this event before, and is taken back */
  label(key: string, day: number, risk: boolean, explained: boolean, corrects = false): void {
    const hash = hashString(key);
    const check = checkString(key);
    let one = this.#find(hash, check);
    if (one === undefined) {
      if (!risk) return;
      one = this.#follow(hash, check, day);
    }
    if (risk) one.lastRisk = Math.max(one.lastRisk, day);
    const kind = explained ? 'explained' : 'risks';
    this.#tally(one, day, risk ? kind : 'cleared', 1);
    if (corrects) this.#tally(one, day, risk ? 'cleared' : kind, -1);
  }

  #find(hash: number, check: number): Followed | undefined {
    return this.mayFollow(hash) ? this.#followed.get(keyOf(hash, check)) : undefined;
  }

  #follow(hash: number, check: number, day: number): Followed {
    const key = keyOf(hash, check);
    const left = this.#left.get(key);
    const lastGood = this.#lastSeen(hash, check, left?.lastRisk, day) ?? left?.lastGood;
    const one: Followed = {
      filter: SpellFilter.before(day, lastGood, this.rates),
      weighed: day - 1,
      tallies: new Map(),
      lastGood,
      lastRisk: day,
      streak: undefined,
      version: 0,
      cached: undefined,
    };
    this.#followed.set(key, one);
    this.#noted.add(hash);
    this.#seen.add(hash);
    return one;
  }

  /** The last day between two in whose windows the entity is: one without a risk, as long as it isn't followed. */
  #lastSeen(hash: number, check: number, after: number | undefined, before: number): number | undefined {
    for (let i = this.#windows.length - 1; i >= 0; i--) {
      const window = this.#windows[i]!;
      if (after !== undefined && window.day <= after) return undefined;
      if (window.day < before && isIn(window.counted, hash, check)) return window.day;
    }
    return undefined;
  }

  /**
   * How often entities were seen in a window of that day; what nobody called a risk by now is none.
   * @param counted is kept
   */
  visits(counted: Counted, day: number): void {
    const { hashes, checks, counts } = counted;
    let others = 0;
    for (let i = 0; i < hashes.length; i++) {
      const hash = hashes[i]!;
      const count = counts[i]!;
      this.#seen.add(hash);
      const one = this.#find(hash, checks[i]!);
      if (one === undefined) others += count;
      else this.#tally(one, day, 'seen', count);
    }
    this.rates.observe(0, others, 0);
    let at = this.#windows.length;
    while (at > 0 && this.#windows[at - 1]!.day > day) at--;
    this.#windows.splice(at, 0, { day, counted });
  }

  #tally(one: Followed, day: number, what: keyof Tally, count: number): void {
    one.version++;
    // What comes for a day that was weighed already is weighed now, as if it were of the last weighed day.
    if (day <= one.weighed && (what === 'risks' || what === 'explained'))
      one.filter.weigh({ none: 0, risks: 0, explained: 0, [what]: count }, this.rates);
    if (day <= one.weighed - HISTORY - this.delay) return;
    const tally = one.tallies.get(day) ?? { seen: 0, risks: 0, explained: 0, cleared: 0 };
    tally[what] = Math.max(0, tally[what] + count);
    one.tallies.set(day, tally);
  }

  /** The stream has come to `day`: what is known for good by now is weighed and learned from. */
  enter(day: number): void {
    if (!(day > this.#day)) return;
    const days = Number.isFinite(this.#day) ? Math.min(day - this.#day, 1000) : 1;
    this.#day = day;
    this.rates.passed(days * this.#seen.size, 0);
    const known = day - this.delay - 2;
    for (const [key, one] of this.#followed) {
      while (one.weighed < known) this.#weigh(one, one.weighed + 1);
      if (one.weighed - one.lastRisk > FORGET && one.filter.posterior < 0.01) {
        this.#followed.delete(key);
        this.#left.set(key, { lastGood: one.lastGood, lastRisk: one.lastRisk });
      }
    }
  }

  #weigh(one: Followed, day: number): void {
    const tally = tallyOf(one, day);
    one.filter.step(this.rates);
    one.weighed = day;
    one.version++;
    one.tallies.delete(day - HISTORY - this.delay);
    if (tally === undefined) return;
    one.filter.weigh(tally, this.rates);
    this.rates.observe(one.filter.posterior, tally.none + tally.risks, tally.risks);
    if (tally.risks > 0) {
      one.streak ??= { before: one.lastGood ?? day - 90, first: day, last: day, count: 0 };
      const before = one.streak.count;
      one.streak.last = day;
      one.streak.count += tally.risks;
      if (before < SURE && one.streak.count >= SURE) this.rates.passed(0, 1);
    }
    if (tally.none === 0 || one.filter.posterior > 0.5) return;
    if (one.streak !== undefined && one.streak.count >= SURE)
      this.rates.ended(one.streak.before, one.streak.first, one.streak.last, day);
    one.streak = undefined;
    one.lastGood = day;
  }

  /** Writes LABEL_FEATURES of the entity at an event time, from `at` on. */
  features(key: string, seconds: number, out: Float32Array, at: number): void {
    const one = key === '' ? undefined : this.#find(hashString(key), checkString(key));
    if (one === undefined) {
      out.fill(0, at, at + LABEL_FEATURES.length);
      out[at] = -2;
      return;
    }
    const day = Math.floor(seconds / DAY_SECONDS);
    if (one.cached === undefined || one.cached.day !== day || one.cached.version !== one.version)
      one.cached = { day, version: one.version, values: this.#values(one, day) };
    out.set(one.cached.values, at);
  }

  #values(one: Followed, day: number): Float32Array {
    const filter = one.filter.copy();
    let streak = one.streak?.count ?? 0;
    let first = one.streak?.first;
    let lastGood = one.lastGood;
    for (let at = one.weighed + 1; at <= day; at++) {
      filter.step(this.rates);
      const tally = tallyOf(one, at);
      if (tally === undefined) continue;
      filter.weigh(tally, this.rates);
      if (tally.risks > 0) {
        streak += tally.risks;
        first ??= at;
      } else if (tally.none > 0) {
        streak = 0;
        first = undefined;
        lastGood = at;
      }
    }
    const values = new Float32Array(LABEL_FEATURES.length);
    const posterior = filter.posterior;
    values[0] = Math.max(-8, Math.min(8, Math.log((posterior + 1e-9) / (1 - posterior + 1e-9)))) / 4;
    values[1] = posterior;
    WINDOWS.forEach((window, i) => {
      let seen = 0;
      let risks = 0;
      for (let at = day - this.delay - window; at <= day; at++) {
        const tally = one.tallies.get(at);
        if (tally === undefined) continue;
        risks += tally.risks;
        seen += Math.max(tally.seen, tally.risks + tally.explained);
      }
      values[2 + i] = (risks + PRIOR_SHARE * PRIOR_EVENTS) / (seen + PRIOR_EVENTS);
    });
    values[5] = Math.log1p(streak) / 2;
    values[6] = first === undefined ? 0 : Math.log1p(day - first) / 4;
    values[7] = lastGood === undefined ? 1 : Math.log1p(Math.max(0, day - lastGood)) / 4;
    let early = 0;
    for (let at = day - this.delay + 1; at <= day; at++) early += one.tallies.get(at)?.risks ?? 0;
    values[8] = Math.log1p(early);
    values[9] = filter.age / 30;
    return values;
  }
}

/** 53 bits of an entity's two hashes */
function keyOf(hash: number, check: number): number {
  return (hash >>> 0) * 2 ** 21 + (check >>> 11);
}

function isIn({ hashes, checks }: Counted, hash: number, check: number): boolean {
  const wanted = hash >>> 0;
  let from = 0;
  let to = hashes.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (hashes[middle]! < wanted) from = middle + 1;
    else to = middle;
  }
  for (; hashes[from] === wanted; from++) if (checks[from] === check >>> 0) return true;
  return false;
}

function tallyOf(one: Followed, day: number): DayTally | undefined {
  const tally = one.tallies.get(day);
  if (tally === undefined) return undefined;
  const { risks, explained, cleared } = tally;
  return { risks, explained, none: Math.max(cleared, tally.seen - risks - explained) };
}
