import { createHash } from 'node:crypto';
import { MOST_BYTES } from './payload.js';

/** One change in a digest: what a webhook of its own would have said, in short. */
export interface DigestItem {
  /** the webhook-id that it would have had alone: who gets it again knows it by that */
  webhookId: string;
  type: string;
  incident: string;
  change: number;
  pipeline: string;
  domain: string;
  entity: string;
  state: string;
  severity: string;
}

export interface DigestPayload {
  type: 'incidents.digest';
  timestamp: string;
  data: { count: number; items: DigestItem[]; links: { incidents: string } };
}

/** Most changes in one digest; fewer when their names are long. */
export const MOST_DIGESTED = 100;
const MOST_NAME = 60;

/** The item that a stored webhook body amounts to; undefined when the body isn't an incident's. */
export function digestItem(webhookId: string, body: Uint8Array): DigestItem | undefined {
  const parsed = JSON.parse(Buffer.from(body).toString()) as {
    type: string;
    data: { incident?: Record<string, unknown> };
  };
  const { incident } = parsed.data;
  if (!incident) return undefined;
  const text = (name: string) => short(String(incident[name] ?? ''));
  return {
    webhookId,
    type: parsed.type,
    incident: text('id'),
    change: Number(incident['change']),
    pipeline: text('pipeline'),
    domain: text('domain'),
    entity: text('entity'),
    state: text('state'),
    severity: text('severity'),
  };
}

/** How many of the items, from the first, fit into one digest. */
export function fitting(items: readonly DigestItem[]): number {
  let bytes = 400;
  for (const [i, item] of items.slice(0, MOST_DIGESTED).entries()) {
    bytes += Buffer.byteLength(JSON.stringify(item)) + 1;
    if (bytes >= MOST_BYTES) return i;
  }
  return Math.min(items.length, MOST_DIGESTED);
}

export function digestPayload(items: readonly DigestItem[], publicUrl: string, now: number): Buffer {
  const payload: DigestPayload = {
    type: 'incidents.digest',
    timestamp: new Date(now).toISOString(),
    data: {
      count: items.length,
      items: [...items],
      links: { incidents: `${publicUrl.replace(/\/+$/, '')}/v1/incidents` },
    },
  };
  return Buffer.from(JSON.stringify(payload));
}

/** The same changes make the same digest. */
export function digestId(webhookIds: readonly string[]): string {
  const hash = createHash('sha256').update(webhookIds.join('\n')).digest('hex');
  return `dig_${hash.slice(0, 30)}`;
}

function short(text: string): string {
  return text.length <= MOST_NAME ? text : `${text.slice(0, MOST_NAME - 1)}…`;
}
