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

/**
 * How far the group has committed each partition of both logs; their beginning where it hasn't yet. All partitions of an
 * assignment are opened at once, so whoever asks while an answer is under way shares it: one connection, not one a
 * partition. That answer may be older than the asking, which is as good: more is then made up for than had to be, under
 * the same ids.
 */
export class CommittedOffsets {
  #answer: Promise<(partition: number) => Committed> | undefined;

  constructor(
    private readonly kafka: Kafka,
    private readonly groupId: string,
    private readonly topics: { readonly risks: string; readonly commands: string },
  ) {}

  async of(partition: number): Promise<Committed> {
    this.#answer ??= this.#ask().finally(() => {
      this.#answer = undefined;
    });
    return (await this.#answer)(partition);
  }

  #ask(): Promise<(partition: number) => Committed> {
    const { risks, commands } = this.topics;
    return withAdmin(this.kafka, async (admin) => {
      const found = await admin.fetchOffsets({ groupId: this.groupId, topics: [risks, commands] });
      const ofTopic = async (topic: string): Promise<Map<number, number>> => {
        const partitions = found.find((one) => one.topic === topic)?.partitions ?? [];
        const offsets = new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)]));
        const all = await admin.fetchTopicOffsets(topic);
        for (const { partition, low } of all)
          if (!((offsets.get(partition) ?? -1) >= 0)) offsets.set(partition, Number(low));
        return offsets;
      };
      const [ofRisks, ofCommands] = [await ofTopic(risks), await ofTopic(commands)];
      return (partition) => ({
        risks: ofRisks.get(partition) ?? 0,
        commands: ofCommands.get(partition) ?? 0,
      });
    });
  }
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
