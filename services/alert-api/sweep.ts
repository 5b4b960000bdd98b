import type { CommandAction } from '../../alerting/commands.js';
import { type Incident, isActive } from '../../alerting/incidents.js';
import { nextEscalation } from '../../alerting/routing.js';
import { deliveryId } from '../../lib/ids.js';
import { sendBatches } from '../../lib/kafka.js';
import { deliveriesOf } from './announce.js';
import type { FlowDeps, Owned } from './flow-deps.js';
import type { Ownership } from './ownership.js';
import { type CommandRecord, entityKey } from './records.js';
import type { Related } from './related.js';

/** Encodes a command of the service itself. */
export type OwnCommand = (
  of: { id: string; pipeline: string; domain: string; entity: string },
  action: CommandAction,
  more: Partial<CommandRecord>,
) => Buffer;

/** Incidents left to a parent that didn't come about are told of after this. */
const FORGOTTEN_AFTER_MS = 15_000;
const EXPIRY_NOTE = 'no further risk within the quiet gap';

/** Every few seconds: incidents that went quiet or that nobody acknowledged, and records past their retention. */
export async function sweep(deps: FlowDeps, owned: Ownership<Owned>, ownCommand: OwnCommand): Promise<void> {
  const { incidents } = deps;
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
      deps.topics.commands,
      commands.map(({ of, value }) => ({ key: entityKey(of), partition, value })),
    );
    await tellForgotten(deps, owned, partition, related, now);
    await giveUpOld(deps, partition, now - deps.retentionMs);
  }
}

/** Incidents whose parent closed in the moment in which it was to stand for them. */
async function tellForgotten(
  deps: FlowDeps,
  owned: Ownership<Owned>,
  partition: number,
  related: Related,
  now: number,
): Promise<void> {
  const { incidents, deliveries } = deps;
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
    ).filter(({ delivery }) => deliveries.get(deliveryId(id, 1, delivery.endpoint), partition) === undefined);
  });
  await deliveries.putAll(
    due.map(({ delivery }) => [delivery.id, delivery] as const),
    partition,
  );
  if (owned.has(partition)) deps.worker.add(due);
}

/** Tombstones for what is past its retention; ClickHouse has the history. */
async function giveUpOld(deps: FlowDeps, partition: number, before: number): Promise<void> {
  const { incidents, deliveries } = deps;
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
