/**
 * Who hears of a change, when, and why not: endpoints' own filters, the tree of routes, silences, maintenance windows,
 * quiet hours and raised bars. Pure, so that the preview and the live decision are the same function.
 */
import { endOfSpan, type WeekSpan } from './calendar.js';
import type { ChangeKind, Incident } from './incidents.js';
import { type Match, matches } from './matching.js';
import { type EndpointFilter, wants } from './routes.js';
import { type Severity, severityRank } from './severity.js';

export interface QuietHours {
  spans: WeekSpan[];
  /** what is less severe waits until they end */
  below: Severity;
}

export interface EscalationStep {
  /** after so many minutes without anyone acknowledging, counted from when the incident opened */
  afterMinutes: number;
  endpoints: string[];
}

/** A route; the first of its children that matches decides, or, where none does, it itself. */
export interface Route {
  name: string;
  match?: Match;
  /** left out: those of the route above */
  endpoints?: string[];
  /** also look at the routes after this one */
  continue?: boolean;
  quietHours?: QuietHours;
  escalation?: EscalationStep[];
  routes?: Route[];
}

export interface Silence {
  id: string;
  match: Match;
  startsAt: number;
  endsAt: number;
  author: string;
  reason: string;
}

/** Planned work that comes every week. */
export interface MaintenanceWindow {
  id: string;
  name: string;
  match: Match;
  spans: WeekSpan[];
  author: string;
}

/** A false alarm asks for more before the same entity is told of for the same reason again. */
export interface Bar {
  id: string;
  pipeline: string;
  entity: string;
  reason: string;
  /** the score that has to be passed */
  score: number;
  until: number;
}

export interface Policy {
  /** none: endpoints' own filters decide alone */
  tree?: Route;
  silences: readonly Silence[];
  windows: readonly MaintenanceWindow[];
  bars: readonly Bar[];
}

export type Subscriber = { id: string } & EndpointFilter;

export interface Decision {
  /** who hears of it, and from when on; empty when nobody does */
  tell: { endpoint: string; notBefore: number }[];
  /** the names of the routes that matched, from the root */
  routes: string[][];
  /** why those in `tell` are not told after all */
  held: string | undefined;
}

export function decide(
  incident: Incident,
  kind: ChangeKind,
  now: number,
  policy: Policy,
  endpoints: readonly Subscriber[],
): Decision {
  const found = policy.tree ? resolve(policy.tree, incident) : undefined;
  const tell = new Map<string, number>();
  const put = (endpoint: string, at: number) =>
    tell.set(endpoint, Math.min(at, tell.get(endpoint) ?? Number.POSITIVE_INFINITY));
  if (!found) {
    for (const one of endpoints) if (wants(one, incident, kind)) put(one.id, now);
  } else if (kind === 'unacknowledged') {
    const known = new Set(endpoints.map((one) => one.id));
    for (const { escalation } of found)
      for (const id of escalation[incident.escalations - 1]?.endpoints ?? []) if (known.has(id)) put(id, now);
  } else {
    for (const route of found) {
      const at = quietUntil(route.quietHours, incident.severity, now) ?? now;
      for (const one of endpoints)
        if (route.endpoints.includes(one.id) && wants(one, incident, kind)) put(one.id, at);
    }
  }
  return {
    tell: [...tell].map(([endpoint, notBefore]) => ({ endpoint, notBefore })),
    routes: found?.map((one) => one.path) ?? [],
    held: tell.size === 0 ? undefined : heldBy(incident, kind, now, policy),
  };
}

/** Minutes after which nobody having acknowledged is told next; undefined when it isn't. */
export function nextEscalation(incident: Incident, policy: Policy): number | undefined {
  if (!policy.tree) return undefined;
  const waits = resolve(policy.tree, incident).flatMap(
    ({ escalation }) => escalation[incident.escalations]?.afterMinutes ?? [],
  );
  return waits.length === 0 ? undefined : Math.min(...waits);
}

interface Resolved {
  path: string[];
  endpoints: string[];
  quietHours: QuietHours | undefined;
  escalation: EscalationStep[];
}

/** The routes that take the incident. The root takes all; what a route leaves out it has from the one above. */
export function resolve(root: Route, incident: Incident): Resolved[] {
  const visit = (route: Route, above: Resolved): Resolved[] => {
    const here: Resolved = {
      path: [...above.path, route.name],
      endpoints: route.endpoints ?? above.endpoints,
      quietHours: route.quietHours ?? above.quietHours,
      escalation: route.escalation ?? above.escalation,
    };
    const found: Resolved[] = [];
    for (const child of route.routes ?? []) {
      if (!matches(child.match ?? {}, incident)) continue;
      found.push(...visit(child, here));
      if (!child.continue) break;
    }
    return found.length > 0 ? found : [here];
  };
  return visit(root, { path: [], endpoints: [], quietHours: undefined, escalation: [] });
}

function quietUntil(hours: QuietHours | undefined, severity: Severity, now: number): number | undefined {
  if (!hours || severityRank(severity) >= severityRank(hours.below)) return undefined;
  const ends = hours.spans.flatMap((span) => endOfSpan(span, now) ?? []);
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/** Ends are told in spite of silences: whoever was paged before one began must hear that it is over. */
function heldBy(incident: Incident, kind: ChangeKind, now: number, policy: Policy): string | undefined {
  if (kind === 'closed' || kind === 'falseAlarm' || kind === 'acknowledged') return undefined;
  const silence = policy.silences.find(
    (one) => one.startsAt <= now && now < one.endsAt && matches(one.match, incident),
  );
  if (silence) return `silence ${silence.id} of ${silence.author}: ${silence.reason}`;
  const window = policy.windows.find(
    (one) => matches(one.match, incident) && one.spans.some((span) => endOfSpan(span, now) !== undefined),
  );
  if (window) return `maintenance window ${window.id}: ${window.name}`;
  const bar = barOf(incident, policy.bars, now);
  if (bar && incident.maxScore < bar.score)
    return `bar ${bar.id}, raised by a false alarm to a score of ${bar.score.toFixed(1)} until ${new Date(bar.until).toISOString()}`;
  return undefined;
}

export function barOf(
  incident: Pick<Incident, 'pipeline' | 'entity' | 'reason'>,
  bars: readonly Bar[],
  now: number,
): Bar | undefined {
  return bars.find(
    (one) =>
      one.until > now &&
      one.pipeline === incident.pipeline &&
      one.entity === incident.entity &&
      one.reason === incident.reason,
  );
}
