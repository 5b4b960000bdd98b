import { setTimeout as sleep } from 'node:timers/promises';

export interface OwnershipOptions<S> {
  /** reads what belongs to a partition that became ours */
  open(partition: number, signal: AbortSignal): Promise<S>;
  /** lets go of a partition that is no longer ours, or is about to be opened anew */
  close(partition: number): void;
  onFault(partition: number, error: unknown): void;
}

interface Held<S> {
  state: S | undefined;
  opening: Promise<S | undefined>;
  abort: AbortController;
}

const RETRY_MS = 1_000;
const HEARTBEAT_MS = 1_000;

/**
 * Which partitions are ours, and what we hold of each. Kafka's client has no callback for a revocation: what is lost
 * shows in the next assignment, and until then a late write is harmless because ids are derived.
 */
export class Ownership<S> {
  readonly #held = new Map<number, Held<S>>();
  #memberId: string | undefined;

  constructor(private readonly options: OwnershipOptions<S>) {}

  /**
   * The whole new assignment: closes what was lost, opens what was gained, leaves what stayed. A new member id means
   * that the group went on without us for a while, so what we hold may be behind and is read again.
   */
  assign(partitions: readonly number[], memberId: string): void {
    const wanted = new Set(partitions);
    const missedSome = memberId !== this.#memberId;
    this.#memberId = memberId;
    for (const partition of [...this.#held.keys()])
      if (missedSome || !wanted.has(partition)) this.#close(partition);
    for (const partition of wanted) if (!this.#held.has(partition)) this.#open(partition);
  }

  /** Reads a partition of ours again. */
  reopen(partition: number): void {
    if (!this.#held.has(partition)) return;
    this.#close(partition);
    this.#open(partition);
  }

  has(partition: number): boolean {
    return this.#held.has(partition);
  }

  /** Is this still what we hold of the partition? Not when it was lost or opened anew since. */
  holds(partition: number, state: S): boolean {
    return this.#held.get(partition)?.state === state;
  }

  /** true when nothing is being opened */
  get settled(): boolean {
    return [...this.#held.values()].every((one) => one.state !== undefined);
  }

  /** What is open now. */
  all(): S[] {
    return [...this.#held.values()].flatMap((one) => (one.state === undefined ? [] : [one.state]));
  }

  /** The state of a partition once it is open, undefined if it isn't ours. `beat` is called while waiting. */
  async opened(partition: number, beat: () => Promise<void>): Promise<S | undefined> {
    const held = this.#held.get(partition);
    if (!held) return undefined;
    while (held.state === undefined && !held.abort.signal.aborted) {
      const pause = new AbortController();
      await Promise.race([
        held.opening,
        sleep(HEARTBEAT_MS, undefined, { signal: pause.signal }).catch(() => {}),
      ]);
      pause.abort();
      await beat();
    }
    return this.#held.get(partition) === held ? held.state : undefined;
  }

  #open(partition: number): void {
    const abort = new AbortController();
    const held: Held<S> = { state: undefined, abort, opening: Promise.resolve(undefined) };
    this.#held.set(partition, held);
    held.opening = this.#tryOpen(partition, held);
  }

  async #tryOpen(partition: number, held: Held<S>): Promise<S | undefined> {
    const { signal } = held.abort;
    while (!signal.aborted) {
      try {
        const state = await this.options.open(partition, signal);
        if (signal.aborted) break;
        held.state = state;
        return state;
      } catch (error) {
        if (signal.aborted) break;
        this.options.onFault(partition, error);
        await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
    // Lost while it was being opened, perhaps after parts of it had been read.
    if (!this.#held.has(partition)) this.options.close(partition);
    return undefined;
  }

  #close(partition: number): void {
    this.#held.get(partition)?.abort.abort();
    this.#held.delete(partition);
    this.options.close(partition);
  }
}
