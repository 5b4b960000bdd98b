import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kafka } from 'kafkajs';
import { ownCodec } from '../../lib/avro.js';
import type { DeadLetter } from '../../lib/dead-letter.js';
import { silentLog } from '../../lib/log.js';
import { createRegistry, scorerMetrics } from '../../lib/metrics.js';
import { packageRoot } from '../../lib/paths.js';
import type { RegistryClient } from '../../lib/registry.js';
import { retry } from '../../lib/retry.js';
import { SchemaSource } from '../../lib/schema-source.js';
import type { BackendName } from '../../lib/tensors.js';
import { TopicReader } from '../../lib/topic-reader.js';
import { partitionCount, topicNames } from '../../lib/topics.js';
import { loadPipelines } from '../../pipelines/loader.js';
import { startProducer } from '../../services/producer/producer.js';
import { sourceOf } from '../../services/producer/sources.js';
import { loadModels } from '../../services/scorer/models.js';
import type { Risk } from '../../services/scorer/risks.js';
import { type Scorer, startScorer } from '../../services/scorer/scorer.js';
import { sumOf } from './test-scorer.js';

const root = packageRoot();

export interface ScorerRunOptions {
  readonly kafka: Kafka;
  readonly registry?: RegistryClient;
  readonly pipeline: string;
  readonly events: number;
  /** of each kind */
  readonly bad?: number;
  readonly backend?: BackendName;
  readonly prefix?: string;
  /** stops the scorer and starts another one when about so many events were read */
  readonly restartAt?: number;
}

export interface ScorerRun {
  /** events counted by the scorers */
  readonly read: number;
  readonly dropped: number;
  /** by id; the same id twice must hold the same score */
  readonly risks: ReadonlyMap<string, Risk>;
  /** records in the risks topic */
  readonly riskRecords: number;
  readonly deadLetters: ReadonlyMap<string, DeadLetter>;
  readonly planted: readonly { kind: string }[];
  /** next offset by partition that the group has committed */
  readonly committed: readonly string[];
  readonly ends: readonly string[];
}

/** Produces a stream of events through Kafka and scores all of it with the scorer that ships. */
export async function runScorer(options: ScorerRunOptions): Promise<ScorerRun> {
  const { kafka, pipeline, events, prefix = 'riskwire.' } = options;
  const group = 'test';
  const [definition] = await loadPipelines(join(root, 'pipelines'), join(root, 'schemas'), [pipeline]);
  const { models } = await loadModels([definition!], {
    folder: join(root, 'models'),
    backend: options.backend ?? 'wasm',
    batchEvents: 1024,
    log: silentLog(),
  });
  const names = topicNames(prefix);
  let read = 0;
  let dropped = 0;
  const start = async (): Promise<{
    scorer: Scorer;
    count: () => Promise<number>;
    close: () => Promise<void>;
  }> => {
    const metrics = scorerMetrics(createRegistry('scorer', { processFigures: false }));
    const scorer = await startScorer(
      {
        group,
        partitions: 4,
        replication: 1,
        maxEventBytes: 1 << 20,
        limits: {
          batchEvents: 1024,
          maxEntities: 200_000,
          spillDir: tmpdir(),
          checkpointIntervalMs: 1000,
          scoreSampling: 0.01,
        },
      },
      {
        kafka,
        names,
        source: new SchemaSource({ folder: join(root, 'schemas'), registry: options.registry }),
        pipelines: models,
        metrics,
        log: silentLog(),
        now: Date.now,
      },
    );
    return {
      scorer,
      count: () => sumOf(metrics.events),
      close: async () => {
        await scorer.stop();
        read += await sumOf(metrics.events);
        dropped += await sumOf(metrics.dropped);
      },
    };
  };

  const truthDir = await mkdtemp(join(tmpdir(), 'riskwire-truth-'));
  try {
    let running = await start();
    const producing = await startProducer(
      {
        streams: [
          {
            source: sourceOf(pipeline, { examplesDir: join(root, 'examples') }),
            topic: definition!.topic,
            rate: 'lag',
            limit: events,
            ...(options.bad && {
              bad: {
                each: options.bad,
                from: 200,
                every: 100,
                fields: { time: 'time', number: 'amount', text: 'terminal' },
              },
            }),
          },
        ],
        group: `${group}-scorer`,
        truthDir,
        partitions: 4,
      },
      { kafka, registry: options.registry, schemasDir: join(root, 'schemas'), log: silentLog() },
    );
    if (options.restartAt !== undefined) {
      await until(async () => (await running.count()) >= options.restartAt!, 'half of the events');
      await running.close();
      running = await start();
    }
    const produced = await Promise.race([producing.done, running.scorer.failed]);
    const wanted = produced.events + produced.badEvents;
    const before = read;
    await Promise.race([
      until(async () => before + (await running.count()) >= wanted, `${wanted} events`),
      running.scorer.failed,
    ]);
    await running.close();

    const risks = new Map<string, Risk>();
    let riskRecords = 0;
    await readAll<Risk>(kafka, names.risks, 'risk', (risk) => {
      riskRecords++;
      risks.set(risk.id, risk);
    });
    const deadLetters = new Map<string, DeadLetter>();
    await readAll<DeadLetter>(kafka, names.deadLetters, 'dead-letter', (letter) =>
      deadLetters.set(letter.id, letter),
    );
    const admin = kafka.admin();
    await admin.connect();
    const [committed, ends] = await Promise.all([
      admin.fetchOffsets({ groupId: `${group}-scorer`, topics: [definition!.topic] }),
      admin.fetchTopicOffsets(definition!.topic),
    ]);
    await admin.disconnect();
    const byPartition = <T extends { partition: number }>(list: readonly T[]) =>
      [...list].sort((a, b) => a.partition - b.partition);
    const lines = options.bad
      ? (await readFile(join(truthDir, 'bad-events.jsonl'), 'utf8')).split('\n').filter((line) => line !== '')
      : [];
    return {
      read,
      dropped,
      risks,
      riskRecords,
      deadLetters,
      planted: lines.map((line) => JSON.parse(line) as { kind: string }),
      committed: byPartition(committed[0]!.partitions).map(({ offset }) => offset),
      ends: byPartition(ends).map(({ offset }) => offset),
    };
  } finally {
    await rm(truthDir, { recursive: true, force: true });
  }
}

async function readAll<T>(
  kafka: Kafka,
  topic: string,
  codecName: string,
  onRecord: (record: T) => void,
): Promise<void> {
  const codec = ownCodec<T>(codecName);
  const reader = await TopicReader.open(kafka);
  try {
    const partitions = await partitionCount(kafka, topic);
    for (let partition = 0; partition < partitions; partition++) {
      await reader.readPartition(topic, partition, {
        onRecord: ({ value }) => {
          if (value !== null) onRecord(codec.decode(value));
        },
      });
    }
  } finally {
    await reader.close();
  }
}

async function until(done: () => Promise<boolean>, what: string): Promise<void> {
  await retry(
    async () => {
      if (!(await done())) throw new Error(`still waiting for ${what}`);
    },
    { timeoutMs: 300_000, initialDelayMs: 100, maxDelayMs: 200 },
  );
}
