import CircuitBreaker from 'opossum';

export type BreakerState = 'closed' | 'half-open' | 'open';

export interface BreakerOptions<T> {
  name: string;
  /** results that count against the health of what is called; a rejected call always does */
  isFailure?: (result: T) => boolean;
  /** it opens when more than this share of recent calls failed. Default 50 % */
  errorPercentage?: number;
  /** …of at least this many. Default 5 */
  minimumCalls?: number;
  /** what recent means. Default 60 s */
  windowMs?: number;
  /** how long it stays open until one call may try again. Default 30 s */
  resetMs?: number;
  onChange?: (state: BreakerState) => void;
}

/** The call was not made because the breaker is open, or half-open with its one trial under way. */
export class BreakerOpenError extends Error {
  readonly code = 'RISKWIRE_BREAKER_OPEN';
  constructor(name: string) {
    super(`${name} failed too often lately; it is not called for a while`);
  }
}

export interface Breaker<T> {
  readonly state: BreakerState;
  /** true when a call would be made now */
  readonly ready: boolean;
  /** Makes the call, or rejects with BreakerOpenError without making it. A result that isFailure says is one is still returned. */
  call(action: () => Promise<T>): Promise<T>;
  stop(): void;
}

/** A failure that is a value inside and an error only on its way through opossum. */
class FailedResult extends Error {
  constructor(readonly result: unknown) {
    super('failed');
  }
}

/**
 * A circuit breaker over opossum. It has no timeout of its own: calls bring theirs, and an abandoned call would
 * go on unseen. When half-open, opossum lets exactly one call through.
 */
export function createBreaker<T>(options: BreakerOptions<T>): Breaker<T> {
  const {
    name,
    isFailure = () => false,
    errorPercentage = 50,
    minimumCalls = 5,
    windowMs = 60_000,
    resetMs = 30_000,
    onChange,
  } = options;
  const circuit = new CircuitBreaker<[() => Promise<T>], T>(
    async (action) => {
      const result = await action();
      if (isFailure(result)) throw new FailedResult(result);
      return result;
    },
    {
      name,
      timeout: false,
      errorThresholdPercentage: errorPercentage,
      volumeThreshold: minimumCalls,
      rollingCountTimeout: windowMs,
      rollingCountBuckets: 10,
      resetTimeout: resetMs,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
    },
  );
  const state = (): BreakerState => (circuit.opened ? 'open' : circuit.halfOpen ? 'half-open' : 'closed');
  if (onChange)
    for (const event of ['open', 'halfOpen', 'close'] as const)
      circuit.on(event as 'open', () => onChange(state()));

  return {
    get state() {
      return state();
    },
    get ready() {
      return circuit.closed || (circuit.halfOpen && circuit.pendingClose);
    },
    async call(action) {
      try {
        return await circuit.fire(action);
      } catch (error) {
        if (error instanceof FailedResult) return error.result as T;
        if (error instanceof Error && 'code' in error && error.code === 'EOPENBREAKER')
          throw new BreakerOpenError(name);
        throw error;
      }
    },
    stop() {
      circuit.shutdown();
    },
  };
}
