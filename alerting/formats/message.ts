import type { DigestPayload } from '../digest.js';
import type { WebhookPayload } from '../payload.js';

/** What a chat or paging service is told, taken from the webhook body that is stored. */
export interface Message {
  /** of the webhook; the same over retries */
  id: string;
  kind: 'incident' | 'digest' | 'notice';
  title: string;
  /** one paragraph */
  text: string;
  facts: { name: string; value: string }[];
  link: string;
  severity: 'low' | 'medium' | 'high' | 'critical';
  /** is it over? Then paging services resolve what they opened */
  state: 'open' | 'acknowledged' | 'closed';
  /** the incident, by which paging services tell what belongs together */
  subject: string;
  at: string;
}

export type StoredPayload =
  | WebhookPayload
  | DigestPayload
  | { type: string; timestamp: string; data: Record<string, string> };

/** A stored webhook body as a message; `language` chooses among the sentences. */
export function messageOf(id: string, body: Uint8Array, language: string): Message {
  const payload = JSON.parse(Buffer.from(body).toString()) as StoredPayload;
  if (isIncident(payload)) return incidentMessage(id, payload, language);
  if (isDigest(payload)) return digestMessage(id, payload);
  return noticeMessage(id, payload);
}

function incidentMessage(id: string, { type, timestamp, data }: WebhookPayload, language: string): Message {
  const { incident, sentences, reasons, links } = data;
  const change = type.split('.')[1] ?? '';
  const sentence = sentences[language] ?? sentences['en'] ?? Object.values(sentences)[0] ?? '';
  const strongest = reasons
    .slice(0, 3)
    .map((one) => `${one.field || one.feature} ${one.direction}${seen(one)}`)
    .join('; ');
  return {
    id,
    kind: 'incident',
    title: `[${incident.severity}] ${incident.pipeline} ${incident.entity}: ${change}`,
    text: [sentence, incident.note].filter((part) => part !== '').join('\n') || strongest || incident.reason,
    facts: [
      { name: 'Domain', value: incident.domain },
      { name: 'State', value: incident.state },
      { name: 'Risks', value: String(incident.risks) },
      ...(incident.kind === 'parent' ? [{ name: 'Incidents', value: String(incident.members) }] : []),
      ...(strongest ? [{ name: 'Why', value: strongest }] : []),
      { name: 'Since', value: incident.openedAt },
    ],
    link: links.incident,
    severity: severityOf(incident.severity),
    state:
      incident.state === 'closed' || incident.state === 'falseAlarm'
        ? 'closed'
        : incident.state === 'acknowledged'
          ? 'acknowledged'
          : 'open',
    subject: incident.id,
    at: timestamp,
  };
}

function digestMessage(id: string, { timestamp, data }: DigestPayload): Message {
  const worst = (['critical', 'high', 'medium', 'low'] as const).find((one) =>
    data.items.some((item) => item.severity === one),
  );
  const shown = data.items
    .slice(0, 10)
    .map((item) => `[${item.severity}] ${item.pipeline} ${item.entity}: ${item.type.split('.')[1] ?? ''}`);
  const more = data.count - shown.length;
  return {
    id,
    kind: 'digest',
    title: `${data.count} changes of incidents`,
    text: [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n'),
    facts: [],
    link: data.links.incidents,
    severity: worst ?? 'low',
    state: 'open',
    subject: id,
    at: timestamp,
  };
}

function noticeMessage(id: string, payload: { type: string; timestamp: string; data: object }): Message {
  const facts = Object.entries(payload.data)
    .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
    .map(([name, value]) => ({ name, value }));
  const text = facts.map(({ name, value }) => `${name}: ${value}`).join('\n');
  return {
    id,
    kind: 'notice',
    title: `Riskwire: ${payload.type}`,
    text,
    facts: [],
    link: '',
    severity: payload.type === 'endpoint.test' ? 'low' : 'high',
    state: 'open',
    subject: id,
    at: payload.timestamp,
  };
}

function isIncident(payload: StoredPayload): payload is WebhookPayload {
  return typeof payload.data === 'object' && 'incident' in payload.data && 'links' in payload.data;
}

function isDigest(payload: StoredPayload): payload is DigestPayload {
  return payload.type === 'incidents.digest';
}

function seen(one: { observed: number | null; expected: number | null; unit: string }): string {
  if (one.observed === null) return '';
  const unit = one.unit ? ` ${one.unit}` : '';
  return one.expected === null
    ? ` (${one.observed}${unit})`
    : ` (${one.observed}${unit}, expected ${one.expected})`;
}

function severityOf(text: string): Message['severity'] {
  return (['low', 'medium', 'high', 'critical'] as const).find((one) => one === text) ?? 'medium';
}

export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
