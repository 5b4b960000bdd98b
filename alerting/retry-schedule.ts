/**
 * When a failed delivery is tried again. The waits are those of the Standard Webhooks specification
 * (https://github.com/standard-webhooks/standard-webhooks, "Deliverability and reliability"): ten tries in
 * about 75 hours.
 */
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export const STANDARD_WAITS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** Waits vary by this share in both directions, so that what failed together doesn't come back together. */
export const JITTER = 0.2;

/** A receiver may ask for more time than the schedule gives, but not for ever. */
export const MOST_RETRY_AFTER = 24 * HOUR;

/**
 * Milliseconds until the next try after `attempts` failed ones (>= 1), or undefined when there is none left.
 * `random` is a number in 0..1; `retryAfter` is what the receiver asked for, in milliseconds.
 */
export function waitAfter(
  attempts: number,
  random: number,
  retryAfter = 0,
  waits: readonly number[] = STANDARD_WAITS,
): number | undefined {
  const wait = waits[attempts - 1];
  if (wait === undefined) return undefined;
  const jittered = wait * (1 + JITTER * (2 * random - 1));
  return Math.round(Math.max(jittered, Math.min(retryAfter, MOST_RETRY_AFTER)));
}

/** Retry-After (RFC 9110 10.2.3) in milliseconds from `now`; 0 when there is none or it can't be read. */
export function parseRetryAfter(header: string | undefined, now: number): number {
  if (header === undefined) return 0;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * SECOND;
  const at = Date.parse(text);
  return Number.isNaN(at) ? 0 : Math.max(0, at - now);
}
