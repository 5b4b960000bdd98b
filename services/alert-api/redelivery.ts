import type { ChangeKind, Incident } from '../../alerting/incidents.js';
import { incidentPayload } from '../../alerting/payload.js';
import type { Delivery, DeliveryState } from './delivery.js';

/** Which deliveries of a partition are to be sent again. What is left out selects all. */
export interface Redelivery {
  delivery?: string;
  endpoint?: string;
  /** when they were made, epoch ms; `to` isn't included */
  from?: number;
  to?: number;
  states?: DeliveryState[];
}

/**
 * The selected deliveries as new ones: pending, with all their tries, under the same webhook-id. One that succeeded was
 * stored without its body; it tells of the same change, with the incident as it is now. `round` marks the command, so
 * that one that is read again changes nothing.
 */
export function redeliver(
  deliveries: Iterable<Delivery>,
  select: Redelivery,
  round: number,
  now: number,
  incident: (id: string) => Incident | undefined,
  publicUrl: string,
): Delivery[] {
  const found: Delivery[] = [];
  for (const one of deliveries) {
    if (!selects(select, one) || one.state === 'pending' || one.round >= round) continue;
    const about = incident(one.incident);
    const body =
      one.body.length > 0 || !about
        ? one.body
        : incidentPayload(
            { ...about, change: one.change, changeKind: (one.event || about.changeKind) as ChangeKind },
            publicUrl,
          );
    if (body.length === 0) continue; // the incident is past its retention
    found.push({
      ...one,
      state: 'pending',
      attempts: 0,
      updatedAt: now,
      nextAttemptAt: now,
      lastStatus: 0,
      lastError: '',
      durationMs: 0,
      body,
      expiresAt: 0, // somebody wants it, however old it is
      round,
    });
  }
  return found;
}

function selects(select: Redelivery, one: Delivery): boolean {
  return (
    (select.delivery === undefined || select.delivery === one.id) &&
    (select.endpoint === undefined || select.endpoint === one.endpoint) &&
    (select.from === undefined || one.createdAt >= select.from) &&
    (select.to === undefined || one.createdAt < select.to) &&
    (select.states === undefined || select.states.includes(one.state))
  );
}
