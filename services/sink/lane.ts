import { Batch, type Origin } from './batch.js';

export interface LaneLimits {
  /** a batch is closed at so many rows … */
  batchRows: number;
  /** … or bytes … */
  batchBytes: number;
  /** … or when its first record has waited so long, in ms */
  maxAgeMs: number;
  /** read no more while so many bytes wait or are being inserted */
  bufferBytes: number;
}

export interface LaneOptions extends LaneLimits {
  /** settles one batch; rejects only when the lane is to end */
  settle: (batch: Batch) => Promise<void>;
  /** there is room again after `isFull` was seen */
  onRoom: () => void;
  now?: () => number;
}

/**
 * One table's way into ClickHouse: records are added in their order, batches are settled one at a time in that order.
 * A lane that stands still (its table is missing, say) holds up no other.
 *
 * Memory: at most bufferBytes and one record's rows, since the reader stops at the record that fills the lane.
 */
export class Lane {
  /** rejects with what `settle` rejected with; resolves after `close` when all is settled */
  readonly done: Promise<void>;
  #open: Batch | undefined;
  readonly #closed: Batch[] = [];
  #heldBytes = 0;
  #ending = false;
  #wake: () => void = () => {};
  readonly #now: () => number;

  constructor(private readonly options: LaneOptions) {
    this.#now = options.now ?? Date.now;
    this.done = this.#run();
  }

  get isFull(): boolean {
    return this.#heldBytes >= this.options.bufferBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  add(generation: number, origin: Origin, rows: readonly string[]): void {
    this.#put(generation, (batch) => batch.add(origin, rows));
  }

  addUnread(generation: number, origin: Origin, error: unknown): void {
    this.#put(generation, (batch) => batch.addUnread(origin, error));
  }

  skip(generation: number, origin: Origin): void {
    this.#put(generation, (batch) => batch.skip(origin));
  }

  /** Settles what waits, at once, and ends. */
  close(): void {
    this.#ending = true;
    this.#wake();
  }

  #put(generation: number, change: (batch: Batch) => void): void {
    if (this.#open && this.#open.generation !== generation) this.#closeBatch();
    this.#open ??= new Batch(generation, this.#now());
    const batch = this.#open;
    const before = batch.bytes;
    change(batch);
    this.#heldBytes += batch.bytes - before;
    if (batch.rows.length >= this.options.batchRows || batch.bytes >= this.options.batchBytes)
      this.#closeBatch();
    this.#wake();
  }

  #closeBatch(): void {
    if (this.#open) this.#closed.push(this.#open);
    this.#open = undefined;
  }

  async #run(): Promise<void> {
    for (;;) {
      const batch = await this.#nextBatch();
      if (!batch) return;
      await this.options.settle(batch);
      const wasFull = this.isFull;
      this.#heldBytes -= batch.bytes;
      if (wasFull && !this.isFull) this.options.onRoom();
    }
  }

  /** The oldest closed batch, or the open one when it is old enough; undefined when the lane ends. */
  async #nextBatch(): Promise<Batch | undefined> {
    for (;;) {
      const age = this.#open ? this.#now() - this.#open.openedAt : 0;
      if (this.#open && (this.#ending || age >= this.options.maxAgeMs)) this.#closeBatch();
      const batch = this.#closed.shift();
      if (batch) return batch;
      if (this.#ending) return undefined;
      await this.#woken(this.#open ? this.options.maxAgeMs - age : undefined);
    }
  }

  #woken(afterMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = afterMs === undefined ? undefined : setTimeout(resolve, afterMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
