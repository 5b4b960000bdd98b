import { readConfig } from '../../lib/config.js';
import { startHealthServer } from '../../lib/http-health.js';
import { createKafka, waitForKafka } from '../../lib/kafka.js';
import { createLog } from '../../lib/log.js';
import { createRegistry, scorerMetrics } from '../../lib/metrics.js';
import { RegistryClient } from '../../lib/registry.js';
import { SchemaSource } from '../../lib/schema-source.js';
import { type Running, runService } from '../../lib/shutdown.js';
import { topicNames } from '../../lib/topics.js';
import { loadPipelines } from '../../pipelines/loader.js';
import { type ScorerConfig, scorerConfig } from './config.js';
import { loadModels } from './models.js';
import { startScorer } from './scorer.js';

/** Runs the scorer until it is asked to stop. */
export async function main(env: NodeJS.ProcessEnv): Promise<void> {
  await runService('scorer', (signal) => start(readConfig(scorerConfig(), env), signal));
}

async function start(config: ScorerConfig, signal: AbortSignal): Promise<Running> {
  const log = createLog('scorer', { level: config.logLevel });
  const only = config.pipelines.includes('all') ? undefined : config.pipelines;
  const pipelines = await loadPipelines(config.pipelinesDir, config.schemasDir, only);
  // Before the group is joined: a member that warms up its models would hold the others up.
  const { models, backend } = await loadModels(pipelines, {
    folder: config.modelsDir,
    backend: config.backend,
    batchEvents: config.batchEvents,
    log,
  });

  const kafka = createKafka({ brokers: config.brokers, clientId: 'riskwire-scorer', log });
  await waitForKafka(kafka, {
    timeoutMs: config.startupTimeout,
    brokers: config.brokers,
    onWait: (reason, attempt) =>
      attempt === 1 && log.info({ brokers: config.brokers, reason }, 'waiting for Kafka'),
    signal,
  });
  const registry = createRegistry('scorer');
  const metrics = scorerMetrics(registry);
  metrics.backend.set({ backend: backend.name }, 1);
  const schemas = config.registryUrl
    ? new RegistryClient({
        url: config.registryUrl,
        user: config.registryUser || undefined,
        password: config.registryPassword || undefined,
      })
    : undefined;
  const scorer = await startScorer(
    {
      group: config.group,
      partitions: config.partitions,
      replication: config.replication,
      sessionTimeoutMs: config.sessionTimeout,
      maxEventBytes: config.maxEventBytes,
      limits: {
        batchEvents: config.batchEvents,
        maxEntities: config.maxEntities,
        spillDir: config.spillDir,
        checkpointIntervalMs: config.checkpointInterval,
        scoreSampling: config.scoreSampling,
      },
    },
    {
      kafka,
      names: topicNames(config.prefix),
      source: new SchemaSource({ folder: config.schemasDir, registry: schemas }),
      pipelines: models,
      metrics,
      log,
      now: Date.now,
    },
  );
  const health = await startHealthServer({
    host: config.host,
    port: config.port,
    registry,
    ready: () => scorer.notReady(),
    about: () => ({
      backend: backend.name,
      models: Object.fromEntries(models.map(({ pipeline, model }) => [pipeline.name, model.id])),
    }),
  });
  log.info({ url: health.url }, 'health and metrics');
  return {
    failed: scorer.failed,
    async stop() {
      await health.stop();
      await scorer.stop();
    },
  };
}
