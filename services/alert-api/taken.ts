import { refusalIn } from '../../alerting/formats/format.js';
import type { WebhookResult } from '../../lib/webhook-http.js';
import { verdictOf } from './delivery.js';
import type { Endpoint } from './endpoints.js';

/** A 200 in whose body the service says that it refuses is a failure. */
export function asTaken(endpoint: Pick<Endpoint, 'format'>, result: WebhookResult): WebhookResult {
  if (result.kind !== 'answer' || verdictOf(result) !== 'succeeded') return result;
  const refusal = refusalIn(endpoint.format ?? 'standard', result.body);
  return refusal === undefined
    ? result
    : {
        kind: 'failure',
        code: 'protocol',
        message: `the service refused it: ${refusal}`,
        durationMs: result.durationMs,
      };
}
