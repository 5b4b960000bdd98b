import { setTimeout as sleep } from 'node:timers/promises';

export interface RetryOptions {
  /** the whole time that may be spent, attempts included, in ms */
  timeoutMs: number;
  /** the first wait, in ms; it doubles up to maxDelayMs. Default 100 */
  initialDelayMs?: number;
  /** default 2,000 ms */
  maxDelayMs?: number;
  /** false for errors that no retry can mend. Default: every error is retried */
  retryable?: (error: unknown) => boolean;
  /** called before each wait */
  onRetry?: (error: unknown, attempt: number, delayMs: number) => void;
  signal?: AbortSignal;
}

/** The time ran out. `cause` is the last attempt's error. */
export class RetryTimeout extends Error {
  override readonly name = 'RetryTimeout';
  constructor(
    readonly attempts: number,
    readonly timeoutMs: number,
    cause: unknown,
  ) {
    super(`gave up after ${attempts} attempts in ${timeoutMs} ms: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Calls `attempt` until it succeeds, the time runs out (RetryTimeout), an error is not retryable (that error) or the
 * signal aborts (its reason). Waits are jittered between half and the whole, so that replicas don't knock in step.
 */
export async function retry<T>(
  attempt: (attemptNumber: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { timeoutMs, initialDelayMs = 100, maxDelayMs = 2_000, retryable = () => true, signal } = options;
  const deadline = Date.now() + timeoutMs;
  for (let number = 1; ; number += 1) {
    signal?.throwIfAborted();
    try {
      return await attempt(number);
    } catch (error) {
      signal?.throwIfAborted();
      if (!retryable(error)) throw error;
      const full = Math.min(maxDelayMs, initialDelayMs * 2 ** Math.min(number - 1, 30));
      const delay = Math.round(full * (0.5 + Math.random() / 2));
      if (Date.now() + delay >= deadline) throw new RetryTimeout(number, timeoutMs, error);
      options.onRetry?.(error, number, delay);
      await sleep(delay, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

/** A promise that fails with the error of `late` when `work` takes longer. The work itself goes on: it can't be stopped from here. */
export async function within<T>(work: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), timeoutMs);
  });
  try {
    return await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** One line about an unknown error, for messages. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.map(reasonOf).join('; ');
  if (error instanceof Error) return error.message || error.name;
  return String(error);
}
