import type { EachBatchPayload, Kafka, Producer } from 'kafkajs';
import {
  announces,
  type Change,
  type CommandAction,
  type Incident,
  type IncidentRules,
  isActive,
  type Outcome,
  PLAIN_COMMAND,
} from '../../alerting/incidents.js';
import { groupOf, type Member, memberOf, type RelatedRules, takeMember } from '../../alerting/parents.js';
import { nextEscalation } from '../../alerting/routing.js';
import { coPartitioned } from '../../lib/co-partitioned.js';
import { deliveryId, parentId } from '../../lib/ids.js';
import { type RunningConsumer, runConsumer, sendBatches } from '../../lib/kafka.js';
import type { Logger } from '../../lib/log.js';
import { partitionOf } from '../../lib/partitioner.js';
import type { Table } from '../../lib/table.js';
import type { TopicReader } from '../../lib/topic-reader.js';
import type { TopicNames } from '../../lib/topics.js';
import { type AnnounceDeps, deliveriesOf } from './announce.js';
import type { Delivery } from './delivery.js';
import { type DeliveryWorker, shareBodies } from './delivery-worker.js';
import { Ownership } from './ownership.js';
import { PartitionState, Segment } from './partition-state.js';
import { type Codecs, type CommandRecord, entityKey, type Feedback } from './records.js';
import { type Redelivery, redeliver } from './redelivery.js';
import { followParents, groupKey, Related } from './related.js';
import type { View } from './views.js';

export interface FlowDeps extends AnnounceDeps {
  kafka: Kafka;
  producer: Producer;
  reader: TopicReader;
  topics: TopicNames;
  groupId: string;
  sessionTimeoutMs: number;
  codecs: Codecs;
  incidents: Table<Incident>;
  deliveries: Table<Delivery>;
  worker: DeliveryWorker;
  rules: IncidentRules;
  related: RelatedRules;
  /** incidents of all partitions */
  view: View<Incident>;
  /** how many partitions the topics have */
  partitions: number;
  /** how often incidents are looked over for those that went quiet, and old records for those to give up */
  sweepMs: number;
  /** closed incidents and finished deliveries are kept this long */
  retentionMs: number;
  log: Logger;
  figures: {
    opened(pipeline: string): void;
    lag(topic: string, partition: number, records: number): void;
    released(topic: string, partition: number): void;
  };
  /** the flow can't go on */
  onEnd(error: Error): void;
}

export interface Flow {
  owns(partition: number): boolean;
  /** partitions that are ours and restored */
  readonly partitions: number[];
  /** has the group been joined, and is every partition of ours restored? */
  readonly ready: boolean;
  stop(): Promise<void>;
}

/** What is held of a partition of ours. */
interface Owned {
  partition: number;
  state: PartitionState;
  related: Related;
}

/** `of`: whose incidents they are, when not those of the input's entity. */
type FlowOutcome = Outcome & { of?: { pipeline: string; domain: string; entity: string } };

/** Most changes written together: their records fit one request, so of a segment's incidents all are kept or none. */
const MOST_CHANGES = 100;
/** How long requests under way may take when the service stops; a restart sends what was given up again. */
const STOP_GRACE_MS = 3_000;
/** Incidents left to a parent that didn't come about are told of after this. */
const FORGOTTEN_AFTER_MS = 15_000;
const EXPIRY_NOTE = 'no further risk within the quiet gap';

/**
 * The whole flow of the alert API, on the partitions that the group gives us:
 *
 *   risks    ─┐                ┌─▶ incidents ─▶ deliveries ─▶ worker ─▶ webhooks
 *   commands ─┴─▶ fold by entity
 *                 ▲            └─▶ feedback (a false alarm is a label)
 *                 └── restored from incidents when a partition becomes ours
 */
export async function startFlow(deps: FlowDeps): Promise<Flow> {
  const { topics, codecs, incidents, deliveries, log } = deps;
  const parents = followParents(deps.view);
  const partitionOfGroup = (group: string) => partitionOf(group, deps.partitions);
  const owned = new Ownership<Owned>({
    open: async (partition, signal) => {
      await incidents.restore(deps.reader, [partition], { signal });
      await deliveries.restore(deps.reader, [partition], { signal });
      const state = new PartitionState(
        partition,
        deps.rules,
        (id) => incidents.get(id, partition),
        values(incidents.entries(partition)),
      );
      const pending = [...values(deliveries.entries(partition))]
        .filter((one) => one.state === 'pending')
        .sort((a, b) => a.change - b.change);
      deps.worker.add(shareBodies(pending.map((delivery) => ({ partition, delivery }))));
      log.info(
        { partition, incidents: incidents.size(partition), pending: pending.length },
        'partition restored',
      );
      const related = new Related(deps.related, deps.view, parents, partitionOfGroup, partition, deps.now());
      return { partition, state, related };
    },
    close: (partition) => {
      deps.worker.release([partition]);
      incidents.forget(partition);
      deliveries.forget(partition);
      for (const topic of [topics.risks, topics.commands]) deps.figures.released(topic, partition);
    },
    onFault: (partition, error) =>
      log.warn({ partition, error }, 'a partition could not be restored; it is tried again'),
  });

  async function handleBatch(payload: EachBatchPayload): Promise<void> {
    const { batch, resolveOffset, heartbeat, isRunning, isStale, commitOffsetsIfNecessary } = payload;
    const { topic, partition } = batch;
    const ours = await owned.opened(partition, heartbeat);
    if (!ours) return; // no longer ours; whoever has it now reads the same batch
    const segment = new Segment();
    let next: string | undefined;
    try {
      for (const message of batch.messages) {
        if (!isRunning() || isStale()) break;
        const input = decode(topic, message.value, partition, message.offset);
        if (input) {
          const offset = Number(message.offset);
          const outcome: FlowOutcome =
            input.kind === 'risk'
              ? ours.state.risk(input.value, offset)
              : await command(ours, input.value, offset);
          if (segment.collides(outcome.changes) || segment.size >= MOST_CHANGES) {
            await write(ours, segment.take());
            if (next !== undefined) resolveOffset(String(BigInt(next) - 1n));
            await heartbeat();
          }
          segment.add(outcome.changes, isFinal);
          ours.state.keep(outcome.of ?? input.value, outcome.incidents);
        }
        next = String(BigInt(message.offset) + 1n);
      }
      await write(ours, segment.take());
    } catch (error) {
      // What was kept of a failed write is unknown: the state is read anew before the batch is.
      owned.reopen(partition);
      throw error;
    }
    if (next === undefined) return;
    resolveOffset(String(BigInt(next) - 1n));
    // The order that loses nothing: incidents acked -> what follows from them acked (commands to the owners of related
    // ones, deliveries, labels) -> offsets committed. After a crash the batch
    // is read again: what an incident has seen already changes nothing, and if its last change is the input's, that
    // change's deliveries are made up for. An incident is not written over before its change's deliveries are acked.
    await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: next }] }] });
    deps.figures.lag(topic, partition, Math.max(0, Number(BigInt(batch.highWatermark) - BigInt(next))));
  }

  function decode(topic: string, value: Buffer | null, partition: number, offset: string) {
    try {
      if (value === null) throw new TypeError('the record has no value');
      if (topic === topics.commands) return { kind: 'command', value: codecs.command.decode(value) } as const;
      return { kind: 'risk', value: codecs.risk.decode(value) } as const;
    } catch (error) {
      log.error(
        { topic, partition, offset, error },
        'a record of our own topic could not be read; it is passed over',
      );
      return undefined;
    }
  }

  async function command(
    { partition, state, related }: Owned,
    value: CommandRecord,
    offset: number,
  ): Promise<FlowOutcome> {
    if (value.action === 'redeliver') {
      await sendAgain(partition, value, offset);
      return { incidents: [], changes: [] };
    }
    if (value.action !== 'gather') return state.command(value, offset);
    const { member, reason } = JSON.parse(value.detail) as { member: Member; reason: string };
    const group = { pipeline: value.pipeline, domain: value.domain, reason };
    const entity = groupOf(group);
    const outcome = takeMember(
      state.parents(value.pipeline, entity),
      member,
      group,
      related.wait(groupKey(group), member),
      { partition, offset },
      { ...deps.related, parentId, severity: deps.rules.severity },
      (parent) => deps.view.get(member.incident)?.parent === parent.id,
    );
    return { ...outcome, of: { ...group, entity } };
  }

  /** The same webhooks once more, because somebody asked for them. */
  async function sendAgain(partition: number, value: CommandRecord, offset: number): Promise<void> {
    const again = redeliver(
      values(deliveries.entries(partition)),
      JSON.parse(value.detail) as Redelivery,
      offset + 1,
      deps.now(),
      (id) => incidents.get(id, partition),
      deps.publicUrl,
    );
    await deliveries.putAll(
      again.map((one) => [one.id, one] as const),
      partition,
    );
    if (owned.has(partition)) deps.worker.add(again.map((delivery) => ({ partition, delivery })));
  }

  async function write({ partition, related }: Owned, changes: readonly Change[]): Promise<void> {
    const fresh = changes.filter((change) => !change.repeated);
    await incidents.putAll(
      fresh.map(({ incident }) => [incident.id, incident] as const),
      partition,
    );
    for (const { incident } of changes) related.note(incident);
    await tellRelated(related, changes);
    const announced = changes.filter((change) => announces(change.kind));
    const due = announced.flatMap(({ incident }) =>
      deliveriesOf(incident, partition, deps, (id) => deliveries.get(id, partition), {
        covered: related.covers(incident, deps.now()),
      }),
    );
    await deliveries.putAll(
      due.map(({ delivery }) => [delivery.id, delivery] as const),
      partition,
    );
    const labels = changes
      .filter(({ kind, incident }) => isLabel(kind) && incident.kind === 'single')
      .map(({ incident }) => labelOf(incident));
    await sendBatches(
      deps.producer,
      topics.feedback,
      labels.map((label) => ({ key: entityKey(label), value: codecs.feedback.encode(label) })),
    );
    if (owned.has(partition)) deps.worker.add(due);
    for (const change of fresh)
      if (change.kind === 'opened' && change.incident.kind === 'single')
        deps.figures.opened(change.incident.pipeline);
  }

  /** What others must hear of: the owner of a group of each incident in it, the owner of an incident of its parent. */
  async function tellRelated(related: Related, changes: readonly Change[]): Promise<void> {
    if (!related.on) return;
    const gathered = changes.filter(({ incident }) => related.concerns(incident));
    const parentsHere = changes
      .filter(({ incident }) => incident.kind === 'parent')
      .map((one) => one.incident);
    const commands = [
      ...gathered.map(({ incident }) => {
        const key = groupKey(incident);
        const detail = JSON.stringify({ member: memberOf(incident), reason: incident.reason });
        return { key, partition: partitionOfGroup(key), value: ownCommand(incident, 'gather', { detail }) };
      }),
      ...parentsHere.flatMap((parent) =>
        related.takeLinked(parent).map((member) => ({
          key: entityKey({ pipeline: parent.pipeline, entity: member.entity }),
          partition: member.partition,
          value: ownCommand({ ...parent, id: member.incident, entity: member.entity }, 'link', {
            detail: parent.id,
          }),
        })),
      ),
    ];
    await sendBatches(deps.producer, topics.commands, commands);
  }

  /** A command of the service itself. */
  function ownCommand(
    of: { id: string; pipeline: string; domain: string; entity: string },
    action: CommandAction,
    more: Partial<CommandRecord>,
  ): Buffer {
    const { id, pipeline, domain, entity } = of;
    return codecs.command.encode({
      ...PLAIN_COMMAND,
      ...{ id: `${action}-${id}`, incident: id, pipeline, domain, entity, action },
      ...{ by: 'riskwire', at: deps.now() },
      ...more,
    });
  }

  /** Every few seconds: incidents that went quiet or that nobody acknowledged, and records past their retention. */
  async function sweep(): Promise<void> {
    const now = deps.now();
    const standing = new Set<string>();
    for (const one of deps.view.values()) if (one.parent !== '' && isActive(one)) standing.add(one.parent);
    for (const { partition, state, related } of owned.all()) {
      const commands: { of: Incident; value: Buffer }[] = [];
      for (const { incident: id, ifLastRiskOffset } of state.quiet(now, standing)) {
        const of = incidents.get(id, partition);
        if (!of) continue;
        const more = { id: `expire-${id}-${ifLastRiskOffset}`, ifLastRiskOffset, note: EXPIRY_NOTE };
        commands.push({ of, value: ownCommand(of, 'expire', more) });
      }
      for (const of of state.unacknowledged()) {
        const minutes = nextEscalation(of, deps.policy());
        if (minutes === undefined || now < of.waitingSince + minutes * 60_000) continue;
        const note = `nobody acknowledged it within ${minutes} minutes`;
        commands.push({ of, value: ownCommand(of, 'escalate', { level: of.escalations, note }) });
      }
      await sendBatches(
        deps.producer,
        topics.commands,
        commands.map(({ of, value }) => ({ key: entityKey(of), partition, value })),
      );
      await tellForgotten(partition, related, now);
      await giveUpOld(partition, now - deps.retentionMs);
    }
  }

  /** Incidents whose parent closed in the moment in which it was to stand for them. */
  async function tellForgotten(partition: number, related: Related, now: number): Promise<void> {
    const due = related.forgotten(now, FORGOTTEN_AFTER_MS).flatMap((id) => {
      const incident = incidents.get(id, partition);
      if (!incident || !isActive(incident) || incident.parent !== '') return [];
      return deliveriesOf(
        { ...incident, changeKind: 'opened' },
        partition,
        deps,
        (one) => deliveries.get(one, partition),
        {
          onlyEndpointsBefore: incident.changedAt,
        },
      ).filter(
        ({ delivery }) => deliveries.get(deliveryId(id, 1, delivery.endpoint), partition) === undefined,
      );
    });
    await deliveries.putAll(
      due.map(({ delivery }) => [delivery.id, delivery] as const),
      partition,
    );
    if (owned.has(partition)) deps.worker.add(due);
  }

  /** Tombstones for what is past its retention; ClickHouse has the history. */
  async function giveUpOld(partition: number, before: number): Promise<void> {
    const oldIncidents = [...incidents.entries(partition)].filter(
      ([, one]) => (one.state === 'closed' || one.state === 'falseAlarm') && one.changedAt < before,
    );
    const oldDeliveries = [...deliveries.entries(partition)].filter(
      ([, one]) => one.state !== 'pending' && one.updatedAt < before,
    );
    await Promise.all([
      ...oldIncidents.map(([id]) => incidents.delete(id, partition)),
      ...oldDeliveries.map(([id]) => deliveries.delete(id, partition)),
    ]);
  }

  let sweeping: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    sweeping = sweeping
      .then(sweep)
      .catch((error: unknown) =>
        log.warn({ error }, 'the sweep for quiet incidents failed; the next one makes up for it'),
      );
  }, deps.sweepMs);

  let joined = false;
  const consumer: RunningConsumer = await runConsumer(deps.kafka, {
    groupId: deps.groupId,
    topics: [topics.risks, topics.commands],
    assigner: coPartitioned,
    eachBatch: handleBatch,
    maxBytesPerPartition: 1 << 20,
    maxWaitMs: 100,
    sessionTimeoutMs: deps.sessionTimeoutMs,
    onAssigned: (assignment, { memberId }) => {
      joined = true;
      owned.assign(assignment[topics.risks] ?? [], memberId);
      log.info({ partitions: assignment[topics.risks] ?? [] }, 'partitions assigned');
    },
    onEnd: deps.onEnd,
  });

  return {
    owns: (partition) => owned.has(partition),
    get partitions() {
      return owned.all().map((one) => one.partition);
    },
    get ready() {
      return joined && owned.settled;
    },
    async stop() {
      clearInterval(timer);
      await sweeping;
      await consumer.stop();
      // The worker writes down what its last requests came to, so it stops while the partitions are still held.
      await deps.worker.stop(STOP_GRACE_MS);
      owned.assign([], '');
    },
  };
}

/** What must be followed by a write of its own: changes that someone may be told of. */
function isFinal(change: Change): boolean {
  return announces(change.kind) || isLabel(change.kind);
}

/** Does it say whether the incident was right? Then it is a label for the models. */
function isLabel(kind: Change['kind']): boolean {
  return kind === 'falseAlarm' || kind === 'confirmed';
}

function labelOf(incident: Incident): Feedback {
  const { pipeline, domain, entity } = incident;
  return {
    id: `${incident.id}-${incident.change}`,
    pipeline,
    domain,
    entity,
    incident: incident.id,
    eventId: '',
    eventTime: incident.lastRiskAt,
    label: incident.verdict === 'confirmed' && incident.state !== 'falseAlarm' ? 'risk' : 'falseAlarm',
    givenAt: incident.changedAt,
    givenBy: incident.changedBy,
    note: incident.note,
  };
}

function* values<V>(entries: Iterable<[string, V]>): Iterable<V> {
  for (const [, value] of entries) yield value;
}
