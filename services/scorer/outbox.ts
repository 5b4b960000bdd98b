/**
 * Sends under way, so that a checkpoint can wait until all before it are acked. The first failure is kept and
 * thrown by every later call: what comes after it must not be committed.
 */
export class Outbox {
  readonly #most: number;
  readonly #pending = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  /** @param most sends under way before `room` waits */
  constructor(most: number) {
    this.#most = most;
  }

  add(send: Promise<unknown>): void {
    const settled: Promise<void> = send.then(
      () => {
        this.#pending.delete(settled);
      },
      (error: unknown) => {
        this.#pending.delete(settled);
        this.#failure ??= { error };
      },
    );
    this.#pending.add(settled);
  }

  /** Resolves when there is room for one more send. Throws what a send has failed with. */
  async room(): Promise<void> {
    while (this.#pending.size >= this.#most) await Promise.race(this.#pending);
    this.#throwIfFailed();
  }

  /** Resolves when all sends so far are acked. Throws what a send has failed with. */
  async acked(): Promise<void> {
    await Promise.all(this.#pending);
    this.#throwIfFailed();
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
