import { endpointDisabledPayload } from '../../alerting/payload.js';
import { deliveryId } from '../../lib/ids.js';
import { NEW_DELIVERY, type PlacedDelivery } from './delivery.js';
import type { Endpoint } from './endpoints.js';

/**
 * What the operators' endpoints are told when another one is disabled. The ids follow from the endpoint and its last
 * change by a person, so two replicas that disable it at once tell the same thing.
 */
export function disabledNotices(
  endpoint: Endpoint,
  reason: string,
  all: readonly Endpoint[],
  partition: number,
  now: number,
): PlacedDelivery[] {
  const body = endpointDisabledPayload(endpoint, reason, now);
  const subject = `endpoint/${endpoint.id}/${endpoint.enabledAt ?? endpoint.createdAt}`;
  return all
    .filter((one) => one.operator === true && one.state === 'enabled' && one.id !== endpoint.id)
    .map((one) => ({
      partition,
      delivery: {
        ...NEW_DELIVERY,
        id: deliveryId(subject, 0, one.id),
        incident: subject,
        change: 0,
        endpoint: one.id,
        pipeline: '',
        domain: '',
        createdAt: now,
        updatedAt: now,
        nextAttemptAt: now,
        body,
        event: 'disabled',
      },
    }));
}
