import type { ChangeKind, Incident } from './incidents.js';
import { type Severity, severityRank } from './severity.js';

/** Changes that a new endpoint hears of unless it asks for others. */
export const DEFAULT_EVENTS: readonly ChangeKind[] = ['opened', 'escalated', 'reopened'];

/** Which changes an endpoint wants. An empty list of pipelines or domains means all. */
export interface EndpointFilter {
  pipelines: readonly string[];
  domains: readonly string[];
  minSeverity: Severity;
  events: readonly ChangeKind[];
}

export function wants(
  filter: EndpointFilter,
  incident: Pick<Incident, 'pipeline' | 'domain' | 'severity'>,
  kind: ChangeKind,
): boolean {
  return (
    filter.events.includes(kind) &&
    (filter.pipelines.length === 0 || filter.pipelines.includes(incident.pipeline)) &&
    (filter.domains.length === 0 || filter.domains.includes(incident.domain)) &&
    severityRank(incident.severity) >= severityRank(filter.minSeverity)
  );
}
