import type { EachBatchPayload, Kafka, Producer } from 'kafkajs';
import { announces, type Change, type Incident, type IncidentRules } from '../../alerting/incidents.js';
import { incidentPayload } from '../../alerting/payload.js';
import { type EndpointFilter, wants } from '../../alerting/routes.js';
import { coPartitioned } from '../../lib/co-partitioned.js';
import { deliveryId } from '../../lib/ids.js';
import { type RunningConsumer, runConsumer, sendBatches } from '../../lib/kafka.js';
import type { Logger } from '../../lib/log.js';
import type { Table } from '../../lib/table.js';
import type { TopicReader } from '../../lib/topic-reader.js';
import type { TopicNames } from '../../lib/topics.js';
import { type Delivery, NEW_DELIVERY, type PlacedDelivery } from './delivery.js';
import { type DeliveryWorker, shareBodies } from './delivery-worker.js';
import { Ownership } from './ownership.js';
import { PartitionState, Segment } from './partition-state.js';
import { type Codecs, entityKey, type Feedback } from './records.js';

export interface FlowDeps {
  kafka: Kafka;
  producer: Producer;
  reader: TopicReader;
  topics: TopicNames;
  groupId: string;
  codecs: Codecs;
  incidents: Table<Incident>;
  deliveries: Table<Delivery>;
  worker: DeliveryWorker;
  /** endpoints that are enabled */
  endpoints(): readonly ({ id: string } & EndpointFilter)[];
  rules: IncidentRules;
  publicUrl: string;
  /** how often incidents are looked over for those that went quiet, and old records for those to give up */
  sweepMs: number;
  /** closed incidents and finished deliveries are kept this long */
  retentionMs: number;
  now(): number;
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

/** Most changes written together: their records fit one request, so of a segment's incidents all are kept or none. */
const MOST_CHANGES = 100;
/** How long requests under way may take when the service stops; a restart sends what was given up again. */
const STOP_GRACE_MS = 3_000;
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
  const owned = new Ownership<PartitionState>({
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
      return state;
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
    const state = await owned.opened(partition, heartbeat);
    if (!state) return; // no longer ours; whoever has it now reads the same batch
    const segment = new Segment();
    let next: string | undefined;
    try {
      for (const message of batch.messages) {
        if (!isRunning() || isStale()) break;
        const input = decode(topic, message.value, partition, message.offset);
        if (input) {
          const offset = Number(message.offset);
          const outcome =
            input.kind === 'risk' ? state.risk(input.value, offset) : state.command(input.value, offset);
          if (segment.collides(outcome.changes) || segment.size >= MOST_CHANGES) {
            await write(partition, segment.take());
            if (next !== undefined) resolveOffset(String(BigInt(next) - 1n));
            await heartbeat();
          }
          segment.add(outcome.changes, isFinal);
          state.keep(input.value, outcome.incidents);
        }
        next = String(BigInt(message.offset) + 1n);
      }
      await write(partition, segment.take());
    } catch (error) {
      // What was kept of a failed write is unknown: the state is read anew before the batch is.
      owned.reopen(partition);
      throw error;
    }
    if (next === undefined) return;
    resolveOffset(String(BigInt(next) - 1n));
    // The order that loses nothing: incidents acked -> deliveries acked -> offsets committed. After a crash the batch
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

  async function write(partition: number, changes: readonly Change[]): Promise<void> {
    const fresh = changes.filter((change) => !change.repeated);
    await incidents.putAll(
      fresh.map(({ incident }) => [incident.id, incident] as const),
      partition,
    );
    const announced = changes.filter((change) => announces(change.kind));
    const due = announced.flatMap((change) => deliveriesOf(partition, change));
    await deliveries.putAll(
      due.map(({ delivery }) => [delivery.id, delivery] as const),
      partition,
    );
    const labels = announced
      .filter((change) => change.kind === 'falseAlarm')
      .map(({ incident }) => labelOf(incident));
    await sendBatches(
      deps.producer,
      topics.feedback,
      labels.map((label) => ({ key: entityKey(label), value: codecs.feedback.encode(label) })),
    );
    if (owned.has(partition)) deps.worker.add(due);
    for (const change of fresh) if (change.kind === 'opened') deps.figures.opened(change.incident.pipeline);
  }

  /** A delivery to each endpoint that wants the change and has none of it yet. */
  function deliveriesOf(partition: number, { incident }: Change): PlacedDelivery[] {
    const now = deps.now();
    let body: Buffer | undefined;
    return deps
      .endpoints()
      .filter((endpoint) => wants(endpoint, incident, incident.changeKind))
      .map((endpoint) => ({ endpoint, id: deliveryId(incident.id, incident.change, endpoint.id) }))
      .filter(({ id }) => deliveries.get(id, partition) === undefined)
      .map(({ endpoint, id }) => {
        body ??= incidentPayload(incident, deps.publicUrl);
        const { pipeline, domain, change } = incident;
        return {
          partition,
          delivery: {
            ...NEW_DELIVERY,
            id,
            incident: incident.id,
            change,
            endpoint: endpoint.id,
            pipeline,
            domain,
            createdAt: now,
            updatedAt: now,
            nextAttemptAt: now,
            body,
          },
        };
      });
  }

  async function sweep(): Promise<void> {
    const now = deps.now();
    for (const state of owned.all()) {
      const quiet = state.quiet(now).flatMap((one) => {
        const incident = incidents.get(one.incident, state.partition);
        return incident
          ? [
              {
                incident,
                command: {
                  ...one,
                  id: `expire-${incident.id}-${one.ifLastRiskOffset}`,
                  action: 'expire' as const,
                  by: 'riskwire',
                  at: now,
                  note: EXPIRY_NOTE,
                },
              },
            ]
          : [];
      });
      const records = quiet.map(({ incident, command }) => {
        const { pipeline, domain, entity } = incident;
        return {
          key: entityKey(incident),
          partition: state.partition,
          value: codecs.command.encode({ ...command, pipeline, domain, entity }),
        };
      });
      await sendBatches(deps.producer, topics.commands, records);
      await giveUpOld(state.partition, now - deps.retentionMs);
    }
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
      return owned.all().map((state) => state.partition);
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
  return announces(change.kind);
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
    label: 'falseAlarm',
    givenAt: incident.changedAt,
    givenBy: incident.changedBy,
    note: incident.note,
  };
}

function* values<V>(entries: Iterable<[string, V]>): Iterable<V> {
  for (const [, value] of entries) yield value;
}
