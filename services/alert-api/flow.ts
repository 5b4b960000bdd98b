import type { EachBatchPayload } from 'kafkajs';
import { PLAIN_COMMAND } from '../../alerting/commands.js';
import { announces, type Change, type Outcome, repeats } from '../../alerting/incidents.js';
import { groupOf, type Member, memberOf, takeMember } from '../../alerting/parents.js';
import { coPartitioned } from '../../lib/co-partitioned.js';
import { parentId } from '../../lib/ids.js';
import { type RunningConsumer, runConsumer, sendBatches } from '../../lib/kafka.js';
import { partitionOf } from '../../lib/partitioner.js';
import { deliveriesOf } from './announce.js';
import { shareBodies } from './delivery-worker.js';
import type { FlowDeps, Owned } from './flow-deps.js';
import { isLabel, labelsOf } from './labels.js';
import { Ownership } from './ownership.js';
import { PartitionState, Segment } from './partition-state.js';
import { type CommandRecord, entityKey } from './records.js';
import { type Redelivery, redeliver } from './redelivery.js';
import { followParents, groupKey, Related } from './related.js';
import { type OwnCommand, sweep } from './sweep.js';
import { CommittedOffsets, unfinished } from './unfinished.js';

export interface Flow {
  owns(partition: number): boolean;
  /** partitions that are ours and restored */
  readonly partitions: number[];
  /** has the group been joined, and is every partition of ours restored? */
  readonly ready: boolean;
  stop(): Promise<void>;
}

/** `of`: whose incidents they are, when not those of the input's entity. */
type FlowOutcome = Outcome & { of?: { pipeline: string; domain: string; entity: string } };

/** Most changes written together: their records fit one request, so of a segment's incidents all are kept or none. */
const MOST_CHANGES = 100;
/** How long requests under way may take when the service stops; a restart sends what was given up again. */
const STOP_GRACE_MS = 3_000;

/**
 * The whole flow of the alert API, on the partitions that the group gives us:
 *
 *   risks    ─┐                ┌─▶ incidents ─▶ deliveries ─▶ worker ─▶ webhooks
 *   commands ─┴─▶ fold by entity
 *                 ▲            └─▶ feedback (a person's verdict is a label of each event)
 *                 └── restored from incidents when a partition becomes ours
 */
export async function startFlow(deps: FlowDeps): Promise<Flow> {
  const { topics, codecs, incidents, deliveries, log } = deps;
  const parents = followParents(deps.view);
  const partitionOfGroup = (group: string) => partitionOf(group, deps.partitions);
  const offsets = new CommittedOffsets(deps.kafka, deps.groupId, topics);
  const owned = new Ownership<Owned>({
    open: async (partition, signal) => {
      const committed = await offsets.of(partition);
      signal.throwIfAborted(); // before the tables hold what a later opening has read already
      await incidents.restore(deps.reader, [partition], { signal });
      await deliveries.restore(deps.reader, [partition], { signal });
      const state = new PartitionState(
        partition,
        deps.rules,
        (id) => incidents.get(id, partition),
        values(incidents.entries(partition)),
      );
      const related = new Related(deps.related, deps.view, parents, partitionOfGroup, partition, deps.now());
      const last = unfinished(values(incidents.entries(partition)), committed);
      await write(
        { partition, state, related },
        repeats(last, () => true),
      );
      signal.throwIfAborted(); // before the worker gets what another owner has now
      const pending = [...values(deliveries.entries(partition))]
        .filter((one) => one.state === 'pending')
        .sort((a, b) => a.change - b.change);
      deps.worker.add(shareBodies(pending.map((delivery) => ({ partition, delivery }))));
      log.info(
        { partition, incidents: incidents.size(partition), pending: pending.length },
        'partition restored',
      );
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
        if (!isRunning() || isStale() || !owned.holds(partition, ours)) break;
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
    // Opened anew while this was under way: what that read may be older than what was written here, so it must read the
    // batch too.
    if (next === undefined || !owned.holds(partition, ours)) return;
    resolveOffset(String(BigInt(next) - 1n));
    // The order that loses nothing: incidents acked -> what follows from them acked (commands to the owners of related
    // ones, deliveries, labels) -> offsets committed. After a crash the batch
    // is read again, and what an incident has seen already changes nothing. An incident is not written over before its
    // change's deliveries are acked: not within an ownership, and a new owner makes up for them before it reads on.
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
      .flatMap(({ incident }) => labelsOf(incident));
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
  const ownCommand: OwnCommand = (of, action, more) => {
    const { id, pipeline, domain, entity } = of;
    return codecs.command.encode({
      ...PLAIN_COMMAND,
      ...{ id: `${action}-${id}`, incident: id, pipeline, domain, entity, action },
      ...{ by: 'riskwire', at: deps.now() },
      ...more,
    });
  };

  let sweeping: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    sweeping = sweeping
      .then(() => sweep(deps, owned, ownCommand))
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

function* values<V>(entries: Iterable<[string, V]>): Iterable<V> {
  for (const [, value] of entries) yield value;
}
