import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../lib/log.js';
import { packageRoot } from '../../lib/paths.js';
import { loadPipelines } from '../../pipelines/loader.js';
import { type LoadedPipeline, loadModels } from '../../services/scorer/models.js';
import { type ScorerDependencies, startScorer } from '../../services/scorer/scorer.js';

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
      partitions: 4,
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
