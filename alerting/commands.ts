/** The other log that incidents are a fold over, see incidents.ts: what people, and sweeps, ask of them. */
import {
  type ChangeKind,
  changed,
  type Incident,
  type IncidentState,
  isActive,
  next,
  type Outcome,
  repeats,
} from './incidents.js';

export const COMMAND_ACTIONS = [
  'acknowledge',
  'close',
  'falseAlarm',
  'note',
  'expire',
  'confirm',
  'label',
  'escalate',
  'gather',
  'link',
  'redeliver',
] as const;
export type CommandAction = (typeof COMMAND_ACTIONS)[number];

/** Of commands that need no more than their action, a note and who gives them. */
export const PLAIN_COMMAND = { note: '', ifLastRiskOffset: -1, labels: [] as string[], level: 0, detail: '' };

/** What a person, or a sweep, asks of an incident. `gather` and `redeliver` are for the owner of the partition. */
export interface IncidentCommand {
  id: string;
  incident: string;
  action: CommandAction;
  by: string;
  at: number;
  note: string;
  /** `expire` only: holds if no risk came since, which is what makes a stale sweep harmless */
  ifLastRiskOffset: number;
  /** `label` only: its labels from now on */
  labels: string[];
  /** `escalate` only: holds if it was escalated so often */
  level: number;
  /** JSON; `link`: the parent's id */
  detail: string;
}

/**
 * Takes in the command at `offset` of the commands topic. One that doesn't apply is only marked as seen, since it
 * might apply to a later state and must not when it is read again.
 */
export function takeCommand(
  incidents: readonly Incident[],
  command: IncidentCommand,
  offset: number,
): Outcome {
  const target = incidents.find((one) => one.id === command.incident);
  if (!target) return { incidents, changes: [] };
  if (offset <= target.lastCommandOffset) {
    return { incidents, changes: repeats([target], (one) => one.lastCommandOffset === offset) };
  }
  const effect = effectOf(target, command);
  if (!effect) {
    const seen = { ...target, lastCommandOffset: offset };
    return {
      incidents: incidents.map((one) => (one === target ? seen : one)),
      changes: [{ kind: 'seen', incident: seen, repeated: false }],
    };
  }
  const after = next(target, effect.kind, {
    state: effect.state,
    ...effect.more,
    changedAt: command.at,
    changedBy: command.by,
    note: command.note,
    lastCommandOffset: offset,
  });
  return { incidents: incidents.map((one) => (one === target ? after : one)), changes: [changed(after)] };
}

/** What a command would do to the incident; nothing when it doesn't apply in its state. */
export function effectOf(
  incident: Incident,
  command: Omit<IncidentCommand, 'id' | 'incident' | 'by' | 'at' | 'note'>,
): { kind: ChangeKind; state: IncidentState; more?: Partial<Incident> } | undefined {
  switch (command.action) {
    case 'acknowledge':
      return incident.state === 'open' ? { kind: 'acknowledged', state: 'acknowledged' } : undefined;
    case 'close':
      return isActive(incident) ? { kind: 'closed', state: 'closed' } : undefined;
    case 'falseAlarm':
      return incident.state === 'falseAlarm' ? undefined : { kind: 'falseAlarm', state: 'falseAlarm' };
    case 'note':
      return { kind: 'noted', state: incident.state };
    case 'expire':
      return isActive(incident) && incident.lastRiskOffset === command.ifLastRiskOffset
        ? { kind: 'closed', state: 'closed' }
        : undefined;
    case 'confirm':
      // Once more when there are risks that were not there the last time.
      return (incident.verdict === 'confirmed' && incident.judged >= incident.risks) ||
        incident.state === 'falseAlarm'
        ? undefined
        : {
            kind: 'confirmed',
            state: incident.state,
            more: { verdict: 'confirmed', judged: incident.risks },
          };
    case 'label':
      return { kind: 'labelled', state: incident.state, more: { labels: command.labels } };
    case 'escalate':
      return incident.state === 'open' && incident.escalations === command.level
        ? {
            kind: 'unacknowledged',
            state: 'open',
            more: { escalations: incident.escalations + 1 },
          }
        : undefined;
    case 'link':
      return incident.parent === command.detail
        ? undefined
        : { kind: 'linked', state: incident.state, more: { parent: command.detail } };
    case 'gather':
    case 'redeliver':
      return undefined;
  }
}
