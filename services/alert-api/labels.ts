import type { Change, Incident } from '../../alerting/incidents.js';
import type { Feedback } from './records.js';

/** Does it say whether the incident was right? Then it is a label for the models. */
export function isLabel(kind: Change['kind']): boolean {
  return kind === 'falseAlarm' || kind === 'confirmed';
}

/**
 * What a person said of an incident, as labels: one for each event that the incident keeps, with the event's secondary
 * entities and its own surprise, or nobody would learn of the terminal. Where the pipeline uses no labels, and of
 * incidents from before, one for the incident as a whole. The ids are the change's and the event's: a change that is
 * taken in again gives the same labels.
 */
export function labelsOf(incident: Incident): Feedback[] {
  const { pipeline, domain, entity } = incident;
  const label = incident.verdict === 'confirmed' && incident.state !== 'falseAlarm' ? 'risk' : 'falseAlarm';
  const common = {
    pipeline,
    domain,
    entity,
    incident: incident.id,
    label,
    givenAt: incident.changedAt,
    givenBy: incident.changedBy,
    note: incident.note,
  } as const;
  const id = `${incident.id}-${incident.change}`;
  if (incident.events.length === 0)
    return [{ ...common, id, eventId: '', eventTime: incident.lastRiskAt, secondary: {}, surprise: 0 }];
  return incident.events.map(({ time, offset, eventId, secondary, surprise }) => ({
    ...common,
    id: `${id}-${offset}`,
    eventId,
    eventTime: time,
    secondary,
    surprise,
  }));
}
