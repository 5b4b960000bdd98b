import type { Kafka } from 'kafkajs';
import { retry } from '../../lib/retry.js';
import type { TopicNames } from '../../lib/topics.js';
import { partitionCount } from '../../lib/topics.js';
import { TABLES } from './tables.js';

/** Waits until every topic that the sink reads exists: whoever knows the partition counts creates them, the sink doesn't. */
export async function waitForTopics(
  kafka: Kafka,
  names: TopicNames,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  let missing: string[] = TABLES.map((table) => table.topic(names));
  const look = async () => {
    const counts = await Promise.all(
      missing.map(async (topic) => ({ topic, count: await partitionCount(kafka, topic) })),
    );
    missing = counts.filter(({ count }) => count === 0).map(({ topic }) => topic);
    if (missing.length > 0) throw new Error(`topics are missing: ${missing.join(', ')}`);
  };
  try {
    await retry(look, { timeoutMs, initialDelayMs: 200, maxDelayMs: 1_000, signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw new Error(
      `no topic ${missing.join(', ')} within ${timeoutMs} ms: create them with \`riskwire topics\`, or check RISKWIRE_PREFIX`,
      { cause: error },
    );
  }
}
