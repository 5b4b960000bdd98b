import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';

export interface Reader {
  /** how people call the service */
  readonly name: string;
  readonly group: string;
  readonly topics: readonly string[];
}

export interface Behind {
  readonly name: string;
  readonly topic: string;
  readonly records: number;
}

/** What each group has not committed yet. A partition without a commit counts from its first record. */
export async function behind(admin: Admin, readers: readonly Reader[]): Promise<Behind[]> {
  const found: Behind[] = [];
  for (const { name, group, topics } of readers) {
    const committed = await admin.fetchOffsets({ groupId: group, topics: [...topics] });
    for (const topic of topics) {
      const positions = new Map(
        committed
          .find((entry) => entry.topic === topic)
          ?.partitions.map(({ partition, offset }) => [partition, Number(offset)]),
      );
      let records = 0;
      for (const { partition, high, low } of await admin.fetchTopicOffsets(topic)) {
        const position = positions.get(partition) ?? -1;
        records += Math.max(0, Number(high) - Math.max(position, Number(low)));
      }
      if (records > 0) found.push({ name, topic, records });
    }
  }
  return found;
}

export interface SettleOptions {
  readonly lag: () => Promise<Behind[]>;
  readonly pendingDeliveries: () => Promise<number>;
  readonly timeoutMs: number;
  readonly pollMs?: number;
  readonly signal: AbortSignal;
}

/**
 * Waits until everything that was sent has arrived everywhere: no group is behind and no delivery is pending, twice
 * in a row, because what one service finishes becomes another one's work. Returns what is still open when time is up.
 */
export async function settle({
  lag,
  pendingDeliveries,
  timeoutMs,
  pollMs = 300,
  signal,
}: SettleOptions): Promise<string[]> {
  const deadline = Date.now() + timeoutMs;
  for (let quiet = 0; ; ) {
    signal.throwIfAborted();
    const [late, pending] = await Promise.all([lag(), pendingDeliveries()]);
    quiet = late.length === 0 && pending === 0 ? quiet + 1 : 0;
    if (quiet === 2) return [];
    if (Date.now() >= deadline) {
      const open = late.map(
        ({ name, topic, records }) => `the ${name} is ${records} records behind in ${topic}`,
      );
      if (pending > 0) open.push(`${pending} deliveries are pending`);
      return open;
    }
    await sleep(pollMs, undefined, { signal });
  }
}
