/**
 * Incidents as a fold over two logs, risks and commands: (an entity's incidents, input) -> (incidents, changes).
 * Commands are in commands.ts. No clock and no I/O. Each log is read in order; inputs that an incident has seen already
 * change nothing, so reading a stretch again gives the same incidents under the same ids and change numbers.
 */
import { firstSeverity, type Severity, type SeverityRules, severityAfter, severityRank } from './severity.js';

export const INCIDENT_STATES = ['open', 'acknowledged', 'closed', 'falseAlarm'] as const;
export type IncidentState = (typeof INCIDENT_STATES)[number];

export const CHANGE_KINDS = [
  'opened',
  'escalated',
  'eased',
  'unacknowledged',
  'reopened',
  'acknowledged',
  'closed',
  'falseAlarm',
  'confirmed',
  'labelled',
  'linked',
  'noted',
  'grown',
] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

export interface IncidentReason {
  feature: string;
  field: string;
  detector: string;
  observed: number | null;
  expected: number | null;
  unit: string;
  direction: string;
  share: number;
}

/** What an incident keeps of its events, so that a label of the incident is one of each. */
export interface IncidentEvent {
  time: number;
  offset: number;
  eventId: string;
  /** secondary entities by field */
  secondary: Record<string, string>;
  /** -log10 p of the event in itself */
  surprise: number;
}

/** What incidents need of a risk; times are epoch milliseconds. */
export interface RiskInput {
  id: string;
  /** `stream`: about the stream itself, not about an event of it */
  kind: string;
  pipeline: string;
  domain: string;
  entity: string;
  eventId: string;
  eventTime: number;
  /** where its event is in the input topic */
  partition: number;
  offset: number;
  /** where a replayed event stood first; -1 for the others */
  origin: number;
  timeZone: string;
  scoredAt: number;
  score: number;
  severity: Severity;
  reasons: IncidentReason[];
  sentences: Record<string, string>;
  context: Record<string, string>;
  model: string;
  secondary: Record<string, string>;
  /** -log10 p of the event in itself; 0 where the pipeline uses no labels */
  firstScore: number;
}

/** The record of riskwire.incidents; schemas/incident.avsc documents its fields. */
export interface Incident {
  id: string;
  pipeline: string;
  domain: string;
  entity: string;
  state: IncidentState;
  severity: Severity;
  change: number;
  changeKind: ChangeKind;
  changedAt: number;
  changedBy: string;
  note: string;
  openedAt: number;
  lastRiskAt: number;
  timeZone: string;
  risks: number;
  maxScore: number;
  firstRiskId: string;
  lastRiskId: string;
  lastRiskOffset: number;
  eventPartition: number;
  lastEventOffset: number;
  firstOffsets: number[];
  lastCommandOffset: number;
  partition: number;
  reasons: IncidentReason[];
  sentences: Record<string, string>;
  context: Record<string, string>;
  model: string;
  kind: string;
  reason: string;
  parent: string;
  members: number;
  labels: string[];
  verdict: string;
  seen: number[];
  peak: string;
  peakAt: number;
  waitingSince: number;
  escalations: number;
  judged: number;
  events: IncidentEvent[];
}

export interface IncidentRules {
  /** milliseconds without a risk, in event time, that end an incident of this pipeline */
  quiet(pipeline: string): number;
  incidentId(firstRiskId: string): string;
  severity?: SeverityRules;
}

export interface Change {
  /** `seen`: nothing that a person would see; the record only says that the input was taken in */
  kind: ChangeKind | 'seen';
  /** the incident as the change left it */
  incident: Incident;
  /** the input had been taken in before: the incident is stored, but what follows from the change may be missing */
  repeated: boolean;
}

export interface Outcome {
  incidents: readonly Incident[];
  changes: readonly Change[];
}

/** events that an incident keeps, the newest ones */
export const KEPT_EVENTS = 64;

/** Of so many events an incident knows where they stood first, the newest ones. */
export const KEPT_OFFSETS = 64;

/** Incidents kept of one entity: late risks find the one they belong to among the newest few. */
export const KEPT_PER_ENTITY = 4;

const SILENT_KINDS: readonly Change['kind'][] = ['grown', 'noted', 'linked', 'labelled', 'confirmed', 'seen'];

/** Changes that someone may want to hear of. The others only make the incident longer. */
export function announces(kind: Change['kind']): boolean {
  return !SILENT_KINDS.includes(kind);
}

export function isActive(incident: Incident): boolean {
  return incident.state === 'open' || incident.state === 'acknowledged';
}

/**
 * How much of the two logs an incident has taken in: of two records of it, the one that has taken in more is the newer.
 * Not the one with more changes: whoever reads the commands ahead of the risks may come to changes that others don't.
 */
export function takenIn(incident: Pick<Incident, 'lastRiskOffset' | 'lastCommandOffset'>): number {
  return incident.lastRiskOffset + incident.lastCommandOffset;
}

/**
 * Takes in the risk at `offset` of its partition. The risk joins the incident whose time, widened by the quiet
 * gap on both sides, holds it; else it opens one, and closes those that it shows to have gone quiet.
 */
export function takeRisk(
  incidents: readonly Incident[],
  risk: RiskInput,
  place: { partition: number; offset: number },
  rules: IncidentRules,
): Outcome {
  const seen = incidents.reduce((most, one) => Math.max(most, one.lastRiskOffset), -1);
  if (place.offset <= seen)
    return { incidents, changes: repeats(incidents, (one) => one.lastRiskOffset === place.offset) };

  // A scorer that died publishes the risks since its last checkpoint once more, further on in the log. An entity's
  // risks come in the order of its events, so what lies at or below the last event has been taken in.
  // What is wrong with a stream is told by each of its partitions, under one id.
  const repeated = incidents.filter(
    (one) =>
      one.firstRiskId === risk.id ||
      (one.eventPartition === risk.partition && one.lastEventOffset >= risk.offset) ||
      isReplayOf(one, risk),
  );
  if (repeated.length > 0) {
    const newer = repeated.reduce((a, b) => (b.lastRiskOffset > a.lastRiskOffset ? b : a));
    const marked = { ...newer, lastRiskOffset: place.offset };
    return {
      incidents: incidents.map((one) => (one === newer ? marked : one)),
      changes: [{ kind: 'seen', incident: marked, repeated: false }],
    };
  }

  const quiet = rules.quiet(risk.pipeline);
  const holding = incidents.filter(
    (one) => risk.eventTime >= one.openedAt - quiet && risk.eventTime <= one.lastRiskAt + quiet,
  );
  const target = holding.reduce<Incident | undefined>(
    (best, one) => (best && best.lastRiskAt >= one.lastRiskAt ? best : one),
    undefined,
  );
  if (target) {
    const joined = join(target, risk, place.offset, rules.severity);
    return { incidents: incidents.map((one) => (one === target ? joined : one)), changes: [changed(joined)] };
  }

  const changes: Change[] = [];
  const kept = incidents.map((one) => {
    if (!isActive(one) || risk.eventTime <= one.lastRiskAt + quiet) return one;
    // It has seen this offset too, so that a re-read of the risk repeats both changes.
    const closed = next(one, 'closed', {
      state: 'closed',
      changedAt: risk.scoredAt,
      lastRiskOffset: place.offset,
    });
    changes.push(changed(closed));
    return closed;
  });
  const opened = open(risk, place, rules);
  changes.push(changed(opened));
  return { incidents: newest([...kept, opened]), changes };
}

/**
 * A replayed event comes where nothing was taken in yet, and may be new or not: that is told by where it stood first,
 * never by the order of those places, which lie below the last event's either way.
 */
function isReplayOf(incident: Incident, { id, partition, origin }: RiskInput): boolean {
  if (origin < 0) return false;
  return (
    incident.lastRiskId === id ||
    (incident.eventPartition === partition && incident.firstOffsets.includes(origin))
  );
}

/** What an incident is about, as related ones share it: the field and direction of the strongest reason. */
export function reasonOfRisk(reasons: readonly IncidentReason[]): string {
  const [first] = reasons;
  return first ? `${first.field || first.feature} ${first.direction}` : '';
}

function open(risk: RiskInput, place: { partition: number; offset: number }, rules: IncidentRules): Incident {
  return {
    id: rules.incidentId(risk.id),
    pipeline: risk.pipeline,
    domain: risk.domain,
    entity: risk.entity,
    state: 'open',
    ...firstSeverity(risk.severity, risk.eventTime),
    kind: risk.kind === 'stream' ? 'stream' : 'single',
    reason: reasonOfRisk(risk.reasons),
    parent: '',
    members: 0,
    labels: [],
    verdict: '',
    waitingSince: risk.scoredAt,
    escalations: 0,
    judged: 0,
    events: eventsWith([], risk),
    change: 1,
    changeKind: 'opened',
    changedAt: risk.scoredAt,
    changedBy: 'riskwire',
    note: '',
    openedAt: risk.eventTime,
    lastRiskAt: risk.eventTime,
    timeZone: risk.timeZone,
    risks: 1,
    maxScore: risk.score,
    firstRiskId: risk.id,
    lastRiskId: risk.id,
    lastRiskOffset: place.offset,
    eventPartition: risk.partition,
    lastEventOffset: risk.offset,
    firstOffsets: [firstOffset(risk)],
    lastCommandOffset: -1,
    partition: place.partition,
    reasons: risk.reasons,
    sentences: risk.sentences,
    context: risk.context,
    model: risk.model,
  };
}

function join(incident: Incident, risk: RiskInput, offset: number, rules?: SeverityRules): Incident {
  const { step, ...severity } = severityAfter(incident, risk, rules);
  const worse = severityRank(severity.severity) > severityRank(incident.severity);
  const stronger = risk.score > incident.maxScore;
  // A closed incident that goes on comes back, a late risk from before its end doesn't; a false alarm stays one until
  // something worse happens.
  const goesOn = risk.eventTime > incident.lastRiskAt;
  const back =
    (incident.state === 'closed' && (goesOn || worse)) || (incident.state === 'falseAlarm' && worse);
  const told = isActive(incident) && (step === 'rose' ? 'escalated' : step === 'fell' && 'eased');
  return next(incident, back ? 'reopened' : told || 'grown', {
    state: back ? 'open' : incident.state,
    // A false alarm keeps the severity that it was one at: only what is worse brings it back.
    ...(incident.state === 'falseAlarm' && !back ? {} : severity),
    ...(back ? { waitingSince: risk.scoredAt, escalations: 0, parent: '' } : {}),
    changedAt: risk.scoredAt,
    openedAt: Math.min(incident.openedAt, risk.eventTime),
    lastRiskAt: Math.max(incident.lastRiskAt, risk.eventTime),
    lastRiskId: risk.eventTime >= incident.lastRiskAt ? risk.id : incident.lastRiskId,
    lastRiskOffset: offset,
    eventPartition: risk.partition,
    lastEventOffset: risk.offset,
    // Offsets of another partition would say nothing of this one's.
    firstOffsets: [
      ...(incident.eventPartition === risk.partition ? incident.firstOffsets.slice(1 - KEPT_OFFSETS) : []),
      firstOffset(risk),
    ],
    risks: incident.risks + 1,
    maxScore: Math.max(incident.maxScore, risk.score),
    events: eventsWith(incident.events, risk),
    ...(stronger
      ? { reasons: risk.reasons, sentences: risk.sentences, context: risk.context, model: risk.model }
      : {}),
  });
}

/** Where a risk's event stood first, by which it is known however often it is replayed. */
export function firstOffset({ origin, offset }: Pick<RiskInput, 'origin' | 'offset'>): number {
  return origin >= 0 ? origin : offset;
}

function eventsWith(events: readonly IncidentEvent[], risk: RiskInput): IncidentEvent[] {
  const { eventTime: time, offset, eventId, secondary, firstScore: surprise } = risk;
  // Nobody learns from labels of a pipeline that uses none.
  if (!(surprise > 0)) return [...events];
  return [...events, { time, offset, eventId, secondary, surprise }].slice(-KEPT_EVENTS);
}

/** The incident after one change more. */
export function next(incident: Incident, kind: ChangeKind, after: Partial<Incident>): Incident {
  return {
    ...incident,
    changedBy: 'riskwire',
    note: '',
    ...after,
    change: incident.change + 1,
    changeKind: kind,
  };
}

export function changed(incident: Incident): Change {
  return { kind: incident.changeKind, incident, repeated: false };
}

export function repeats(incidents: readonly Incident[], which: (one: Incident) => boolean): Change[] {
  return incidents.filter(which).map((incident) => ({ kind: incident.changeKind, incident, repeated: true }));
}

/** The incidents worth keeping of an entity: the one that saw the newest risk is always among them. */
export function newest(incidents: readonly Incident[]): readonly Incident[] {
  if (incidents.length <= KEPT_PER_ENTITY) return incidents;
  return [...incidents]
    .sort((a, b) => a.lastRiskOffset - b.lastRiskOffset || a.openedAt - b.openedAt)
    .slice(-KEPT_PER_ENTITY);
}
