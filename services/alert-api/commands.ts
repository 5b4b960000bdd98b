import { randomUUID } from 'node:crypto';
import type { Producer } from 'kafkajs';
import { type CommandAction, effectOf, PLAIN_COMMAND } from '../../alerting/commands.js';
import type { Incident } from '../../alerting/incidents.js';
import { sendBatches } from '../../lib/kafka.js';
import { type Codec, type CommandRecord, entityKey } from './records.js';
import type { Redelivery } from './redelivery.js';
import type { View } from './views.js';

export interface Commands {
  /** What came of it: the incident as the command left it, or what it is now and that the command waits for its owner. */
  send(
    incident: Incident,
    action: CommandAction,
    by: string,
    note: string,
    labels?: string[],
  ): Promise<{ applied: boolean; incident: Incident }>;
  /** As `send` for many, without waiting for what comes of it. */
  sendAll(incidents: readonly Incident[], action: CommandAction, by: string, note: string): Promise<void>;
  /** Asks the owners of these partitions to send the selected deliveries again. */
  redeliver(partitions: readonly number[], select: Redelivery, by: string): Promise<void>;
}

/**
 * A person's word on an incident goes to the owner of its partition as a record of the commands topic, so it doesn't
 * matter which replica was asked, none of them writes another one's state, and what was said is on record.
 */
export function createCommands(deps: {
  producer: Producer;
  topic: string;
  codec: Codec<CommandRecord>;
  view: View<Incident>;
  now(): number;
  waitMs: number;
}): Commands {
  return {
    async sendAll(incidents, action, by, note) {
      const records = incidents.map((incident) => {
        const { id, pipeline, domain, entity, partition } = incident;
        const value = deps.codec.encode({
          ...PLAIN_COMMAND,
          ...{ id: randomUUID(), incident: id, pipeline, domain, entity, action, by, at: deps.now(), note },
        });
        return { key: entityKey(incident), partition, value };
      });
      await sendBatches(deps.producer, deps.topic, records);
    },
    async redeliver(partitions, select, by) {
      const id = randomUUID();
      await deps.producer.send({
        topic: deps.topic,
        acks: -1,
        messages: partitions.map((partition) => ({
          key: `redeliver-${id}`,
          partition,
          value: deps.codec.encode({
            ...PLAIN_COMMAND,
            ...{ id, incident: '', pipeline: '', domain: '', entity: '', action: 'redeliver' },
            ...{ by, at: deps.now(), detail: JSON.stringify(select) },
          }),
        })),
      });
    },
    async send(incident, action, by, note, labels = []) {
      const { pipeline, domain, entity, partition } = incident;
      const command: CommandRecord = {
        ...PLAIN_COMMAND,
        id: randomUUID(),
        incident: incident.id,
        pipeline,
        domain,
        entity,
        action,
        by,
        at: deps.now(),
        note,
        labels,
      };
      const [sent] = await deps.producer.send({
        topic: deps.topic,
        acks: -1,
        messages: [{ key: entityKey(incident), partition, value: deps.codec.encode(command) }],
      });
      const offset = Number(sent?.baseOffset ?? -1);
      const after = await deps.view.when(incident.id, (one) => one.lastCommandOffset >= offset, deps.waitMs);
      return after
        ? { applied: true, incident: after }
        : { applied: false, incident: deps.view.get(incident.id) ?? incident };
    },
  };
}

/** true when the command would change something in the incident's present state. */
export function applies(incident: Incident, action: CommandAction): boolean {
  return effectOf(incident, { ...PLAIN_COMMAND, action }) !== undefined;
}
