import { createClickHouse, waitForClickHouse } from '../../lib/clickhouse.js';
import { startHealthServer } from '../../lib/http-health.js';
import { createKafka, createProducer, waitForKafka } from '../../lib/kafka.js';
import { createLog } from '../../lib/log.js';
import { createRegistry, sinkMetrics } from '../../lib/metrics.js';
import { type Running, runService } from '../../lib/shutdown.js';
import { ensureTopics, ownTopics, topicNames } from '../../lib/topics.js';
import { readSinkConfig, type SinkConfig } from './config.js';
import { migrate } from './migrate.js';
import { startSink } from './sink.js';

/** Runs the sink until it is asked to stop. */
export async function main(env: NodeJS.ProcessEnv): Promise<void> {
  await runService('sink', (signal) => start(readSinkConfig(env), signal));
}

async function start(config: SinkConfig, signal: AbortSignal): Promise<Running> {
  const log = createLog('sink', { level: config.logLevel });
  const server = {
    url: config.clickhouseUrl,
    database: config.clickhouseDatabase,
    user: config.clickhouseUser,
    password: config.clickhousePassword,
  };
  await waitForClickHouse(server, { timeoutMs: config.startupTimeout, log, signal });
  if (config.migrate === 'on') await migrate(server, { dir: config.migrationsDir, log, signal });

  const kafka = createKafka({ brokers: config.brokers, clientId: 'riskwire-sink', log });
  await waitForKafka(kafka, {
    timeoutMs: config.startupTimeout,
    brokers: config.brokers,
    onWait: (reason, attempt) =>
      attempt === 1 && log.info({ brokers: config.brokers, reason }, 'waiting for Kafka'),
    signal,
  });
  await ensureTopics(kafka, ownTopics(topicNames(config.prefix), []), {
    partitions: config.partitions,
    replication: config.replication,
    timeoutMs: config.startupTimeout,
    log,
  });

  const registry = createRegistry('sink');
  const producer = await createProducer(kafka);
  const clickhouse = createClickHouse(server);
  const sink = await startSink(
    {
      prefix: config.prefix,
      group: config.group,
      sessionTimeoutMs: config.sessionTimeout,
      batchRows: config.sinkBatchRows,
      batchBytes: config.sinkBatchBytes,
      bufferBytes: config.sinkBufferBytes,
    },
    { kafka, producer, clickhouse, metrics: sinkMetrics(registry), log },
  );
  const health = await startHealthServer({
    host: config.host,
    port: config.port,
    registry,
    ready: sink.faults,
  });
  log.info({ url: health.url }, 'health and metrics');
  return {
    failed: sink.failed,
    stop: async () => {
      await health.stop();
      await sink.stop();
      await Promise.all([producer.disconnect(), clickhouse.close()]);
    },
  };
}
