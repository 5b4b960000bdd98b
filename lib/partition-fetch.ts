import type { Kafka, KafkaMessage } from 'kafkajs';
import Batch from 'kafkajs/src/consumer/batch.js';
import { retry } from './retry.js';

/**
 * Fetching partitions without a consumer group. kafkajs offers groups only; a group would make every read wait for a
 * join (three seconds on a broker with default settings), leave offsets behind and, since it doesn't tell an empty
 * fetch from a failed one, leave no sure way to see the end of a compacted partition. What is underneath its consumer
 * does all that is needed, so this file (and large-batches.ts) reaches into kafkajs 2.2.4, its last release, pinned.
 */
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findTopicPartitionMetadata(topic: string): { partitionId: number; leader: number }[];
  findBroker(node: { nodeId: number }): Promise<Broker>;
  removeBroker(address: { host: string; port: number }): void;
  fetchTopicsOffset(
    topics: { topic: string; partitions: { partition: number }[]; fromBeginning: boolean }[],
  ): Promise<{ topic: string; partitions: { partition: number; offset: string }[] }[]>;
}

interface Broker {
  fetch(request: {
    isolationLevel: number;
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[];
  }): Promise<{ responses: { topicName: string; partitions: PartitionData[] }[] }>;
}

interface PartitionData {
  partition: number;
  highWatermark: string;
  lastStableOffset?: string;
  messages: KafkaMessage[];
}

export interface Fetched {
  partition: number;
  /** records at or after the asked offset, without those of aborted transactions */
  records: KafkaMessage[];
  /** the offset to ask for next */
  next: bigint;
  /** one past the last record that may be read now */
  end: bigint;
  /** nothing readable came although `end` is further on: what lies between are holes, or batches larger than asked for */
  hole: boolean;
}

const READ_COMMITTED = 1;

export class PartitionFetcher {
  private constructor(private readonly cluster: Cluster) {}

  static async open(kafka: Kafka): Promise<PartitionFetcher> {
    const cluster = clusterOf(kafka);
    await cluster.connect();
    return new PartitionFetcher(cluster);
  }

  close(): Promise<void> {
    return this.cluster.disconnect();
  }

  async partitions(topic: string): Promise<number[]> {
    await this.cluster.addTargetTopic(topic);
    return this.cluster.findTopicPartitionMetadata(topic).map((one) => one.partitionId);
  }

  /** The first offset that each partition still has. */
  async beginnings(topic: string, partitions: readonly number[]): Promise<Map<number, bigint>> {
    await this.cluster.addTargetTopic(topic);
    const wanted = partitions.map((partition) => ({ partition }));
    const [found] = await this.cluster.fetchTopicsOffset([
      { topic, partitions: wanted, fromBeginning: true },
    ]);
    const offsets = new Map(
      (found?.partitions ?? []).map(({ partition, offset }) => [partition, BigInt(offset)]),
    );
    for (const partition of partitions)
      if (!offsets.has(partition)) throw new MissingPartition(topic, partition);
    return offsets;
  }

  /** One fetch of every partition from its offset on, a request to each leader. Fails when any leader fails. */
  async fetch(
    topic: string,
    offsets: ReadonlyMap<number, bigint>,
    options: { maxBytes: number; maxWaitMs: number },
  ): Promise<Fetched[]> {
    await this.cluster.addTargetTopic(topic);
    await this.cluster.refreshMetadataIfNecessary();
    const byLeader = this.groupByLeader(topic, offsets.keys());
    const answers = await Promise.all(
      [...byLeader].map(async ([nodeId, partitions]) => {
        const broker = await this.cluster.findBroker({ nodeId });
        const { responses } = await broker.fetch({
          isolationLevel: READ_COMMITTED,
          maxWaitTime: options.maxWaitMs,
          minBytes: 1,
          maxBytes: options.maxBytes * partitions.length,
          topics: [
            {
              topic,
              partitions: partitions.map((partition) => ({
                partition,
                fetchOffset: String(offsets.get(partition)),
                maxBytes: options.maxBytes,
              })),
            },
          ],
        });
        return responses.flatMap((response) =>
          response.partitions.map((data) => read(topic, offsets.get(data.partition) ?? 0n, data)),
        );
      }),
    );
    return answers.flat();
  }

  /** After a failed request: forgets the connection that broke and asks anew who leads what. */
  async recover(error: unknown): Promise<void> {
    const { host, port } = error as { host?: unknown; port?: unknown };
    if (typeof host === 'string' && typeof port === 'number') this.cluster.removeBroker({ host, port });
    await this.cluster.connect();
    await this.cluster.refreshMetadata();
  }

  private groupByLeader(topic: string, partitions: Iterable<number>): Map<number, number[]> {
    const leaders = new Map(
      this.cluster.findTopicPartitionMetadata(topic).map((one) => [one.partitionId, one.leader]),
    );
    const grouped = new Map<number, number[]>();
    for (const partition of partitions) {
      const leader = leaders.get(partition);
      if (leader === undefined) throw new MissingPartition(topic, partition);
      grouped.set(leader, [...(grouped.get(leader) ?? []), partition]);
    }
    return grouped;
  }
}

/** Asked for a partition that the topic doesn't have. */
export class MissingPartition extends Error {
  override readonly name = 'MissingPartition';
  constructor(topic: string, partition: number) {
    super(`topic ${topic} has no partition ${partition}`);
  }
}

function read(topic: string, asked: bigint, data: PartitionData): Fetched {
  const batch = new Batch(topic, String(asked), data);
  const stable = BigInt(data.lastStableOffset ?? '-1');
  const high = BigInt(data.highWatermark);
  const end = stable >= 0n && stable < high ? stable : high;
  const last = data.messages.at(-1);
  const next = last && BigInt(last.offset) >= asked ? BigInt(last.offset) + 1n : asked;
  return {
    partition: data.partition,
    records: batch.messages,
    next,
    end,
    hole: next === asked && asked < end,
  };
}

function clusterOf(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    (one) => one.description === 'private:Kafka:createCluster',
  );
  const create = symbol && (kafka as unknown as Record<symbol, (options: object) => Cluster>)[symbol];
  if (!create)
    throw new Error(
      'this kafkajs has no createCluster any more: partition-fetch.ts works with kafkajs 2.2.4, install that',
    );
  return create.call(kafka, {
    metadataMaxAge: 300_000,
    allowAutoTopicCreation: false,
    isolationLevel: READ_COMMITTED,
  });
}

/** Runs a request again after passing faults, asking for the leaders anew, until the time is over. */
export function retryFetch<T>(
  fetcher: PartitionFetcher,
  work: () => Promise<T>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<T> {
  let fault: unknown;
  const attempt = async () => {
    if (fault !== undefined) await fetcher.recover(fault);
    try {
      return await work();
    } catch (error) {
      fault = error;
      throw error;
    }
  };
  return retry(attempt, {
    timeoutMs,
    initialDelayMs: 50,
    maxDelayMs: 1_000,
    signal,
    retryable: (error) => !(error instanceof MissingPartition),
  });
}
