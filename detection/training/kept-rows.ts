import type { DetectorBatch } from '../contract.js';

/** enough for the shipped models to learn all that they can hold; with 23 features some 75 MB */
export const KEPT_ROWS = 400_000;

/** events in a row that are kept or left out together where whole entities are too few to leave some out */
export const STRETCH = 8192;
/** entities of which some may be left out; with fewer, stretches of time are */
const LEAST_ENTITIES = 400;

/**
 * The rows of a stream that are kept to learn from: all of them up to `most`, then a seeded sample in bounded memory.
 * Whole entities are left out, since models learn from what an entity does one event after another; where there are
 * few entities, stretches of time. Which rows stay depends on the seed, the entities' names and the places of the
 * events alone. Each time that the room is used up, half of what is kept goes.
 */
export class KeptRows {
  rows = 0;
  /** events offered so far */
  events = 0;
  x: Float32Array;
  raw: Float64Array;
  /** by row: the entity's number */
  entities: Int32Array;
  domains: Int32Array;
  times: Float64Array;
  gaps: Float64Array;
  ages: Float64Array;
  hours: Float32Array;
  /** rows x detectors that need no training */
  scores: Float32Array;
  /** the stretch that the row is from */
  #stretches: Int32Array;
  #entityHash: Uint32Array = new Uint32Array(1024);
  #known = 0;
  /** entities and stretches whose hash lies below are kept */
  #entityLimit = 2 ** 32;
  #stretchLimit = 2 ** 32;

  constructor(
    readonly features: number,
    readonly sensors: number,
    readonly detectors: number,
    readonly most: number,
    private readonly seed: number,
  ) {
    const rows = Math.min(most, 65_536);
    this.x = new Float32Array(rows * features);
    this.raw = new Float64Array(rows * sensors);
    this.entities = new Int32Array(rows);
    this.domains = new Int32Array(rows);
    this.times = new Float64Array(rows);
    this.gaps = new Float64Array(rows);
    this.ages = new Float64Array(rows);
    this.hours = new Float32Array(rows);
    this.scores = new Float32Array(rows * detectors);
    this.#stretches = new Int32Array(rows);
  }

  /** the number of an entity that was not there before */
  newEntity(name: string): number {
    if (this.#known === this.#entityHash.length) {
      const more = new Uint32Array(this.#known * 2);
      more.set(this.#entityHash);
      this.#entityHash = more;
    }
    this.#entityHash[this.#known] = hashOf(name, this.seed);
    return this.#known++;
  }

  /** whether anything was left out so far */
  get sampled(): boolean {
    return this.#entityLimit < 2 ** 32 || this.#stretchLimit < 2 ** 32;
  }

  /**
   * Takes the rows of a batch that are to be kept.
   * @param entities the entity's number by row
   * @param scores by detector, by row
   */
  add(
    batch: DetectorBatch & { readonly domainSlots: Int32Array },
    entities: Int32Array,
    scores: readonly Float32Array[],
  ): void {
    const { features, sensors, detectors } = this;
    for (let row = 0; row < batch.size; row++) {
      const stretch = Math.floor(this.events++ / STRETCH);
      if (!this.#keeps(entities[row]!, stretch)) continue;
      this.#makeRoom();
      if (!this.#keeps(entities[row]!, stretch)) continue;
      const to = this.rows++;
      for (let f = 0; f < features; f++) this.x[to * features + f] = batch.x[row * features + f]!;
      for (let s = 0; s < sensors; s++) this.raw[to * sensors + s] = batch.raw[row * sensors + s]!;
      for (let d = 0; d < detectors; d++) this.scores[to * detectors + d] = scores[d]![row]!;
      this.entities[to] = entities[row]!;
      this.domains[to] = batch.domainSlots[row]!;
      this.times[to] = batch.times[row]!;
      this.gaps[to] = batch.gaps[row]!;
      this.ages[to] = batch.ages[row]!;
      this.hours[to] = batch.hoursOfWeek[row]!;
      this.#stretches[to] = stretch;
    }
  }

  #keeps(entity: number, stretch: number): boolean {
    return (
      this.#entityHash[entity]! < this.#entityLimit &&
      (this.#stretchLimit === 2 ** 32 || hashOf(String(stretch), this.seed) < this.#stretchLimit)
    );
  }

  #makeRoom(): void {
    const room = this.times.length;
    if (this.rows < room) return;
    if (room < this.most) {
      this.#resize(Math.min(this.most, room * 2));
      return;
    }
    // By halves, until there is room: one large entity may be all of what is kept.
    while (this.rows > 0.75 * this.most) {
      if (this.#keptEntities() >= LEAST_ENTITIES) this.#entityLimit /= 2;
      else this.#stretchLimit /= 2;
      this.#compact();
    }
  }

  #keptEntities(): number {
    let count = 0;
    for (let entity = 0; entity < this.#known; entity++)
      if (this.#entityHash[entity]! < this.#entityLimit) count++;
    return count;
  }

  #resize(rows: number): void {
    this.x = grown(new Float32Array(rows * this.features), this.x);
    this.raw = grown(new Float64Array(rows * this.sensors), this.raw);
    this.entities = grown(new Int32Array(rows), this.entities);
    this.domains = grown(new Int32Array(rows), this.domains);
    this.times = grown(new Float64Array(rows), this.times);
    this.gaps = grown(new Float64Array(rows), this.gaps);
    this.ages = grown(new Float64Array(rows), this.ages);
    this.hours = grown(new Float32Array(rows), this.hours);
    this.scores = grown(new Float32Array(rows * this.detectors), this.scores);
    this.#stretches = grown(new Int32Array(rows), this.#stretches);
  }

  #compact(): void {
    const { features, sensors, detectors } = this;
    let to = 0;
    for (let row = 0; row < this.rows; row++) {
      if (!this.#keeps(this.entities[row]!, this.#stretches[row]!)) continue;
      if (to < row) {
        this.x.copyWithin(to * features, row * features, (row + 1) * features);
        this.raw.copyWithin(to * sensors, row * sensors, (row + 1) * sensors);
        this.scores.copyWithin(to * detectors, row * detectors, (row + 1) * detectors);
        this.entities[to] = this.entities[row]!;
        this.domains[to] = this.domains[row]!;
        this.times[to] = this.times[row]!;
        this.gaps[to] = this.gaps[row]!;
        this.ages[to] = this.ages[row]!;
        this.hours[to] = this.hours[row]!;
        this.#stretches[to] = this.#stretches[row]!;
      }
      to++;
    }
    this.rows = to;
  }

  /**
   * By row: what models take for one entity, numbered from 0 in the order of first appearance. Where stretches of time
   * were left out, what an entity did before such a hole and after it are two.
   */
  sequences(): Int32Array {
    const numbers = new Map<number, number>();
    const last = new Map<number, number>();
    const out = new Int32Array(this.rows);
    let next = 0;
    for (let row = 0; row < this.rows; row++) {
      const entity = this.entities[row]!;
      const stretch = this.#stretches[row]!;
      let number = numbers.get(entity);
      if (number === undefined || this.#isHole(last.get(entity)!, stretch)) {
        number = next++;
        numbers.set(entity, number);
      }
      last.set(entity, stretch);
      out[row] = number;
    }
    return out;
  }

  #isHole(from: number, to: number): boolean {
    if (this.#stretchLimit === 2 ** 32) return false;
    for (let stretch = from + 1; stretch < to; stretch++)
      if (hashOf(String(stretch), this.seed) >= this.#stretchLimit) return true;
    return false;
  }
}

/** FNV-1a with a last mixing, so that names that differ in their last letter lie far apart */
function hashOf(name: string, seed: number): number {
  let hash = (0x811c9dc5 ^ Math.imul(seed + 1, 0x9e3779b1)) >>> 0;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function grown<T extends Float32Array | Float64Array | Int32Array>(fresh: T, old: T): T {
  fresh.set(old);
  return fresh;
}
