import { randomBytes } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { FORMATS, type Rendered, render } from '../../alerting/formats/format.js';
import { CHANGE_KINDS } from '../../alerting/incidents.js';
import { SEVERITIES } from '../../alerting/severity.js';
import { SECRET_BYTES, showSecret, webhookHeaders } from '../../alerting/signature.js';
import type { SecretBox } from './secret-box.js';

/** An endpoint as it is kept in the control topic. */
export const Endpoint = Type.Object({
  id: Type.String(),
  name: Type.String(),
  url: Type.String(),
  pipelines: Type.Array(Type.String()),
  domains: Type.Array(Type.String()),
  minSeverity: Type.Enum([...SEVERITIES]),
  events: Type.Array(Type.Enum([...CHANGE_KINDS])),
  state: Type.Enum(['enabled', 'disabled']),
  /** why it is disabled */
  stateReason: Type.String(),
  /** newest first; those past `until` don't sign any more */
  secrets: Type.Array(
    Type.Object({
      sealed: Type.String(),
      createdAt: Type.Number(),
      until: Type.Union([Type.Number(), Type.Null()]),
    }),
  ),
  createdAt: Type.Number(),
  createdBy: Type.String(),
  /** how it is told: signed JSON by Standard Webhooks, or what a chat or paging service takes */
  format: Type.Optional(Type.Enum([...FORMATS])),
  /** sealed: the key of a paging service, or the signing secret of a chat robot */
  credential: Type.Optional(Type.String()),
  template: Type.Optional(Type.String()),
  language: Type.Optional(Type.String()),
  /** when a person enabled it last, if it was disabled before */
  enabledAt: Type.Optional(Type.Number()),
  /** hears of what concerns the alert side itself, such as an endpoint that was disabled */
  operator: Type.Optional(Type.Boolean()),
  /** requests at once, and webhooks a minute; the service's own where they are left out */
  concurrency: Type.Optional(Type.Integer({ minimum: 1 })),
  ratePerMinute: Type.Optional(Type.Integer({ minimum: 1 })),
});
export type Endpoint = Static<typeof Endpoint>;

/** Standard Webhooks asks for no more than a few; two are what a rotation needs. */
export const MOST_SECRETS = 2;

export function newEndpointId(): string {
  return `ep_${randomBytes(10).toString('hex')}`;
}

/** A new signing secret: what is stored, and what is shown once. */
export function newSecret(
  endpointId: string,
  box: SecretBox,
  now: number,
): { shown: string; stored: Endpoint['secrets'][number] } {
  const bytes = randomBytes(SECRET_BYTES);
  return {
    shown: showSecret(bytes),
    stored: { sealed: box.seal(bytes, endpointId), createdAt: now, until: null },
  };
}

/** Puts a new secret first and lets the one before sign along until `overlapMs` from now. */
export function rotate(
  endpoint: Endpoint,
  stored: Endpoint['secrets'][number],
  now: number,
  overlapMs: number,
): Endpoint {
  const former = activeSecrets(endpoint, now).slice(0, MOST_SECRETS - 1);
  return { ...endpoint, secrets: [stored, ...former.map((one) => ({ ...one, until: now + overlapMs }))] };
}

export function activeSecrets(endpoint: Endpoint, now: number): Endpoint['secrets'] {
  return endpoint.secrets.filter((one) => one.until === null || one.until > now);
}

/** The headers of one attempt, signed with every active secret. Throws SecretBoxError when one can't be opened. */
export function signedHeaders(
  endpoint: Endpoint,
  box: SecretBox,
  webhookId: string,
  now: number,
  body: Buffer,
): Record<string, string> {
  const secrets = activeSecrets(endpoint, now).map((one) => box.open(one.sealed, endpoint.id));
  return webhookHeaders(secrets, webhookId, now, body);
}

/** One attempt's request: the stored bytes signed, or what they say in the format of the endpoint's service. */
export function requestFor(
  endpoint: Endpoint,
  box: SecretBox,
  webhookId: string,
  now: number,
  body: Buffer,
): Rendered {
  const { format = 'standard', url, template = '', language = 'en' } = endpoint;
  if (format === 'standard')
    return { url, headers: signedHeaders(endpoint, box, webhookId, now, body), body };
  const credential = endpoint.credential ? box.open(endpoint.credential, endpoint.id).toString() : '';
  return render({ format, url, credential, template, language, id: webhookId, body, now });
}
