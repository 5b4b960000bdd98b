import Type, { type Static } from 'typebox';
import { isTimeZone, type WeekSpan } from '../../alerting/calendar.js';
import { INCIDENT_KINDS, type Match } from '../../alerting/matching.js';
import type { Bar, MaintenanceWindow, Route, Silence } from '../../alerting/routing.js';
import { SEVERITIES } from '../../alerting/severity.js';

/** Routes, silences, windows and bars as they are kept in the control topic and as the API takes them. */
const Text = Type.String({ minLength: 1, maxLength: 200 });
const Severity = Type.Enum([...SEVERITIES]);
const Clock = Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', description: 'hh:mm' });

export const MatchShape = Type.Object(
  {
    pipelines: Type.Optional(Type.Array(Text, { maxItems: 100 })),
    domains: Type.Optional(Type.Array(Text, { maxItems: 100 })),
    entity: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: '* stands for any characters, ? for one',
      }),
    ),
    minSeverity: Type.Optional(Severity),
    labels: Type.Optional(
      Type.Array(Text, {
        maxItems: 20,
        description: 'all must be there: labels, or field=value of the context; both may hold *',
      }),
    ),
    kind: Type.Optional(Type.Enum([...INCIDENT_KINDS])),
  },
  { additionalProperties: false },
);

export const SpanShape = Type.Object(
  {
    timeZone: Type.String({ minLength: 1, maxLength: 60, description: 'IANA name such as Europe/Berlin' }),
    days: Type.Optional(
      Type.Array(Type.Integer({ minimum: 0, maximum: 6 }), {
        maxItems: 7,
        description: 'on which it begins, 0 Sunday to 6 Saturday; none: all',
      }),
    ),
    from: Clock,
    to: Clock,
  },
  { additionalProperties: false },
);
const Spans = Type.Array(SpanShape, { minItems: 1, maxItems: 20 });
const EndpointIds = Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 100 });

const routeFields = {
  name: Type.String({ minLength: 1, maxLength: 100 }),
  match: Type.Optional(MatchShape),
  endpoints: Type.Optional(EndpointIds),
  continue: Type.Optional(Type.Boolean()),
  quietHours: Type.Optional(Type.Object({ spans: Spans, below: Severity }, { additionalProperties: false })),
  escalation: Type.Optional(
    Type.Array(
      Type.Object(
        { afterMinutes: Type.Number({ minimum: 1, maximum: 10_080 }), endpoints: EndpointIds },
        { additionalProperties: false },
      ),
      { maxItems: 10 },
    ),
  ),
};

const leaf = Type.Object(routeFields, { additionalProperties: false });
const third = nested(leaf);
const second = nested(third);

/** Four levels are more than people keep in mind; a schema without recursion is one that every tool can read. */
export const RouteShape = nested(second);

function nested<T extends typeof leaf>(below: T) {
  return Type.Object(
    { ...routeFields, routes: Type.Optional(Type.Array(below, { maxItems: 100 })) },
    { additionalProperties: false },
  );
}

export const StoredRoutes = Type.Object({ tree: RouteShape });

export const StoredSilence = Type.Object({
  id: Type.String(),
  match: MatchShape,
  startsAt: Type.Number(),
  endsAt: Type.Number(),
  author: Type.String(),
  reason: Type.String(),
});

export const StoredWindow = Type.Object({
  id: Type.String(),
  name: Type.String(),
  match: MatchShape,
  spans: Spans,
  author: Type.String(),
});

export const StoredBar = Type.Object({
  id: Type.String(),
  pipeline: Type.String(),
  domain: Type.String(),
  entity: Type.String(),
  reason: Type.String(),
  score: Type.Number(),
  until: Type.Number(),
  incident: Type.String(),
  note: Type.String(),
  raisedAt: Type.Number(),
  raisedBy: Type.String(),
});
export type StoredBar = Static<typeof StoredBar>;

// The stored shapes are the pure side's types: a change of one that the other doesn't follow fails here.
type Fits<Stored extends Wanted, Wanted> = Stored;
export type _Match = Fits<Static<typeof MatchShape>, Match>;
export type _Route = Fits<Static<typeof RouteShape>, Route>;
export type _Silence = Fits<Static<typeof StoredSilence>, Silence>;
export type _Window = Fits<Static<typeof StoredWindow>, MaintenanceWindow>;
export type _Bar = Fits<StoredBar, Bar>;

/** What a schema can't say: time zones that don't exist, endpoints that don't. Field and remedy of the first fault. */
export function faultOfSpans(
  spans: readonly WeekSpan[],
  field: string,
): { field: string; value: string; remedy: string } | undefined {
  const at = spans.findIndex((span) => !isTimeZone(span.timeZone));
  if (at < 0) return undefined;
  return {
    field: `${field}.${at}.timeZone`,
    value: spans[at]!.timeZone,
    remedy: 'is no time zone: use an IANA name such as Europe/Berlin or Asia/Shanghai',
  };
}

export function faultOfRoute(
  route: Route,
  known: (endpoint: string) => boolean,
  path = 'tree',
): { field: string; value: string; remedy: string } | undefined {
  const named = [
    ...(route.endpoints ?? []).map((id, i) => [id, `endpoints.${i}`] as const),
    ...(route.escalation ?? []).flatMap((step, s) =>
      step.endpoints.map((id, i) => [id, `escalation.${s}.endpoints.${i}`] as const),
    ),
  ];
  const missing = named.find(([id]) => !known(id));
  if (missing)
    return {
      field: `${path}.${missing[1]}`,
      value: missing[0],
      remedy: 'is no endpoint: GET /v1/endpoints lists them',
    };
  const span = route.quietHours && faultOfSpans(route.quietHours.spans, `${path}.quietHours.spans`);
  if (span) return span;
  for (const [i, child] of (route.routes ?? []).entries()) {
    const fault = faultOfRoute(child, known, `${path}.routes.${i}`);
    if (fault) return fault;
  }
  return undefined;
}
