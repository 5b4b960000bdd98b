import { KafkaRefusal } from './errors.js';
import { PartitionLog } from './partition-log.js';

export interface Topic {
  readonly name: string;
  readonly partitions: PartitionLog[];
  /** as given, whether it has a meaning here or not */
  readonly configs: ReadonlyMap<string, string>;
}

/** What a topic gets that appears because somebody asked for it. */
const DEFAULT_PARTITIONS = 4;
/** Per partition, unless the topic's retention.bytes says otherwise: a stream that nobody reads must not eat the machine. */
export const RETENTION_BYTES = 16 * 1024 * 1024;
const MAX_BATCH_BYTES = 10 * 1024 * 1024;
const MAX_PARTITIONS = 256;

export const DEFAULT_CONFIGS: ReadonlyMap<string, string> = new Map([
  ['cleanup.policy', 'delete'],
  ['retention.bytes', String(RETENTION_BYTES)],
  ['max.message.bytes', String(MAX_BATCH_BYTES)],
]);

export class Topics {
  private readonly topics = new Map<string, Topic>();

  all(): Topic[] {
    return [...this.topics.values()];
  }

  get(name: string): Topic | undefined {
    return this.topics.get(name);
  }

  partition(name: string, partition: number): PartitionLog {
    const log = this.topics.get(name)?.partitions[partition];
    if (!log) throw new KafkaRefusal('UNKNOWN_TOPIC_OR_PARTITION');
    return log;
  }

  /** -1 partitions: the default. Throws KafkaRefusal. */
  create(
    name: string,
    partitions = -1,
    configs: ReadonlyMap<string, string> = new Map(),
    validateOnly = false,
  ): void {
    if (!/^[a-zA-Z0-9._-]{1,249}$/.test(name) || name === '.' || name === '..')
      throw new KafkaRefusal(
        'INVALID_TOPIC',
        `${JSON.stringify(name)} is no topic name: letters, digits, . _ and - are allowed`,
      );
    if (this.topics.has(name))
      throw new KafkaRefusal('TOPIC_ALREADY_EXISTS', `there is a topic ${name} already`);
    const count = partitions === -1 ? DEFAULT_PARTITIONS : partitions;
    checkCount(count);
    if (validateOnly) return;
    this.topics.set(name, {
      name,
      configs,
      partitions: Array.from({ length: count }, () => newLog(configs)),
    });
  }

  delete(name: string): void {
    if (!this.topics.delete(name)) throw new KafkaRefusal('UNKNOWN_TOPIC_OR_PARTITION');
  }

  /** Partitions are added, never taken away. */
  grow(name: string, count: number): void {
    const topic = this.topics.get(name);
    if (!topic) throw new KafkaRefusal('UNKNOWN_TOPIC_OR_PARTITION');
    checkCount(count);
    if (count <= topic.partitions.length)
      throw new KafkaRefusal(
        'INVALID_PARTITIONS',
        `${name} has ${topic.partitions.length} partitions already`,
      );
    while (topic.partitions.length < count) topic.partitions.push(newLog(topic.configs));
  }
}

function checkCount(count: number): void {
  if (count < 1 || count > MAX_PARTITIONS)
    throw new KafkaRefusal(
      'INVALID_PARTITIONS',
      `${count} partitions: the local broker takes 1 to ${MAX_PARTITIONS}`,
    );
}

function newLog(configs: ReadonlyMap<string, string>): PartitionLog {
  const bytes = (name: string, fallback: number) => {
    const value = Number(configs.get(name) ?? -1);
    return value > 0 ? value : fallback;
  };
  return new PartitionLog({
    retentionBytes: bytes('retention.bytes', RETENTION_BYTES),
    maxBatchBytes: bytes('max.message.bytes', MAX_BATCH_BYTES),
    compact: (configs.get('cleanup.policy') ?? '').includes('compact'),
  });
}
