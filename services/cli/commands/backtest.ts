import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import Type, { type Static } from 'typebox';
import { duration, list, readConfig, secret, url } from '../../../lib/config.js';
import { packageRoot } from '../../../lib/paths.js';
import type { Pipeline } from '../../../pipelines/loader.js';
import type { Comparison } from '../backtest/compare.js';
import type { Replay } from '../backtest/events.js';
import type { BacktestResult } from '../backtest/result.js';
import { CommandFailed, UsageError } from '../exit.js';
import { positive, whole } from '../option-values.js';
import { startProgress } from '../progress.js';
import { environmentFrom, examples, withSettings } from '../settings.js';
import { openTopics } from '../topic-access.js';

const BacktestConfig = Type.Object({
  brokers: list(['127.0.0.1:9092'], {
    minItems: 1,
    each: '^[^\\s:]+:\\d+$',
    expects: 'host:port, comma-separated',
  }),
  registryUrl: url(''),
  registryUser: Type.String({ default: '' }),
  registryPassword: secret(''),
  schemasDir: Type.String({ default: join(packageRoot(), 'schemas') }),
  pipelinesDir: Type.String({ default: join(packageRoot(), 'pipelines') }),
  pipelines: list(['all'], { minItems: 1 }),
  modelsDir: Type.String({ default: join(packageRoot(), 'models') }),
  clickhouseUrl: url('http://127.0.0.1:8123'),
  clickhouseDatabase: Type.String({ default: 'riskwire', minLength: 1 }),
  clickhouseUser: Type.String({ default: 'default', minLength: 1 }),
  clickhousePassword: secret(''),
  // one backend whatever the machine measures, so that results can be compared byte by byte
  backend: Type.Enum(['auto', 'wasm', 'native', 'cpu'], { default: 'wasm' }),
  startupTimeout: duration('60s'),
});
type BacktestConfig = Static<typeof BacktestConfig>;

interface Options {
  stream?: boolean;
  events: number;
  partitions: number;
  budget?: number;
  against?: string;
  raised?: boolean;
  out?: string;
  json?: boolean;
}

/** entities a partition keeps in memory; as the scorer's own default */
const MAX_ENTITIES = 200_000;

export function backtestCommand(): Command {
  const command = new Command('backtest')
    .description("replay a pipeline's topic or files under another model or budget: what would be raised")
    .argument(
      '[files...]',
      "CSV, JSON lines, Parquet or Avro with columns named like the schema's fields; none: the pipeline's topic",
    )
    .option('--stream', 'replay the stream that ships with the pipeline')
    .option(
      '--events <count>',
      'replay so many events at most, of a topic so many a partition',
      whole(1),
      200_000,
    )
    .option('--partitions <count>', 'partitions that files and streams are laid into by key', whole(1), 4)
    .option('--budget <alerts>', "alerts a day, about (default: the pipeline's)", positive)
    .option('--against <file>', 'compare with the file that an earlier backtest wrote with --out')
    .option('--raised', 'compare with what was raised: the risks in ClickHouse')
    .option('--out <file>', 'write everything as JSON: the same input gives the same bytes')
    .option('--json', 'print one JSON object with the figures, the last line');
  withSettings(command, BacktestConfig);
  examples(command, [
    'riskwire backtest --pipeline transactions --budget 50 --raised',
    'riskwire backtest --pipeline transactions --stream --out before.json',
    'riskwire backtest --pipeline transactions --stream --models ./new --against before.json',
  ]);
  return command.action((files: string[], options: Options) =>
    run(files, options, environmentFrom(command, process.env)),
  );
}

async function run(files: readonly string[], options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const config = readConfig(BacktestConfig, env);
  if (options.stream && files.length > 0)
    throw new UsageError('--stream and files were both given; replay one of them');
  if (options.against !== undefined && options.raised)
    throw new UsageError('--against and --raised were both given; compare with one of them');
  const pipeline = await pipelineOf(config);
  const [{ loadModels }, { createLog }, { backtest }, { backtestJson, backtestText }] = await Promise.all([
    import('../../scorer/models.js'),
    import('../../../lib/log.js'),
    import('../backtest/run.js'),
    import('../backtest/summary.js'),
  ]);
  const log = createLog('backtest', { level: 'warn', destination: process.stderr });
  const { models } = await loadModels([pipeline], {
    folder: config.modelsDir,
    backend: config.backend,
    batchEvents: 1024,
    log,
  });
  const progress = startProgress(`backtest, ${pipeline.name}`);
  const result = await backtest({
    pipeline,
    model: models[0]!.model,
    replay: await replayOf(files, options, config, pipeline),
    budget: options.budget ?? pipeline.budget,
    maxEntities: MAX_ENTITIES,
    onProgress: (events) => progress.update(events, 0),
  });
  progress.finish(`${result.events} events`);
  if (result.events === 0)
    throw new CommandFailed(
      `${result.source} gave no events to score${Object.keys(result.left).length > 0 ? `; left out: ${JSON.stringify(result.left)}` : ''}`,
    );
  const comparison = await comparisonOf(result, options, config);
  if (options.out !== undefined)
    await writeFile(
      options.out,
      `${JSON.stringify({ ...result, ...(comparison && { comparison }) }, null, 1)}\n`,
    );
  (options.json ? process.stderr : process.stdout).write(backtestText(result, comparison));
  if (options.json) process.stdout.write(`${backtestJson(result, comparison)}\n`);
}

async function pipelineOf(config: BacktestConfig): Promise<Pipeline> {
  const { loadPipelines } = await import('../../../pipelines/loader.js');
  const only = config.pipelines.includes('all') ? undefined : config.pipelines;
  const pipelines = await loadPipelines(config.pipelinesDir, config.schemasDir, only);
  const [pipeline] = pipelines;
  if (pipeline === undefined || pipelines.length > 1)
    throw new UsageError(
      `name one pipeline to replay: --pipeline ${pipelines.map(({ name }) => name).join(' | ') || '<name>'}`,
    );
  return pipeline;
}

async function replayOf(
  files: readonly string[],
  { stream, events, partitions }: Options,
  config: BacktestConfig,
  pipeline: Pipeline,
): Promise<Replay> {
  const { replayFiles, replaySource, replayTopic } = await import('../backtest/replays.js');
  if (files.length > 0) return replayFiles(files, pipeline, partitions, events);
  if (stream) {
    const { sourceOf } = await import('../../producer/sources.js');
    const source = sourceOf(pipeline.name, { examplesDir: join(packageRoot(), 'examples') });
    return replaySource(source, pipeline, partitions, events);
  }
  const { kafka, source } = await openTopics('backtest', config);
  return replayTopic(kafka, pipeline, source, events);
}

async function comparisonOf(
  result: BacktestResult,
  { against, raised }: Options,
  config: BacktestConfig,
): Promise<Comparison | undefined> {
  const { compareRisks } = await import('../backtest/compare.js');
  if (against !== undefined) {
    const { parseResult } = await import('../backtest/result.js');
    const before = parseResult(against, await readFile(against, 'utf8'));
    if (before.pipeline !== result.pipeline)
      throw new UsageError(
        `${against} is about the pipeline '${before.pipeline}', this backtest about '${result.pipeline}'`,
      );
    return compareRisks(before.risks, result.risks, `${before.model}, budget ${before.budget} a day`);
  }
  if (!raised) return undefined;
  const [{ createClickHouse, waitForClickHouse }, { risksBefore }] = await Promise.all([
    import('../../../lib/clickhouse.js'),
    import('../backtest/risks-before.js'),
  ]);
  const server = {
    url: config.clickhouseUrl,
    database: config.clickhouseDatabase,
    user: config.clickhouseUser,
    password: config.clickhousePassword,
  };
  await waitForClickHouse(server, { timeoutMs: config.startupTimeout });
  const clickhouse = createClickHouse(server);
  try {
    const before = await risksBefore(clickhouse, result.pipeline, result.from!, result.to!);
    return compareRisks(before, result.risks, 'what was raised');
  } finally {
    await clickhouse.close();
  }
}
