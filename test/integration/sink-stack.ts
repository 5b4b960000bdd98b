import type { Kafka } from 'kafkajs';
import { createKafka } from '../../lib/kafka.js';
import { silentLog } from '../../lib/log.js';
import { startLocalStack } from '../../services/local/local.js';

export interface TestStack {
  kafka: Kafka;
  clickhouseUrl: string;
  stop(): Promise<void>;
}

/** The local stack, as a person's `riskwire local` runs it, for one test file. */
export async function startTestStack(): Promise<TestStack> {
  const log = silentLog();
  const stack = await startLocalStack({ log });
  const kafka = createKafka({ brokers: [stack.brokers], clientId: 'riskwire-test', log });
  return { kafka, clickhouseUrl: stack.clickhouseUrl, stop: () => stack.stop() };
}
