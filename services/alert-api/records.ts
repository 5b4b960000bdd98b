import type { IncidentCommand } from '../../alerting/commands.js';
import type { Incident, RiskInput } from '../../alerting/incidents.js';
import type { Delivery } from './delivery.js';

/** The record of riskwire.commands: the command with what its message key is made of. */
export interface CommandRecord extends IncidentCommand {
  pipeline: string;
  domain: string;
  entity: string;
}

/** The record of riskwire.feedback. */
export interface Feedback {
  id: string;
  pipeline: string;
  domain: string;
  entity: string;
  incident: string;
  eventId: string;
  eventTime: number;
  label: 'risk' | 'falseAlarm';
  givenAt: number;
  givenBy: string;
  note: string;
  secondary: Record<string, string>;
  surprise: number;
}

/** The record of riskwire.control; `json` is checked against its schema where it is read. */
export interface ControlRecord {
  kind: string;
  id: string;
  version: number;
  changedAt: number;
  changedBy: string;
  json: string;
}

export interface Codec<V> {
  encode(value: V): Buffer;
  decode(bytes: Buffer): V;
}

/** How each topic's records are kept. */
export interface Codecs {
  risk: Codec<RiskInput>;
  command: Codec<CommandRecord>;
  incident: Codec<Incident>;
  delivery: Codec<Delivery>;
  feedback: Codec<Feedback>;
  control: Codec<ControlRecord>;
}

/** Keeps what belongs to an entity in one partition. Not the domain: a card that pays abroad is still that card. */
export function entityKey(of: { pipeline: string; entity: string }): string {
  return `${of.pipeline}|${of.entity}`;
}
