import type { Severity } from './severity.js';

/** How long after its change a webhook is worth sending, by severity; 0: as long as there are tries left. */
export type MaxAges = Readonly<Record<Severity, number>>;

const HOUR = 3_600_000;
/** An alarm of last week is noise to whoever gets it today; a critical one must be known of nevertheless. */
export const DEFAULT_MAX_AGES: MaxAges = { low: 6 * HOUR, medium: 24 * HOUR, high: 72 * HOUR, critical: 0 };

export function expiryOf(severity: Severity, createdAt: number, ages: MaxAges): number {
  const age = ages[severity];
  return age === 0 ? 0 : createdAt + age;
}

/** What an endpoint may be sent in a minute; what goes beyond waits and is told of in digests. */
export const DEFAULT_RATE_PER_MINUTE = 60;

/** An endpoint that did nothing but fail for so long is disabled. */
export const DISABLE_AFTER_MS = 5 * 24 * HOUR;
/** Failures one after the other that make an endpoint one that fails; fewer are a hiccup. */
export const FAILURES_IN_A_ROW = 10;

export interface EndpointHealth {
  failingSince: number;
}

export type HealthStep =
  | { kind: 'nothing' }
  | { kind: 'recovered' }
  | { kind: 'failing'; health: EndpointHealth }
  | { kind: 'disable'; failingSince: number };

/** What one more attempt says of an endpoint. `inARow` counts the failures up to and with this one, 0 after a success. */
export function healthAfter(
  health: EndpointHealth | undefined,
  inARow: number,
  now: number,
  disableAfterMs: number = DISABLE_AFTER_MS,
): HealthStep {
  if (inARow === 0) return health ? { kind: 'recovered' } : { kind: 'nothing' };
  if (!health)
    return inARow >= FAILURES_IN_A_ROW
      ? { kind: 'failing', health: { failingSince: now } }
      : { kind: 'nothing' };
  return now - health.failingSince >= disableAfterMs
    ? { kind: 'disable', failingSince: health.failingSince }
    : { kind: 'nothing' };
}

/** A token bucket that holds a minute's worth. It is in storm from when it is empty until it is half full again. */
export class RateLimit {
  #tokens: number;
  #at: number;
  #storm = false;

  constructor(
    private readonly perMinute: () => number,
    now: number,
  ) {
    this.#tokens = perMinute();
    this.#at = now;
  }

  get storm(): boolean {
    return this.#storm;
  }

  /** 0 when one may be sent now, which is then counted; else the milliseconds until the next may. */
  take(now: number): number {
    const rate = this.perMinute();
    this.#tokens = Math.min(rate, this.#tokens + (Math.max(0, now - this.#at) * rate) / 60_000);
    this.#at = now;
    if (this.#tokens >= rate / 2) this.#storm = false;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    this.#storm = true;
    return Math.max(1, Math.ceil(((1 - this.#tokens) * 60_000) / rate));
  }
}
