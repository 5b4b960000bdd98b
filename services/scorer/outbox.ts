/**
 * Sends of one partition, one after the other, so that the risks of an entity are in their topic in the order of
 * its events: whoever reads them tells by that what it has seen already. A checkpoint waits until all before it are
 * acked. The first failure is kept and thrown by every later call: what comes after it must not be committed.
 */
export class Outbox {
  readonly #most: number;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;

  /** @param most sends not yet acked before `room` waits */
  constructor(most: number) {
    this.#most = most;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Sends once all before it are acked; not at all after a failure. */
  add(send: () => Promise<unknown>): void {
    this.#waiting++;
    this.#last = this.#last.then(async () => {
      try {
        if (this.#failure === undefined) await send();
      } catch (error) {
        this.#failure = { error };
      } finally {
        this.#waiting--;
      }
    });
  }

  /** Resolves when there is room for one more send. Throws what a send has failed with. */
  async room(): Promise<void> {
    if (this.#waiting >= this.#most) await this.#last;
    this.#throwIfFailed();
  }

  /** Resolves when all sends so far are acked. Throws what a send has failed with. */
  async acked(): Promise<void> {
    await this.#last;
    this.#throwIfFailed();
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
