import type { StateBlock } from '../contract.js';
import type { Slab } from '../state/slab.js';
import type { JudgementLayout } from './chain.js';
import { type Buckets, Judgement } from './combine.js';
import type { JudgementPriors } from './fit-judgement.js';
import type { Smoothing } from './smoothing.js';
import type { TailOptions } from './tail.js';

/** Name of the domain slab's block that holds the judgements. */
export const JUDGEMENT_BLOCK = 'judgement';

export interface JudgingOptions {
  readonly layout: JudgementLayout;
  readonly priors: JudgementPriors;
  readonly tails: TailOptions;
  readonly smoothing: Smoothing;
  /** domains at most */
  readonly domains: number;
  /** rows of a micro-batch at most */
  readonly capacity: number;
}

/**
 * From the detectors' raw scores of a micro-batch to surprises: smoothed by entity, judged by domain. Rows of a domain
 * are judged together, in their order, since a domain knows nothing of the others: its counts are in the cache then.
 */
export class PartitionJudging {
  /** by row, the joined surprise */
  readonly joined: Float64Array;
  /** rows x detectors, their own surprises */
  readonly own: Float32Array;
  /** floats a domain */
  readonly stateSize: number;
  readonly #options: JudgingOptions;
  readonly #smoothed: Float32Array;
  readonly #judgements: (Judgement | undefined)[] = [];
  /** rows of the micro-batch, by domain */
  readonly #rows: Int32Array;
  /** by domain slot, where its rows end in `#rows` */
  readonly #ends: Int32Array;

  constructor(options: JudgingOptions) {
    this.#options = options;
    const { layout, smoothing, domains, capacity } = options;
    this.joined = new Float64Array(capacity);
    this.own = new Float32Array(capacity * layout.detectors.length);
    this.stateSize = this.#made().stateSize;
    this.#smoothed = new Float32Array(smoothing.keeps ? capacity * smoothing.columns : 0);
    this.#rows = new Int32Array(capacity);
    this.#ends = new Int32Array(domains + 1);
  }

  /** @param raw rows x detectors @param means the block of the smoothing */
  judge(raw: Float32Array, size: number, domainSlots: Int32Array, means: StateBlock, buckets: Buckets): void {
    const { smoothing } = this.#options;
    if (smoothing.keeps) smoothing.smooth(raw, size, buckets.slots, means, this.#smoothed);
    const batch = {
      smoothed: smoothing.keeps ? this.#smoothed : raw,
      own: this.own,
      joined: this.joined,
    };
    const domains = this.#sort(domainSlots, size);
    const ends = this.#ends;
    for (let domain = 0, from = 0; domain < domains; domain++) {
      const to = ends[domain]!;
      if (to > from) this.#judgement(domain).judge(batch, this.#rows, from, to, buckets);
      from = to;
    }
  }

  /** Puts the rows in the order of their domains, within one as they came; how many slots there are. */
  #sort(domainSlots: Int32Array, size: number): number {
    const rows = this.#rows;
    const ends = this.#ends;
    let domains = 0;
    for (let row = 0; row < size; row++) domains = Math.max(domains, domainSlots[row]! + 1);
    ends.fill(0, 0, domains + 1);
    for (let row = 0; row < size; row++) ends[domainSlots[row]! + 1]!++;
    for (let domain = 1; domain < domains; domain++) ends[domain]! += ends[domain - 1]!;
    // From where the domain before it ends each moves up by its own rows.
    for (let row = 0; row < size; row++) rows[ends[domainSlots[row]!]!++] = row;
    return domains;
  }

  #judgement(slot: number): Judgement {
    let judgement = this.#judgements[slot];
    if (judgement === undefined) {
      judgement = this.#made();
      this.#judgements[slot] = judgement;
    }
    return judgement;
  }

  #made(): Judgement {
    const { layout, priors, tails } = this.#options;
    return new Judgement(layout, priors, tails);
  }

  /** Lays the judgements into their block of the domains' slab. */
  flush(domains: Slab): void {
    const { data, stride, offset } = domains.block(JUDGEMENT_BLOCK);
    this.#judgements.forEach((judgement, slot) => {
      if (judgement !== undefined) data.set(judgement.save(), slot * stride + offset);
    });
  }

  /** After the domains' slab was filled from a checkpoint. */
  load(domains: Slab): void {
    const { data, stride, offset } = domains.block(JUDGEMENT_BLOCK);
    for (let slot = 0; slot < domains.size; slot++) {
      const from = slot * stride + offset;
      const judgement = this.#made();
      const state = data.slice(from, from + this.stateSize);
      // All zeros: the page was written with another layout of judgements, which start anew.
      if (state.some((value) => value !== 0)) judgement.load(state);
      this.#judgements[slot] = judgement;
    }
  }
}
