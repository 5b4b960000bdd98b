import { detectorBlock } from './entity-layout.js';
import type { EventColumns } from './features/columns.js';
import { FeatureBatch, FeatureEngine } from './features/engine.js';
import type { ScoringModel } from './scoring-model.js';
import type { Slab } from './state/slab.js';

/** domains with state of their own in a partition; what comes beyond shares OTHER's */
export const MAX_DOMAINS = 256;
const OTHER = '\u0000other';

/**
 * The key of a domain's row: its own while there is room for one, then OTHER's. Asked for domain by domain as they come,
 * so that where micro-batches are cut makes no difference to who has a row.
 */
export function domainKey(domains: Slab, domain: string): string {
  return domains.size < domains.limit - 1 || domains.find(domain) >= 0 ? domain : OTHER;
}

export interface DetectingOptions {
  /** rows of a micro-batch at most */
  readonly capacity: number;
  readonly entities: Slab;
  readonly domains: Slab;
  /** prepares the row of an entity that is new to the slab */
  readonly newEntity: (slot: number) => void;
}

/** From events to the detectors' raw scores: the features of a micro-batch, then each detector over all its rows. */
export class Detecting {
  readonly engine: FeatureEngine;
  readonly batch: FeatureBatch;
  /** rows x detectors, NaN for one that failed or that the entity is too young for */
  readonly raw: Float32Array;
  readonly #model: ScoringModel;
  readonly #options: DetectingOptions;
  readonly #one: Float32Array;
  readonly #modelDomain: ReadonlyMap<string, number>;
  /** by slot of the domain slab, the model's index of the domain, -1 for one that it doesn't know */
  readonly #modelDomains = new Int32Array(MAX_DOMAINS).fill(-1);

  constructor(model: ScoringModel, options: DetectingOptions) {
    this.#model = model;
    this.#options = options;
    this.engine = new FeatureEngine(model.plan);
    this.batch = new FeatureBatch(model.plan, options.capacity);
    this.raw = new Float32Array(options.capacity * model.detectors.length);
    this.#one = new Float32Array(options.capacity);
    this.#modelDomain = new Map(model.scales.domains.map((name, index) => [name, index]));
  }

  /** Fills `batch` and `raw`, and advances the state; the names of detectors that failed. */
  detect(columns: EventColumns): string[] {
    const { detectors, scales } = this.#model;
    const { entities, domains, newEntity } = this.#options;
    const { batch } = this;
    if (columns.size > batch.capacity)
      throw new RangeError(
        `a micro-batch of ${columns.size} events; this scorer takes ${batch.capacity} at most`,
      );
    this.engine.extract(columns, batch, entities, domains, newEntity, this.#domainSlotOf);
    this.engine.scale(batch, scales, domains, this.#modelDomains);
    const failed: string[] = [];
    for (let index = 0; index < detectors.length; index++) {
      const detector = detectors[index]!;
      let sound = false;
      try {
        detector.score(batch, entities.block(detectorBlock(detector)), this.#one);
        sound = areFinite(this.#one, columns.size);
      } catch {
        // A model backend that throws must not stop the stream: the others score, and the batch says so.
      }
      if (!sound) failed.push(detector.name);
      this.#keep(index, sound ? (detector.warmUp ?? 0) : Number.POSITIVE_INFINITY);
    }
    return failed;
  }

  /** Puts a detector's scores into `raw` for entities of at least this age. */
  #keep(index: number, warmUp: number): void {
    const { raw, batch } = this;
    const one = this.#one;
    const { size, ages } = batch;
    const detectors = this.#model.detectors.length;
    if (warmUp === 0) for (let row = 0, at = index; row < size; row++, at += detectors) raw[at] = one[row]!;
    else
      for (let row = 0, at = index; row < size; row++, at += detectors)
        raw[at] = ages[row]! >= warmUp ? one[row]! : Number.NaN;
  }

  readonly #domainSlotOf = (domain: string): number => {
    const { domains } = this.#options;
    return domains.slotOf(domainKey(domains, domain), this.newDomain);
  };

  /** Prepares the row of a domain that is new to the slab. */
  readonly newDomain = (slot: number): void => {
    const { domainState, scales, plan } = this.#model;
    const { domains } = this.#options;
    const floats = plan.domainBlocks.reduce((sum, block) => sum + block.size, 0);
    const index = this.#modelDomain.get(domains.keys[slot]!);
    const known = index ?? scales.domains.length;
    this.#modelDomains[slot] = index ?? -1;
    domains.data.set(domainState.subarray(known * floats, (known + 1) * floats), slot * domains.stride);
  };
}

/** A number less itself is 0, and NaN where it isn't finite. */
function areFinite(values: Float32Array, size: number): boolean {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += values[i]! - values[i]!;
  return sum === 0;
}
