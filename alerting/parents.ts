/**
 * Related incidents: those of one pipeline and domain with one reason that open within a window. When enough of them
 * have, a parent incident stands for them all, so that a fault of the whole plant is told once. A fold like that of
 * incidents: the parents of a group and one more incident -> parents and changes.
 */
import { type Change, type Incident, isActive, newest, type Outcome, repeats } from './incidents.js';
import {
  firstSeverity,
  SEVERITY_RULES,
  type Severity,
  type SeverityRules,
  severityAfter,
} from './severity.js';

export interface RelatedRules {
  /** so many incidents make a parent; 0: none is ever made */
  members: number;
  /** milliseconds of event time within which they open */
  windowMs: number;
}

/** What the owner of a group is told of an incident in it. */
export interface Member {
  incident: string;
  entity: string;
  /** partition of the incident, where it is told of its parent */
  partition: number;
  at: number;
  toldAt: number;
  severity: Severity;
  score: number;
  timeZone: string;
  riskId: string;
  reasons: Incident['reasons'];
  sentences: Record<string, string>;
  model: string;
}

/** What related incidents share; the parent's `entity`, and with the pipeline the key of its partition. */
export function groupOf(of: Pick<Incident, 'domain' | 'reason'>): string {
  return `${of.domain}: ${of.reason}`;
}

export function memberOf(incident: Incident): Member {
  return {
    incident: incident.id,
    entity: incident.entity,
    partition: incident.partition,
    at: incident.lastRiskAt,
    toldAt: incident.changedAt,
    severity: incident.severity,
    score: incident.maxScore,
    timeZone: incident.timeZone,
    riskId: incident.firstRiskId,
    reasons: incident.reasons,
    sentences: incident.sentences,
    model: incident.model,
  };
}

/** Does this parent take in an incident with a risk at this time? */
export function standsFor(parent: Incident, at: number, windowMs: number): boolean {
  return isActive(parent) && at >= parent.openedAt - windowMs && at <= parent.lastRiskAt + windowMs;
}

/**
 * Takes in the member that the command at `offset` of the commands topic tells of. `waiting` are the members of the
 * group that have no parent, this one among them; `known` says that the parent has counted it already.
 */
export function takeMember(
  parents: readonly Incident[],
  member: Member,
  group: Pick<Incident, 'pipeline' | 'domain' | 'reason'>,
  waiting: readonly Member[],
  place: { partition: number; offset: number },
  rules: RelatedRules & { parentId(group: string, member: string): string; severity?: SeverityRules },
  known: (parent: Incident) => boolean,
): Outcome {
  if (parents.some((one) => place.offset <= one.lastCommandOffset))
    return { incidents: parents, changes: repeats(parents, (one) => one.lastCommandOffset === place.offset) };
  const parent = parents.find((one) => standsFor(one, member.at, rules.windowMs));
  if (parent) {
    const after = join(parent, member, place.offset, known(parent), rules.severity ?? SEVERITY_RULES);
    return {
      incidents: parents.map((one) => (one === parent ? after : one)),
      changes: [{ kind: after.changeKind, incident: after, repeated: false }],
    };
  }
  const near = waiting.filter((one) => Math.abs(one.at - member.at) <= rules.windowMs);
  if (rules.members < 1 || near.length < rules.members) return { incidents: parents, changes: [] };
  const opened = open(near, member, group, place, rules.parentId(groupOf(group), member.incident));
  const changes: Change[] = [{ kind: 'opened', incident: opened, repeated: false }];
  return { incidents: newest([...parents, opened]), changes };
}

function open(
  members: readonly Member[],
  newcomer: Member,
  group: Pick<Incident, 'pipeline' | 'domain' | 'reason'>,
  place: { partition: number; offset: number },
  id: string,
): Incident {
  const strongest = members.reduce((a, b) => (b.score > a.score ? b : a));
  const first = members.reduce((a, b) => (b.at < a.at ? b : a));
  const lastRiskAt = Math.max(...members.map((one) => one.at));
  return {
    ...firstSeverity(worst(members), lastRiskAt),
    id,
    kind: 'parent',
    pipeline: group.pipeline,
    domain: group.domain,
    entity: groupOf(group),
    reason: group.reason,
    parent: '',
    members: members.length,
    labels: [],
    verdict: '',
    state: 'open',
    change: 1,
    changeKind: 'opened',
    changedAt: newcomer.toldAt,
    changedBy: 'riskwire',
    note: `${members.length} incidents of ${group.domain} with one reason: ${group.reason}`,
    openedAt: first.at,
    lastRiskAt,
    waitingSince: newcomer.toldAt,
    escalations: 0,
    judged: 0,
    events: [],
    timeZone: first.timeZone,
    risks: members.length,
    maxScore: strongest.score,
    firstRiskId: first.riskId,
    lastRiskId: newcomer.riskId,
    lastRiskOffset: place.offset,
    eventPartition: -1,
    lastEventOffset: -1,
    firstOffsets: [],
    lastCommandOffset: place.offset,
    partition: place.partition,
    reasons: strongest.reasons,
    sentences: strongest.sentences,
    context: {},
    model: strongest.model,
  };
}

function join(
  parent: Incident,
  member: Member,
  offset: number,
  known: boolean,
  rules: SeverityRules,
): Incident {
  const { step, ...severity } = severityAfter(parent, { ...member, eventTime: member.at }, rules);
  const stronger = member.score > parent.maxScore;
  return {
    ...parent,
    ...severity,
    change: parent.change + 1,
    changeKind: step === 'rose' ? 'escalated' : step === 'fell' ? 'eased' : 'grown',
    changedAt: member.toldAt,
    changedBy: 'riskwire',
    note: '',
    openedAt: Math.min(parent.openedAt, member.at),
    lastRiskAt: Math.max(parent.lastRiskAt, member.at),
    lastRiskId: member.riskId,
    lastRiskOffset: offset,
    lastCommandOffset: offset,
    members: parent.members + (known ? 0 : 1),
    risks: parent.risks + (known ? 0 : 1),
    maxScore: Math.max(parent.maxScore, member.score),
    ...(stronger ? { reasons: member.reasons, sentences: member.sentences, model: member.model } : {}),
  };
}

function worst(members: readonly Member[]): Severity {
  return members.reduce<Severity>(
    (most, one) =>
      severityAfter(
        { severity: most, seen: [], peak: '', peakAt: 0, lastRiskAt: one.at },
        { severity: one.severity, eventTime: one.at },
        { easeMs: Number.POSITIVE_INFINITY, flapMs: 0 },
      ).severity,
    'low',
  );
}
