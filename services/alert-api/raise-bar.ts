import { createHash } from 'node:crypto';
import type { Incident } from '../../alerting/incidents.js';
import type { StoredBar } from './policy.js';

const HOUR = 3_600_000;
/** Scores are -log10 of a probability: one more is ten times as unlikely as the false alarm was. */
const RAISE_BY = 1;

/**
 * What a false alarm asks for: until then, the same entity must score higher to be told of for the same reason. One
 * bar for each entity and reason; a further false alarm raises and prolongs it.
 */
export function raiseBar(
  incident: Incident,
  word: { by: string; note: string; hours: number },
  present: readonly StoredBar[],
  now: number,
): StoredBar {
  const { pipeline, domain, entity, reason } = incident;
  const hash = createHash('sha256').update([pipeline, entity, reason].join('\u0000')).digest('hex');
  const id = `bar_${hash.slice(0, 20)}`;
  const before = present.find((one) => one.id === id && one.until > now);
  return {
    id,
    pipeline,
    domain,
    entity,
    reason,
    score: Math.max(incident.maxScore + RAISE_BY, before?.score ?? 0),
    until: Math.max(now + word.hours * HOUR, before?.until ?? 0),
    incident: incident.id,
    note: word.note,
    raisedAt: now,
    raisedBy: word.by,
  };
}
