import type { WebhookResult } from '../../lib/webhook-http.js';

export type DeliveryState = 'pending' | 'succeeded' | 'parked' | 'dropped';

/** The record of riskwire.deliveries; schemas/delivery.avsc documents its fields. */
export interface Delivery {
  id: string;
  incident: string;
  change: number;
  endpoint: string;
  pipeline: string;
  domain: string;
  state: DeliveryState;
  attempts: number;
  createdAt: number;
  updatedAt: number;
  nextAttemptAt: number;
  lastStatus: number;
  lastError: string;
  durationMs: number;
  body: Buffer;
  event: string;
  severity: string;
  expiresAt: number;
  round: number;
}

/** Of a delivery that was never tried. */
export const NEW_DELIVERY = {
  state: 'pending',
  attempts: 0,
  lastStatus: 0,
  lastError: '',
  durationMs: 0,
  event: '',
  severity: '',
  expiresAt: 0,
  round: 0,
} as const;

/** A delivery and the partition that it, its incident and its risks are in. */
export interface PlacedDelivery {
  partition: number;
  delivery: Delivery;
}

export type Verdict = 'succeeded' | 'failed' | 'gone';

/** What an attempt means for its delivery. Only a 2xx is a success; a redirect is not followed and none. */
export function verdictOf(result: WebhookResult): Verdict {
  if (result.kind === 'failure') return 'failed';
  if (result.status >= 200 && result.status < 300) return 'succeeded';
  return result.status === 410 ? 'gone' : 'failed';
}

/**
 * What an attempt says of the endpoint's health. An answer such as 404 or 400 is about this request and comes from
 * a server that is up; 408 and 429 ask to be left alone for a while, like a 5xx.
 */
export function isUnhealthy(result: WebhookResult): boolean {
  return result.kind === 'failure' || result.status >= 500 || result.status === 408 || result.status === 429;
}

/** What went wrong in one line, for the record. */
export function errorOf(result: WebhookResult): string {
  if (result.kind === 'failure') return `${result.code}: ${result.message}`.slice(0, 500);
  if (result.status >= 200 && result.status < 300) return '';
  const said = result.body.trim().slice(0, 200);
  const hint =
    result.status >= 300 && result.status < 400
      ? ' (redirects are not followed: set the endpoint to the final address)'
      : '';
  return `status ${result.status}${hint}${said ? `: ${said}` : ''}`;
}

const NO_BODY = Buffer.alloc(0);

/** A delivery as it is recorded: one that succeeded needs its body no more, the others can be sent again with it. */
export function settled(delivery: Delivery): Delivery {
  return delivery.state === 'succeeded' ? { ...delivery, body: NO_BODY } : delivery;
}
