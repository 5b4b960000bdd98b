import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClickHouse } from '../../lib/clickhouse.js';
import { createKafka, createProducer, waitForKafka } from '../../lib/kafka.js';
import { createLog } from '../../lib/log.js';
import { alertMetrics, createRegistry } from '../../lib/metrics.js';
import { packageRoot } from '../../lib/paths.js';
import { type Running, runService } from '../../lib/shutdown.js';
import { loadPipelines } from '../../pipelines/loader.js';
import { type AlertApiConfig, readAlertApiConfig } from './config.js';
import { startAlertApi } from './service.js';

/** For risks of a pipeline that has no definition here. */
const QUIET_MS = 3_600_000;

/** Runs the alert API until it is asked to stop. */
export async function main(env: NodeJS.ProcessEnv): Promise<void> {
  await runService('alert-api', (signal) => start(readAlertApiConfig(env), signal));
}

async function start(config: AlertApiConfig, signal: AbortSignal): Promise<Running> {
  const log = createLog('alert-api', { level: config.logLevel });
  if (config.insecureLocal)
    log.warn({}, 'RISKWIRE_INSECURE_LOCAL is on: webhook secrets are sealed with a key that everybody knows');
  const pipelines = await loadPipelines(config.pipelinesDir, config.schemasDir, config.pipelines);
  const quiet = new Map(pipelines.map((pipeline) => [pipeline.name, pipeline.quiet]));

  const kafka = createKafka({ brokers: config.brokers, clientId: 'riskwire-alert-api', log });
  await waitForKafka(kafka, {
    timeoutMs: config.startupTimeout,
    brokers: config.brokers,
    onWait: (reason, attempt) =>
      attempt === 1 && log.info({ brokers: config.brokers, reason }, 'waiting for Kafka'),
    signal,
  });
  const producer = await createProducer(kafka);
  // It isn't waited for: alerts go out without ClickHouse.
  const clickhouse = createClickHouse({
    url: config.clickhouseUrl,
    database: config.clickhouseDatabase,
    user: config.clickhouseUser,
    password: config.clickhousePassword,
    requestTimeoutMs: 15_000,
  });
  const registry = createRegistry('alert-api');
  const api = await startAlertApi(config, {
    kafka,
    producer,
    clickhouse,
    quiet: (pipeline) => quiet.get(pipeline) ?? QUIET_MS,
    registry,
    metrics: alertMetrics(registry),
    version: (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string })
      .version,
    log,
  });
  return {
    failed: api.failed,
    stop: async () => {
      await api.stop();
      await Promise.all([producer.disconnect(), clickhouse.close()]);
    },
  };
}
