import type { Kafka } from 'kafkajs';
import type { Incident } from '../../alerting/incidents.js';
import { withAdmin } from '../../lib/kafka.js';

/** The inputs of a partition that will be read again, as the offsets that the group has committed. */
export interface Committed {
  /** the next risk to read */
  readonly risks: number;
  /** the next command to read */
  readonly commands: number;
}

/** How far the group has committed a partition of both logs; their beginning where it hasn't yet. */
export function committedOf(
  kafka: Kafka,
  groupId: string,
  topics: { readonly risks: string; readonly commands: string },
  partition: number,
): Promise<Committed> {
  return withAdmin(kafka, async (admin) => {
    const found = await admin.fetchOffsets({ groupId, topics: [topics.risks, topics.commands] });
    const of = async (topic: string): Promise<number> => {
      const partitions = found.find((one) => one.topic === topic)?.partitions;
      const offset = Number(partitions?.find((one) => one.partition === partition)?.offset ?? -1);
      if (offset >= 0) return offset;
      const ends = await admin.fetchTopicOffsets(topic);
      return Number(ends.find((one) => one.partition === partition)?.low ?? 0);
    };
    return { risks: await of(topics.risks), commands: await of(topics.commands) };
  });
}

/**
 * Incidents of a partition that took in an input which is not committed: what follows from their last change may be
 * missing, since whoever had the partition may have died in between. It can't wait until that input is read again:
 * risks and commands are two logs, so an input of the other one may come first and write the change over.
 */
export function unfinished(incidents: Iterable<Incident>, committed: Committed): Incident[] {
  return [...incidents].filter(
    (one) => one.lastRiskOffset >= committed.risks || one.lastCommandOffset >= committed.commands,
  );
}
