import type { Logger } from '../../lib/log.js';
import { startChild } from './child.js';

/**
 * The local broker: the Kafka protocol, in memory, in a process of its own (kafka/server.ts).
 *
 * Why not librdkafka's mock cluster, the one ready-made embedded broker for Node: tried with kafkajs 2.2 it names a
 * controller that doesn't exist (idempotent producers fail), answers an empty fetch only after the client's whole wait
 * although events arrive meanwhile, ends followers of a group with INVALID_REQUEST when the leader's sync comes first,
 * lets a rejoining member wait for the session timeout, keeps 5 MB a partition and loses a batch that fills it alone,
 * has no CreateTopics and no compaction, and its package leaves Node 20 out.
 *
 * What is here: topics (created, by name or on first use with four partitions; deleted, enlarged, configured), produce
 * with any codec and with idempotence, fetch that waits, offsets also by time, consumer groups by the classic protocol,
 * committed offsets, DeleteRecords, compaction, retention by size, max.message.bytes. What isn't: transactions, users
 * and TLS, replication, retention by time, anything on disk.
 */
export interface LocalBroker {
  /** for RISKWIRE_BROKERS */
  readonly address: string;
  readonly pid: number;
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

export interface BrokerOptions {
  /** 0: any free one */
  port?: number;
  log: Logger;
}

export async function startBroker({ port = 0, log }: BrokerOptions): Promise<LocalBroker> {
  const child = await startChild({
    name: 'local Kafka broker',
    entry: 'broker-process.js',
    args: [String(port)],
    log,
    ready: (line) => /^\{"port":(\d+)\}$/.exec(line)?.[1],
  });
  return { pid: child.pid, failed: child.failed, stop: child.stop, address: `127.0.0.1:${child.value}` };
}
