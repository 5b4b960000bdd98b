import type { Kafka } from 'kafkajs';
import type { RegistryClient } from '../../lib/registry.js';
import type { SchemaSource } from '../../lib/schema-source.js';

/** What a command needs to read events from a topic. */
export interface TopicAccess {
  readonly kafka: Kafka;
  /** undefined when none is named */
  readonly registry: RegistryClient | undefined;
  readonly source: SchemaSource;
}

export interface TopicAccessConfig {
  readonly brokers: string[];
  readonly startupTimeout: number;
  readonly registryUrl: string;
  readonly registryUser: string;
  readonly registryPassword: string;
  readonly schemasDir: string;
}

/** Waits for the brokers and opens what a command reads a topic with. Loads Kafka's client only when it is called. */
export async function openTopics(command: string, config: TopicAccessConfig): Promise<TopicAccess> {
  const [{ createKafka, waitForKafka }, { createLog }, { RegistryClient }, { SchemaSource }] =
    await Promise.all([
      import('../../lib/kafka.js'),
      import('../../lib/log.js'),
      import('../../lib/registry.js'),
      import('../../lib/schema-source.js'),
    ]);
  const log = createLog(command, { level: 'warn', destination: process.stderr });
  const kafka = createKafka({ brokers: config.brokers, clientId: `riskwire-${command}`, log });
  await waitForKafka(kafka, { timeoutMs: config.startupTimeout, brokers: config.brokers });
  const registry = config.registryUrl
    ? new RegistryClient({
        url: config.registryUrl,
        user: config.registryUser,
        password: config.registryPassword,
      })
    : undefined;
  return { kafka, registry, source: new SchemaSource({ folder: config.schemasDir, registry }) };
}
