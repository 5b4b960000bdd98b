import { hashString } from '../features/hash.js';
import { Slab } from '../state/slab.js';

const VECTOR = 'vector';
const META = 'meta';
/** meta: entity hash in two halves, state, weight, logit when it was scored */
const META_SIZE = 5;
const HEAD = '\u0000head';

export type Held = 'waiting' | 'risk' | 'other';
const STATES: readonly Held[] = ['waiting', 'risk', 'other'];

/**
 * Vectors of events whose label is to come: a ring of a fixed number of rows, the oldest making room for the newest.
 * An event is known by its entity and its time. Part of the partition's state; only rows that changed are checkpointed.
 */
export class Pending {
  readonly slab: Slab;
  readonly #capacity: number;
  /** slots by event; made when the first label asks for one, which may be never */
  #byEvent: Map<number, number> | undefined;
  /** by place in the ring, -1 where not known yet */
  readonly #slots: Int32Array;
  /** events put in so far; event n lies in row n modulo capacity */
  #added = 0;
  /** events before this one have had their delay */
  #due = 0;
  /** events that made room before they had their delay */
  lost = 0;

  constructor(vector: number, capacity: number) {
    this.#capacity = capacity;
    this.#slots = new Int32Array(capacity).fill(-1);
    this.slab = new Slab(
      [
        { name: META, size: META_SIZE },
        { name: VECTOR, size: vector },
      ],
      capacity + 1,
    );
  }

  get size(): number {
    return Math.min(this.#added, this.#capacity);
  }

  /** time of the event that makes room for the next; NaN while there is room */
  get oldest(): number {
    if (this.#added < this.#capacity) return Number.NaN;
    return this.slab.times[this.#slotAt(this.#added % this.#capacity)]!;
  }

  /** Copies the vector at vectors[at..]. */
  add(
    entity: string,
    seconds: number,
    vectors: Float32Array,
    at: number,
    weight: number,
    logit: number,
  ): void {
    const index = this.#added % this.#capacity;
    const slot = this.#row(index);
    const meta = this.#at(META, slot);
    const { data } = this.slab;
    if (this.#added >= this.#capacity) {
      const old = this.#byEvent && this.#keyOf(slot);
      if (old !== undefined && this.#byEvent?.get(old) === slot) this.#byEvent.delete(old);
      if (this.#due <= this.#added - this.#capacity) {
        this.#due = this.#added - this.#capacity + 1;
        if (data[meta + 2] === 0) this.lost++;
      }
    }
    const hash = hashString(entity);
    data[meta] = hash % 65_536;
    data[meta + 1] = Math.floor(hash / 65_536);
    data[meta + 2] = 0;
    data[meta + 3] = weight;
    data[meta + 4] = logit;
    const { size } = this.slab.layout[1]!;
    const to = this.#at(VECTOR, slot);
    for (let i = 0; i < size; i++) data[to + i] = vectors[at + i]!;
    this.slab.times[slot] = seconds;
    this.#byEvent?.set(eventKey(hash, seconds), slot);
    this.#added++;
  }

  /** The row of an event, or -1. */
  find(entity: string, seconds: number): number {
    this.#byEvent ??= this.#events();
    const slot = this.#byEvent.get(eventKey(hashString(entity), seconds)) ?? -1;
    return slot >= 0 && this.slab.times[slot] === seconds ? slot : -1;
  }

  /** The next row whose event lies before `seconds`, or -1; each is given once. */
  nextDue(seconds: number): number {
    if (this.#due >= this.#added) return -1;
    const slot = this.#slotAt(this.#due % this.#capacity);
    if (!(this.slab.times[slot]! < seconds)) return -1;
    this.#due++;
    return slot;
  }

  held(slot: number): Held {
    return STATES[this.slab.data[this.#at(META, slot) + 2]!]!;
  }

  settle(slot: number, to: Held): void {
    this.slab.touch(slot);
    this.slab.data[this.#at(META, slot) + 2] = STATES.indexOf(to);
  }

  weight(slot: number): number {
    return this.slab.data[this.#at(META, slot) + 3]!;
  }

  /** log odds that the event was given when it was scored */
  logit(slot: number): number {
    return this.slab.data[this.#at(META, slot) + 4]!;
  }

  /** where the row's vector begins in slab.data */
  vectorAt(slot: number): number {
    return this.#at(VECTOR, slot);
  }

  #at(block: string, slot: number): number {
    return slot * this.slab.stride + (block === META ? 0 : META_SIZE);
  }

  /** The slot of a place in the ring, -1 while it has none. */
  #slotAt(index: number): number {
    const known = this.#slots[index]!;
    if (known >= 0) return known;
    const slot = this.slab.find(String(index));
    this.#slots[index] = slot;
    return slot;
  }

  /** The slot of a place in the ring, marked as changed. There is one for each, so none is ever evicted. */
  #row(index: number): number {
    const known = this.#slotAt(index);
    if (known >= 0) {
      this.slab.touch(known);
      return known;
    }
    this.#slots[index] = this.slab.slotOf(String(index), () => undefined);
    return this.#slots[index]!;
  }

  #keyOf(slot: number): number {
    const { data } = this.slab;
    const meta = this.#at(META, slot);
    return eventKey(data[meta]! + data[meta + 1]! * 65_536, this.slab.times[slot]!);
  }

  /** In the order they came in, so that of two events alike the later one is found. */
  #events(): Map<number, number> {
    const events = new Map<number, number>();
    for (let n = Math.max(0, this.#added - this.#capacity); n < this.#added; n++) {
      const slot = this.#slotAt(n % this.#capacity);
      if (slot >= 0) events.set(this.#keyOf(slot), slot);
    }
    return events;
  }

  /** Lays what is not in rows into the slab. */
  flush(): void {
    const meta = this.#at(
      META,
      this.slab.slotOf(HEAD, () => undefined),
    );
    const { data } = this.slab;
    data[meta] = this.#added % 1_048_576;
    data[meta + 1] = Math.floor(this.#added / 1_048_576);
    data[meta + 2] = this.#added - this.#due;
    data[meta + 3] = this.lost;
  }

  /** After the slab was filled from a checkpoint. */
  load(): void {
    const head = this.slab.find(HEAD);
    if (head < 0) return;
    const { data } = this.slab;
    const meta = this.#at(META, head);
    this.#added = data[meta]! + data[meta + 1]! * 1_048_576;
    this.#due = this.#added - data[meta + 2]!;
    this.lost = data[meta + 3]!;
    this.#byEvent = undefined;
    this.#slots.fill(-1);
  }
}

/** Entity and time to the millisecond in one number below 2^52; two events in 17 minutes of entities with equal hash are one. */
function eventKey(hash: number, seconds: number): number {
  return hash * 1_048_576 + (Math.round(seconds * 1000) % 1_048_576);
}
