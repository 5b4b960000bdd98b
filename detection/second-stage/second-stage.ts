import { DecimalHash } from '../features/hash.js';
import type { FeatureInfo } from '../features/spec.js';
import { TAIL_STATE_SIZE, TailCalibration } from '../judging/tail.js';
import { exponentialTailPrior } from '../judging/tail-prior.js';
import { epochOf, LabelBook, reachOf } from '../labels/label-book.js';
import type { LabelLog, LabelView } from '../labels/label-log.js';
import { effectiveFrom, GRID_SECONDS, type Label, type LabelRecord, type Visits } from '../labels/records.js';
import { LABEL_FEATURES } from '../labels/secondary-book.js';
import type { SpellOptions } from '../labels/spell-rates.js';
import { type VisitColumns, VisitCounter } from '../labels/visit-counter.js';
import { getDoubles, putDoubles } from '../state/doubles.js';
import { type PagedState, SlabPages } from '../state/paged-state.js';
import { Slab } from '../state/slab.js';
import { Ftrl } from './ftrl.js';
import { Inputs } from './inputs.js';
import { Pending } from './pending.js';
import type { RankedRows } from './ranked-rows.js';
import { GAIN_STATE_SIZE, RankingGain } from './ranking-gain.js';
import { SUSPICION_NAMES } from './suspicion.js';

/** How a pipeline uses labels; see the definition's `labels` and `secondary`. Durations in seconds. */
export interface LabelSettings {
  /** category fields whose values are entities of their own */
  readonly secondary: readonly string[];
  /** an event that nobody called a risk for so long is taken for none */
  readonly delay: number;
  /** window of event time that visits of secondary entities are counted by */
  readonly window: number;
  readonly late: number;
  readonly spells: SpellOptions;
  /** events a partition holds until their labels come */
  readonly hold: number;
}

export interface SecondStageOptions {
  readonly settings: LabelSettings;
  readonly detectors: readonly string[];
  readonly features: readonly FeatureInfo[];
  /** labels and closed windows of all partitions, shared by the process */
  readonly log: LabelLog;
  /** what this partition's windows are named after: pipeline and partition */
  readonly name: string;
  /** events a day that this partition is expected to get; 0 if unknown */
  readonly eventsPerDay: number;
}

/** The second stage speaks once it has seen so many labelled risks and others, and only while it ranks better. */
const LEAST_RISKS = 50;
const LEAST_OTHERS = 1000;
const CHECK_EVERY = 256;
/**
 * Events of at least this surprise, odds or chance of a bad spell are held first; of the others a sample is. Each
 * counts for as many as it stands for. The share follows the stream, so that events stay until their label is due.
 */
const HELD_SURPRISE = 1.3;
const HELD_LOGIT = -3;
const HELD_SPELL = 0.02;
/** how much likelier they are held */
const FAVOUR = 8;
/** log odds of an event before anything was learned */
const UNTAUGHT = -8;
const STATE_KEY = 'stage';

/** What `/metrics` shows of it. */
export interface SecondStageFigures {
  readonly on: boolean;
  readonly risks: number;
  readonly others: number;
  /** average precision over the labels of late, of what each stage had said when the event was scored */
  readonly firstAp: number;
  readonly secondAp: number;
  /** events that made room before their label was due */
  readonly lost: number;
}

/**
 * Ranks events anew where labels come back: an online logistic model over the first stage's surprises, the features and
 * what the labels say of the event's secondary entities, learned from each event as its label falls due. One serves
 * one partition. Everything about an event is scored before anything is learned from it or from what came with it.
 */
export class SecondStage {
  readonly inputs: Inputs;
  readonly pending: Pending;
  readonly visits: VisitCounter;
  readonly slab: Slab;
  /** the parts of its state, by the names that a checkpoint gives them; up to date after `flush` */
  readonly parts: { readonly pending: PagedState; readonly visits: PagedState; readonly stage: PagedState };
  readonly book: LabelBook;
  readonly #view: LabelView;
  readonly #settings: LabelSettings;
  readonly #ftrl: Ftrl;
  readonly #gain: RankingGain;
  readonly #calibration = new TailCalibration(exponentialTailPrior(0.004));
  readonly #log: LabelLog;
  readonly #vector: Float32Array;
  readonly #x: Float32Array;
  #share: number;
  readonly #detectors: number;
  readonly #labelsAt: number;
  /** chooses the events that are held */
  readonly #chance = new DecimalHash(7);
  #on = false;
  #sinceCheck = 0;
  #newest = Number.NEGATIVE_INFINITY;
  /** event time at which the book was made anew, and the rates of spells then */
  #epoch = Number.NEGATIVE_INFINITY;
  #rates: Float64Array = new Float64Array(0);
  #closed: Visits[] = [];
  #logit = UNTAUGHT;
  /** of the event that is ranked: its secondary entities, '' for one of which labels don't speak */
  readonly #secondary: string[];
  readonly #features: number;

  constructor(options: SecondStageOptions) {
    const { settings, detectors, features, log, name, eventsPerDay } = options;
    this.#settings = settings;
    this.#log = log;
    this.book = new LabelBook({
      secondary: settings.secondary,
      delay: settings.delay,
      spells: settings.spells,
    });
    this.inputs = new Inputs({ detectors, features, labels: this.book.names });
    this.pending = new Pending(this.inputs.vector, settings.hold);
    this.visits = new VisitCounter({
      fields: settings.secondary.length,
      window: settings.window,
      late: settings.late,
      effective: (to) => effectiveFrom(to + settings.delay),
      name,
      maxKeys: 2_000_000,
    });
    this.#ftrl = new Ftrl({ inputs: this.inputs.size });
    this.#gain = new RankingGain();
    this.slab = new Slab(
      [
        { name: `ftrl:${this.inputs.size}`, size: this.#ftrl.stateSize },
        { name: 'gain', size: GAIN_STATE_SIZE },
        { name: 'calibration', size: TAIL_STATE_SIZE },
        { name: 'flags', size: 3 },
        { name: 'rates', size: 2 * this.book.ratesSize },
      ],
      1,
      1,
    );
    this.parts = {
      pending: new SlabPages(this.pending.slab),
      visits: this.visits,
      stage: new SlabPages(this.slab),
    };
    this.#vector = new Float32Array(this.inputs.vector);
    this.#x = new Float32Array(this.inputs.size);
    this.#detectors = detectors.length;
    this.#features = features.length;
    this.#secondary = settings.secondary.map(() => '');
    this.#labelsAt = 1 + detectors.length + features.length + SUSPICION_NAMES.length;
    const expected = (eventsPerDay * (settings.delay + 3 * GRID_SECONDS)) / 86_400;
    this.#share = Math.fround(expected > 0 ? Math.min(1, (0.45 * settings.hold) / expected) : 0.1);
    this.#view = log.open();
  }

  /** No more of the log is wanted. */
  close(): void {
    this.#log.close(this.#view);
  }

  /** Counts the events of a micro-batch for their secondary entities; before or after they are ranked. */
  visit(columns: VisitColumns): void {
    for (const closed of this.visits.observe(columns)) this.#closed.push(closed);
  }

  /**
   * A row's surprise by both stages: the first one's while the second is off. Rows are to be ranked in their order.
   * @param surprise by the first stage @param suspicion of the row's entity before it, see Suspicion
   */
  rank(rows: RankedRows, row: number, surprise: number, suspicion: Float32Array): number {
    const seconds = rows.seconds[row]!;
    this.#arrive(seconds);
    // Before the first label there is nothing to say, and nothing to compute.
    const taught = this.#gain.risks > 0;
    const spoken = taught || this.book.followed > 0;
    if (spoken) this.#fill(rows, row, surprise, suspicion);
    if (taught) this.inputs.expand(this.#vector, 0, this.#x);
    this.#logit = taught ? this.#ftrl.logit(this.#x) : UNTAUGHT;
    const share = this.#shareOf(surprise, spoken);
    // Chosen by offset, so that a second reading holds the same ones.
    if (share >= 1 || this.#chance.of(rows.offsets[row]!) < share * 2 ** 32) {
      if (!spoken) this.#fill(rows, row, surprise, suspicion);
      this.#follow(seconds);
      this.pending.add(rows.entities[row]!, seconds, this.#vector, 0, 1 / share, this.#logit);
    }
    if (!taught) return surprise;
    const second = this.#calibration.observe(Math.exp(Math.max(-20, Math.min(12, this.#logit))));
    return this.#on ? second : surprise;
  }

  get on(): boolean {
    return this.#on;
  }

  /** log odds of a risk that the last event was given */
  get logit(): number {
    return this.#logit;
  }

  /** Labels that have come into effect, and events whose delay is over. */
  #arrive(seconds: number): void {
    if (!(seconds > this.#newest)) return;
    this.#newest = seconds;
    if (Math.floor(seconds / GRID_SECONDS) > this.#view.hour) this.#read(seconds);
    // Labels given when the delay ends need up to two hours to take effect.
    const due = seconds - this.#settings.delay - 2 * GRID_SECONDS;
    for (let slot = this.pending.nextDue(due); slot >= 0; slot = this.pending.nextDue(due))
      if (this.pending.held(slot) === 'waiting') this.#learn(slot, false);
  }

  /** Reads on in the log; the book is made anew at fixed times, so that a restore needs no more than that again. */
  #read(seconds: number): void {
    const take = (record: LabelRecord) => this.#take(record);
    const enter = (hour: number) => this.book.enter(hour);
    const epoch = epochOf(seconds);
    if (epoch > this.#epoch) {
      if (Number.isFinite(this.#epoch)) this.#view.advance(epoch, take, enter);
      else this.#view.skip(epoch);
      this.#begin(epoch);
    }
    this.#view.advance(seconds, take, enter);
  }

  #begin(epoch: number): void {
    const { delay, window } = this.#settings;
    this.#epoch = epoch;
    this.#rates = this.book.saveRates();
    this.book.remake(() =>
      this.#view.replay(
        epoch - reachOf(delay, window),
        epoch,
        (record) => this.book.take(record),
        (hour) => this.book.enter(hour),
      ),
    );
  }

  #take(record: LabelRecord): void {
    // A book made anew would not know it, and the log may drop what a book still looks up.
    const { delay, window } = this.#settings;
    if (record.effectiveAt > this.#epoch - reachOf(delay, window)) this.book.take(record);
    if (record.type === 'label') this.#label(record);
  }

  #label(label: Label): void {
    const slot = this.pending.find(label.entity, label.time);
    if (slot < 0 || this.pending.held(slot) === (label.risk ? 'risk' : 'other')) return;
    this.#learn(slot, label.risk);
  }

  #learn(slot: number, risk: boolean): void {
    const { pending } = this;
    const first = pending.held(slot) === 'waiting';
    pending.settle(slot, risk ? 'risk' : 'other');
    const at = pending.vectorAt(slot);
    const weight = pending.weight(slot);
    this.inputs.expand(pending.slab.data, at, this.#x);
    // What the label changes later (a risk that had been taken for none) is learned again, but not judged again.
    if (first) this.#gain.add(pending.slab.data[at]!, pending.logit(slot), risk, weight);
    this.#ftrl.learn(this.#x, risk ? 1 : 0, weight);
    if (++this.#sinceCheck < CHECK_EVERY) return;
    this.#sinceCheck = 0;
    this.#on =
      this.#gain.risks >= LEAST_RISKS &&
      this.#gain.others >= LEAST_OTHERS &&
      this.#gain.secondAp > this.#gain.firstAp;
  }

  /** The vector of a row. */
  #fill(
    { own, x, hashes, text, seconds }: RankedRows,
    row: number,
    surprise: number,
    suspicion: Float32Array,
  ): void {
    const vector = this.#vector;
    const detectors = this.#detectors;
    const features = this.#features;
    vector[0] = surprise;
    // A detector that failed or still warms up has nothing to say.
    for (let i = 0; i < detectors; i++) {
      const one = own[row * detectors + i]!;
      vector[1 + i] = Number.isNaN(one) ? 0 : one;
    }
    const at = 1 + detectors;
    for (let i = 0; i < features; i++) vector[at + i] = x[row * features + i]!;
    for (let i = 0; i < SUSPICION_NAMES.length; i++) vector[at + features + i] = suspicion[i]!;
    const secondary = this.#secondary;
    for (let field = 0; field < secondary.length; field++)
      secondary[field] = this.book.mayFollow(field, hashes[field]![row]!) ? text(field, row) : '';
    this.book.features(secondary, seconds[row]!, vector, this.#labelsAt);
  }

  /** The share of events like this one that is held: see HELD_SURPRISE. */
  #shareOf(surprise: number, spoken: boolean): number {
    const favoured =
      surprise >= HELD_SURPRISE || this.#logit >= HELD_LOGIT || (spoken && this.#spell() >= HELD_SPELL);
    return Math.min(1, favoured ? FAVOUR * this.#share : this.#share);
  }

  /** Holds a smaller share when events make room too soon, and a larger one when they stay for long. */
  #follow(seconds: number): void {
    const oldest = this.pending.oldest;
    if (Number.isNaN(oldest)) return;
    const stay = (seconds - oldest) / (this.#settings.delay + 3 * GRID_SECONDS);
    const step = 3 / this.#settings.hold;
    if (stay < 1.15) this.#share *= 1 - step;
    else if (stay > 1.4) this.#share = Math.min(1, this.#share * (1 + step));
    this.#share = Math.fround(this.#share);
  }

  #spell(): number {
    let most = 0;
    for (let at = this.#labelsAt + 1; at < this.inputs.vector; at += LABEL_FEATURES.length)
      most = Math.max(most, this.#vector[at]!);
    return most;
  }

  /** Windows that were closed since the last call: for all partitions to read, this one included. */
  takeClosed(): Visits[] {
    const closed = this.#closed;
    this.#closed = [];
    return closed;
  }

  get figures(): SecondStageFigures {
    const { risks, others, firstAp, secondAp } = this.#gain;
    return { on: this.#on, risks, others, firstAp, secondAp, lost: this.pending.lost };
  }

  /**
   * What the labels added to the odds of the event ranked last, by name of the label feature, and its share among all
   * that speaks for a risk; strongest first. The event's own features speak through the detectors.
   */
  reasons(): { name: string; value: number; share: number }[] {
    this.inputs.expand(this.#vector, 0, this.#x);
    const sums = new Float64Array(this.inputs.vector);
    for (let i = 0; i < this.inputs.size - 1; i++) {
      const element = this.inputs.elementOf(i);
      sums[element] = sums[element]! + this.#ftrl.contribution(i, this.#x[i]!);
    }
    const total = sums.reduce((sum, value) => sum + Math.max(0, value), 0);
    return this.inputs.names
      .flatMap((name, element) =>
        element >= this.#labelsAt && sums[element]! > 0
          ? [{ name, value: this.#vector[element]!, share: sums[element]! / total }]
          : [],
      )
      .sort((a, b) => b.share - a.share);
  }

  /** Lays what is not in the parts into them. */
  flush(): void {
    this.pending.flush();
    const row = this.slab.slotOf(STATE_KEY, () => undefined);
    const block = (name: string) => this.slab.block(name).offset + row * this.slab.stride;
    this.#ftrl.saveTo(this.slab.data, block(`ftrl:${this.inputs.size}`));
    this.#gain.saveTo(this.slab.data, block('gain'));
    this.#calibration.saveTo(this.slab.data, block('calibration'));
    this.slab.data[block('flags')] = this.#on ? 1 : 0;
    this.slab.data[block('flags') + 1] = this.#sinceCheck;
    this.slab.data[block('flags') + 2] = this.#share;
    putDoubles(this.slab.data, block('rates'), this.#rates);
    this.slab.times[row] = this.#newest;
  }

  /** After the pages of a checkpoint were laid. What the labels say is read from the log again, as it was read then. */
  load(): void {
    this.pending.load();
    const row = this.slab.find(STATE_KEY);
    if (row < 0) return;
    const block = (name: string) => this.slab.block(name).offset + row * this.slab.stride;
    this.#ftrl.load(this.slab.data, block(`ftrl:${this.inputs.size}`));
    this.#gain.load(this.slab.data, block('gain'));
    const calibration = this.slab.data.slice(block('calibration'), block('calibration') + TAIL_STATE_SIZE);
    // All zeros: written before there was one.
    if (calibration.some((value) => value !== 0)) this.#calibration.load(calibration);
    this.#on = this.slab.data[block('flags')] === 1;
    this.#sinceCheck = this.slab.data[block('flags') + 1]!;
    this.#share = this.slab.data[block('flags') + 2]! || this.#share;
    this.#newest = this.slab.times[row]!;
    if (!Number.isFinite(this.#newest)) return;
    const rates = getDoubles(this.slab.data, block('rates'), this.book.ratesSize);
    // All zeros: written before they were saved.
    if (rates.some((value) => value !== 0)) this.book.loadRates(rates);
    this.#view.skip(epochOf(this.#newest));
    this.#begin(epochOf(this.#newest));
    // The model has learned from these labels already; the book has not.
    this.#view.advance(
      this.#newest,
      (record) => this.book.take(record),
      (hour) => this.book.enter(hour),
    );
  }
}
