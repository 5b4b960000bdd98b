import { expiryOf, type MaxAges } from '../../alerting/delivery-rules.js';
import type { Incident } from '../../alerting/incidents.js';
import { incidentPayload } from '../../alerting/payload.js';
import { decide, type Policy, type Subscriber } from '../../alerting/routing.js';
import { deliveryId } from '../../lib/ids.js';
import { type Delivery, NEW_DELIVERY, type PlacedDelivery } from './delivery.js';

export interface AnnounceDeps {
  /** endpoints that are enabled */
  endpoints(): readonly (Subscriber & { createdAt: number })[];
  policy(): Policy;
  publicUrl: string;
  /** how long a change is worth telling, by severity */
  maxAges: MaxAges;
  now(): number;
}

/** Changes that only those need to hear of who heard of the incident before. */
const FOLLOWING = ['closed', 'acknowledged', 'falseAlarm'];

/**
 * The deliveries of a change: one to each endpoint that is to hear of it and has none of it yet. What is held back is
 * on record too, as dropped with the reason, so that "why was I not paged?" has an answer.
 */
export function deliveriesOf(
  incident: Incident,
  partition: number,
  deps: AnnounceDeps,
  sent: (deliveryId: string) => Delivery | undefined,
  options: { covered?: boolean; onlyEndpointsBefore?: number } = {},
): PlacedDelivery[] {
  const now = deps.now();
  const { changeKind } = incident;
  const follows = FOLLOWING.includes(changeKind);
  // A parent stands for it: it is told of no more, except its end to those who heard of its beginning.
  if (options.covered && !follows) return [];
  const endpoints = deps
    .endpoints()
    .filter(
      (one) => options.onlyEndpointsBefore === undefined || one.createdAt <= options.onlyEndpointsBefore,
    );
  const { tell, held } = decide(incident, changeKind, now, deps.policy(), endpoints);
  let body: Buffer | undefined;
  return tell
    .map((one) => ({ ...one, id: deliveryId(incident.id, incident.change, one.endpoint) }))
    .filter(({ id, endpoint }) => {
      if (sent(id) !== undefined) return false;
      if (!options.covered) return true;
      const beginning = sent(deliveryId(incident.id, 1, endpoint));
      return beginning !== undefined && beginning.state !== 'dropped';
    })
    .map(({ id, endpoint, notBefore }) => {
      body ??= incidentPayload(incident, deps.publicUrl);
      return {
        partition,
        delivery: {
          ...NEW_DELIVERY,
          id,
          incident: incident.id,
          change: incident.change,
          endpoint,
          pipeline: incident.pipeline,
          domain: incident.domain,
          createdAt: now,
          updatedAt: now,
          nextAttemptAt: notBefore,
          body,
          event: changeKind,
          severity: incident.severity,
          expiresAt: expiryOf(incident.severity, Math.max(now, notBefore), deps.maxAges),
          ...(held === undefined ? {} : { state: 'dropped' as const, lastError: `held back by ${held}` }),
        },
      };
    });
}
