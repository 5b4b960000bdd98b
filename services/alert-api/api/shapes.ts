import Type, { type TSchema } from 'typebox';
import { FORMATS } from '../../../alerting/formats/format.js';
import { incidentOf } from '../../../alerting/incident-example.js';
import { CHANGE_KINDS, INCIDENT_STATES, type Incident } from '../../../alerting/incidents.js';
import { INCIDENT_KINDS } from '../../../alerting/matching.js';
import { SEVERITIES } from '../../../alerting/severity.js';
import type { BreakerState } from '../../../lib/breaker.js';
import { ROLES } from '../api-keys.js';
import type { Delivery } from '../delivery.js';
import { activeSecrets, type Endpoint } from '../endpoints.js';
import * as examples from './examples.js';
import { PROBLEMS, Problem } from './problems.js';

/** What the API takes and gives: one schema each for the check, the type and the OpenAPI document. */
export const Severity = Type.Enum([...SEVERITIES]);
export const ChangeKind = Type.Enum([...CHANGE_KINDS]);
export const IncidentState = Type.Enum([...INCIDENT_STATES]);
export const DeliveryState = Type.Enum(['pending', 'succeeded', 'parked', 'dropped']);
export const Role = Type.Enum([...ROLES]);
const Time = Type.String({ format: 'date-time' });
const OrNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const Reason = Type.Object({
  feature: Type.String(),
  field: Type.String(),
  detector: Type.String(),
  observed: OrNull(Type.Number()),
  expected: OrNull(Type.Number()),
  unit: Type.String(),
  direction: Type.String(),
  share: Type.Number(),
});
const Texts = Type.Record(Type.String(), Type.String());

export const IncidentShape = Type.Object(
  {
    id: Type.String(),
    pipeline: Type.String(),
    domain: Type.String(),
    entity: Type.String(),
    state: IncidentState,
    severity: Severity,
    change: Type.Integer(),
    changeKind: ChangeKind,
    changedAt: Time,
    changedBy: Type.String(),
    note: Type.String(),
    openedAt: Time,
    lastRiskAt: Time,
    timeZone: Type.String(),
    risks: Type.Integer(),
    maxScore: Type.Number(),
    firstRiskId: Type.String(),
    lastRiskId: Type.String(),
    reasons: Type.Array(Reason),
    sentences: Texts,
    context: Texts,
    model: Type.String(),
    kind: Type.Enum([...INCIDENT_KINDS], {
      description:
        'a parent stands for related incidents of one domain and reason; stream: a stream itself has a fault, such as a schema that can’t be read',
    }),
    reason: Type.String(),
    parent: OrNull(Type.String({ description: 'the parent that stands for it' })),
    members: Type.Integer({ description: 'how many incidents a parent stands for' }),
    labels: Type.Array(Type.String()),
    verdict: Type.String({ description: '"confirmed" when a person said that it was right' }),
    escalations: Type.Integer({ description: 'how often it was told of because nobody acknowledged it' }),
  },
  { examples: [incidentShape(incidentOf())] },
);

export function incidentShape(incident: Incident) {
  const {
    lastRiskOffset: _risk,
    lastCommandOffset: _command,
    eventPartition: _eventPartition,
    lastEventOffset: _event,
    firstOffsets: _offsets,
    partition: _partition,
    seen: _seen,
    peak: _peak,
    peakAt: _peakAt,
    waitingSince: _waitingSince,
    ...rest
  } = incident;
  return {
    ...rest,
    kind: INCIDENT_KINDS.find((kind) => kind === incident.kind) ?? 'single',
    parent: incident.parent || null,
    changedAt: iso(incident.changedAt),
    openedAt: iso(incident.openedAt),
    lastRiskAt: iso(incident.lastRiskAt),
  };
}

export const EndpointShape = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    url: Type.String(),
    pipelines: Type.Array(Type.String()),
    domains: Type.Array(Type.String()),
    minSeverity: Severity,
    events: Type.Array(ChangeKind),
    state: Type.Enum(['enabled', 'disabled']),
    stateReason: Type.String(),
    activeSecrets: Type.Integer({
      description: 'how many secrets sign at the moment; two during a rotation',
    }),
    breaker: Type.Enum(['closed', 'half-open', 'open'], {
      description: 'the breaker of the replica that answers; each has its own',
    }),
    format: Type.Enum([...FORMATS]),
    hasCredential: Type.Boolean(),
    template: OrNull(Type.String()),
    language: Type.String(),
    operator: Type.Boolean(),
    concurrency: OrNull(Type.Integer({ description: 'null: the service’s own' })),
    ratePerMinute: OrNull(Type.Integer({ description: 'null: the service’s own' })),
    createdAt: Time,
    createdBy: Type.String(),
  },
  { examples: [examples.endpoint] },
);
export const NewEndpointShape = Type.Intersect(
  [
    EndpointShape,
    Type.Object({ secret: Type.String({ description: 'signs the webhooks; shown this once' }) }),
  ],
  { examples: [examples.newEndpoint] },
);

export function endpointShape(endpoint: Endpoint, breaker: BreakerState, now: number) {
  const { secrets: _secrets, enabledAt: _enabledAt, credential, ...rest } = endpoint;
  return {
    ...rest,
    format: endpoint.format ?? ('standard' as const),
    hasCredential: credential !== undefined,
    template: endpoint.template ?? null,
    language: endpoint.language ?? 'en',
    operator: endpoint.operator ?? false,
    concurrency: endpoint.concurrency ?? null,
    ratePerMinute: endpoint.ratePerMinute ?? null,
    activeSecrets: activeSecrets(endpoint, now).length,
    breaker,
    createdAt: iso(endpoint.createdAt),
  };
}

export const DeliveryShape = Type.Object(
  {
    id: Type.String({ description: 'sent as webhook-id' }),
    incident: Type.String(),
    change: Type.Integer(),
    endpoint: Type.String(),
    pipeline: Type.String(),
    domain: Type.String(),
    state: DeliveryState,
    attempts: Type.Integer(),
    createdAt: Time,
    updatedAt: Time,
    nextAttemptAt: OrNull(Time),
    event: Type.String({ description: 'the change that it tells of' }),
    severity: Type.String(),
    expiresAt: OrNull(Time),
    lastStatus: Type.Integer({ description: 'HTTP status of the last attempt, 0 for none' }),
    lastError: Type.String(),
    durationMs: Type.Number(),
  },
  { examples: [examples.delivery] },
);

export function deliveryShape(delivery: Delivery) {
  const { body: _body, round: _round, ...rest } = delivery;
  return {
    ...rest,
    createdAt: iso(delivery.createdAt),
    updatedAt: iso(delivery.updatedAt),
    expiresAt: delivery.expiresAt > 0 ? iso(delivery.expiresAt) : null,
    nextAttemptAt: delivery.state === 'pending' ? iso(delivery.nextAttemptAt) : null,
  };
}

export const RiskShape = Type.Object(
  {
    id: Type.String(),
    pipeline: Type.String(),
    domain: Type.String(),
    entity: Type.String(),
    eventId: Type.String(),
    eventTime: Time,
    timeZone: Type.String(),
    scoredAt: Time,
    score: Type.Number(),
    pValue: Type.Number(),
    threshold: Type.Number(),
    severity: Severity,
    detectors: Type.Record(Type.String(), Type.Number()),
    reasons: Type.Array(Reason),
    sentences: Texts,
    context: Texts,
    model: Type.String(),
    degraded: Type.Boolean(),
  },
  { examples: [examples.risk] },
);

export const KeyShape = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    role: Role,
    domains: Type.Array(Type.String(), { description: 'none: all' }),
    createdAt: Time,
    createdBy: Type.String(),
    lastUsedAt: OrNull(Type.String({ format: 'date-time', description: 'to within a minute' })),
  },
  { examples: [examples.key] },
);

export const ProblemShape = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String(),
    detail: Type.String({ description: 'names the field or thing, its value and the remedy' }),
    instance: Type.Optional(Type.String()),
    errors: Type.Optional(
      Type.Array(
        Type.Object({ field: Type.String(), value: Type.Optional(Type.Unknown()), remedy: Type.String() }),
      ),
    ),
  },
  { title: 'Problem' },
);

export function pageShape<T extends TSchema>(item: T) {
  const { examples: [example] = [] } = item as { examples?: readonly unknown[] };
  return Type.Object(
    {
      items: Type.Array(item),
      next: OrNull(Type.String({ description: 'cursor of the next page' })),
    },
    example === undefined ? {} : { examples: [{ items: [example], next: null }] },
  );
}

/** The error answers of a route, for the document. */
export function problems(...statuses: number[]): Record<number, unknown> {
  const answer = (status: number) => {
    const codes = Object.entries(PROBLEMS).filter(([, one]) => one.status === status);
    const [code, first] = codes[0] ?? ['internal', PROBLEMS.internal];
    return {
      description: codes.map(([name, one]) => `${name}: ${one.title}`).join('; '),
      content: {
        'application/problem+json': {
          schema: {
            ...ProblemShape,
            examples: [
              {
                type: `urn:riskwire:problem:${code}`,
                title: first.title,
                status,
                code,
                detail: 'names the field or thing, its value and the remedy',
                instance: '/v1/…',
              },
            ],
          },
        },
      },
    };
  };
  const unchanged = { description: 'If-None-Match names the present version', type: 'null' };
  return Object.fromEntries(
    [400, 401, 403, 413, 415, 429, ...statuses].map((status) => [
      status,
      status === 304 ? unchanged : answer(status),
    ]),
  );
}

/** Epoch milliseconds of a time that passed its format; such as a leap second it can still be one that doesn't exist. */
export function timeOf(text: string | undefined, field: string): number | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw new Problem(
      'unprocessable',
      `${field} is ${JSON.stringify(text)}, which is no time: use one such as 2026-01-05T12:00:00Z`,
      {
        errors: [{ field, value: text, remedy: 'use a time such as 2026-01-05T12:00:00Z' }],
      },
    );
  return time;
}

export function iso(time: number): string {
  return new Date(Math.max(-8.64e15, Math.min(8.64e15, time))).toISOString();
}
