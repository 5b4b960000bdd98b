import type { Incident } from './incidents.js';
import { type Severity, severityRank } from './severity.js';

/** `parent`: stands for related ones. `stream`: a stream itself has a fault, such as a schema that can't be read */
export const INCIDENT_KINDS = ['single', 'parent', 'stream'] as const;
export type IncidentKind = (typeof INCIDENT_KINDS)[number];

/** Which incidents a route, a silence or a window is about. What is left out, or empty, matches all. */
export interface Match {
  pipelines?: string[];
  domains?: string[];
  /** `*` stands for any characters, `?` for one */
  entity?: string;
  minSeverity?: Severity;
  /** all must be there: a label of the incident, or `field=value` of its context; both may hold `*` */
  labels?: string[];
  kind?: IncidentKind;
}

export type Matchable = Pick<
  Incident,
  'pipeline' | 'domain' | 'entity' | 'severity' | 'labels' | 'context' | 'kind'
>;

export function matches(match: Match, incident: Matchable): boolean {
  const { pipelines = [], domains = [], labels = [] } = match;
  return (
    (pipelines.length === 0 || pipelines.includes(incident.pipeline)) &&
    (domains.length === 0 || domains.includes(incident.domain)) &&
    (match.entity === undefined || fits(match.entity, incident.entity)) &&
    (match.minSeverity === undefined || severityRank(incident.severity) >= severityRank(match.minSeverity)) &&
    (match.kind === undefined || match.kind === incident.kind) &&
    labels.every((wanted) => hasLabel(wanted, incident))
  );
}

function hasLabel(wanted: string, incident: Matchable): boolean {
  const at = wanted.indexOf('=');
  if (at < 0) return incident.labels.some((label) => fits(wanted, label));
  const value = incident.context[wanted.slice(0, at)];
  return value !== undefined && fits(wanted.slice(at + 1), value);
}

/**
 * Does the text fit the pattern? Two positions walk along, and a `*` that took too little takes one more: time is at
 * most pattern times text, whatever the pattern, which a regular expression can't promise.
 */
export function fits(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let taken = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      p = star + 1;
      t = ++taken;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
