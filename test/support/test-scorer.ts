import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kafka } from 'kafkajs';
import { ownCodec } from '../../lib/avro.js';
import { silentLog } from '../../lib/log.js';
import { packageRoot } from '../../lib/paths.js';
import { readPartition } from '../../lib/topic-reader.js';
import { loadPipelines } from '../../pipelines/loader.js';
import { type LoadedPipeline, loadModels } from '../../services/scorer/models.js';
import type { Risk } from '../../services/scorer/risks.js';
import { type ScorerDependencies, startScorer } from '../../services/scorer/scorer.js';

const PARTITIONS = 4;
/** micro-batches of the scorers that tests start */
export const TEST_BATCH = 256;

/** The payments pipeline and the model that it ships with. */
export async function shippedPayments(): Promise<LoadedPipeline> {
  const root = packageRoot();
  const pipelines = await loadPipelines(join(root, 'pipelines'), join(root, 'schemas'), ['transactions']);
  const { models } = await loadModels(pipelines, {
    folder: join(root, 'models'),
    backend: 'cpu',
    batchEvents: TEST_BATCH,
    log: silentLog(),
  });
  return models[0]!;
}

/** A scorer in this process, with small limits and quick checkpoints. */
export function startTestScorer(dependencies: Omit<ScorerDependencies, 'log' | 'now'>) {
  return startScorer(
    {
      group: 'test',
      partitions: PARTITIONS,
      replication: 1,
      maxEventBytes: 1 << 20,
      limits: {
        batchEvents: TEST_BATCH,
        maxEntities: 1000,
        spillDir: tmpdir(),
        checkpointIntervalMs: 200,
        scoreSampling: 1,
      },
    },
    { ...dependencies, log: silentLog(), now: Date.now },
  );
}

/** All that a test scorer has published. */
export async function readRisks(kafka: Kafka, topic: string): Promise<Risk[]> {
  const found: Risk[] = [];
  const { decode } = ownCodec<Risk>('risk');
  for (let partition = 0; partition < PARTITIONS; partition++)
    await readPartition(kafka, topic, partition, {
      onRecord: ({ value }) => value !== null && found.push(decode(value)),
    });
  return found;
}

/** A counter over all of its labels. */
export async function sumOf(counter: { get(): Promise<{ values: { value: number }[] }> }): Promise<number> {
  return (await counter.get()).values.reduce((total, { value }) => total + value, 0);
}
