import type { ChangeKind, Incident } from './incidents.js';

/** Standard Webhooks asks for bodies under 20 kB. */
export const MOST_BYTES = 20_000;
const MOST_REASONS = 10;
const MOST_TEXT = 200;

export interface WebhookPayload {
  type: string;
  timestamp: string;
  data: {
    incident: {
      id: string;
      pipeline: string;
      domain: string;
      entity: string;
      state: string;
      severity: string;
      change: number;
      changedBy: string;
      note: string;
      openedAt: string;
      lastRiskAt: string;
      timeZone: string;
      risks: number;
      maxScore: number;
      model: string;
      /** single, or parent: one that stands for related incidents */
      kind: string;
      reason: string;
      parent: string | null;
      members: number;
      labels: string[];
    };
    reasons: Incident['reasons'];
    sentences: Record<string, string>;
    context: Record<string, string>;
    links: { incident: string; risks: string };
    /** true when reasons, sentences or context were cut to keep the body small; the link has all */
    shortened: boolean;
  };
}

export function eventType(kind: ChangeKind): string {
  return `incident.${kind}`;
}

/** The exact bytes that are signed and sent. They follow from the incident alone: a second making is the same. */
export function incidentPayload(incident: Incident, publicUrl: string): Buffer {
  const base = publicUrl.replace(/\/+$/, '');
  const query = new URLSearchParams({
    pipeline: incident.pipeline,
    ...(incident.entity.length <= MOST_TEXT ? { entity: incident.entity } : {}),
    from: iso(incident.openedAt),
    to: iso(incident.lastRiskAt + 1), // the API doesn't include `to`
  });
  const payload: WebhookPayload = {
    type: eventType(incident.changeKind),
    timestamp: iso(incident.changedAt),
    data: {
      incident: {
        id: incident.id,
        pipeline: cut(incident.pipeline),
        domain: cut(incident.domain),
        entity: cut(incident.entity),
        state: incident.state,
        severity: incident.severity,
        change: incident.change,
        changedBy: cut(incident.changedBy),
        note: cut(incident.note),
        openedAt: iso(incident.openedAt),
        lastRiskAt: iso(incident.lastRiskAt),
        timeZone: cut(incident.timeZone),
        risks: incident.risks,
        maxScore: round(incident.maxScore) ?? 0,
        model: cut(incident.model),
        kind: incident.kind,
        reason: cut(incident.reason),
        parent: incident.parent || null,
        members: incident.members,
        labels: incident.labels.slice(0, 20).map((one) => cut(one, 60)),
      },
      reasons: incident.reasons.slice(0, MOST_REASONS).map((one) => ({
        ...one,
        observed: round(one.observed),
        expected: round(one.expected),
        share: round(one.share) ?? 0,
      })),
      sentences: incident.sentences,
      context: incident.context,
      links: {
        incident: `${base}/v1/incidents/${incident.id}`,
        risks: `${base}/v1/risks?${query}`,
      },
      shortened: incident.reasons.length > MOST_REASONS,
    },
  };
  return shrink(payload);
}

/** An event by which a receiver can be tried without an incident. */
export function testPayload(endpoint: string, now: number): Buffer {
  return Buffer.from(
    JSON.stringify({
      type: 'endpoint.test',
      timestamp: iso(now),
      data: { endpoint, message: 'Riskwire can reach this endpoint.' },
    }),
  );
}

/** Tells an operator's endpoint that another one gets nothing any more. */
export function endpointDisabledPayload(
  endpoint: { id: string; name: string },
  reason: string,
  now: number,
): Buffer {
  return Buffer.from(
    JSON.stringify({
      type: 'endpoint.disabled',
      timestamp: iso(now),
      data: { endpoint: endpoint.id, name: cut(endpoint.name), reason: cut(reason) },
    }),
  );
}

/** Gives up the least needed first, until the body is small enough. */
function shrink(payload: WebhookPayload): Buffer {
  const steps: ((data: WebhookPayload['data']) => void)[] = [
    (data) => {
      data.context = Object.fromEntries(
        Object.entries(data.context)
          .slice(0, 20)
          .map(([name, value]) => [cut(name, 100), cut(value, 200)]),
      );
    },
    (data) => {
      data.sentences = Object.fromEntries(
        Object.entries(data.sentences)
          .slice(0, 4)
          .map(([tag, text]) => [cut(tag, 35), cut(text, 1000)]),
      );
    },
    (data) => {
      data.reasons = data.reasons.slice(0, 3);
    },
    (data) => {
      data.context = {};
    },
    (data) => {
      data.sentences = Object.fromEntries(
        Object.entries(data.sentences).map(([tag, text]) => [tag, cut(text)]),
      );
    },
    (data) => {
      data.reasons = [];
    },
  ];
  let body = Buffer.from(JSON.stringify(payload));
  for (const step of steps) {
    if (body.length < MOST_BYTES) break;
    step(payload.data);
    payload.data.shortened = true;
    body = Buffer.from(JSON.stringify(payload));
  }
  return body;
}

function cut(text: string, most = MOST_TEXT): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** ISO 8601; a time outside of what a Date can hold is shown as the nearest one it can. */
function iso(time: number): string {
  return new Date(Math.max(-8.64e15, Math.min(8.64e15, time))).toISOString();
}

/** Six significant digits are more than any reader needs, and keep the body short. JSON has no NaN or infinity. */
function round(value: number | null): number | null {
  return value === null || !Number.isFinite(value) ? null : Number(value.toPrecision(6));
}
