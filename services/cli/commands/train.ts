import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import Type, { type Static } from 'typebox';
import { KEPT_ROWS } from '../../../detection/training/kept-rows.js';
import { duration, list, readConfig, secret, url } from '../../../lib/config.js';
import { packageRoot } from '../../../lib/paths.js';
import type { Pipeline } from '../../../pipelines/loader.js';
import type { TrainReport } from '../../scorer/train.js';
import { UsageError } from '../exit.js';
import { formatCount, formatSeconds } from '../format.js';
import { whole } from '../option-values.js';
import { type Progress, startProgress } from '../progress.js';
import { environmentFrom, examples, withSettings } from '../settings.js';
import { openTopics } from '../topic-access.js';
import type { TrainingSource } from '../training/source.js';
import { packageVersion } from './version.js';

const TrainConfig = Type.Object({
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
  backend: Type.Enum(['auto', 'wasm', 'native', 'cpu'], { default: 'auto' }),
  startupTimeout: duration('60s'),
});
type TrainConfig = Static<typeof TrainConfig>;

interface Options {
  from?: 'topic' | 'stream' | 'clickhouse';
  table?: string;
  query?: string;
  since?: number;
  until?: number;
  events: number;
  keep: number;
  base?: boolean;
  seed: number;
  json?: boolean;
}

/** epoch ms */
function moment(text: string): number {
  const ms = /^\d{10,}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('write a time such as 2024-03-05, 2024-03-05T14:00:00Z, or epoch ms.');
  return ms;
}

export function trainCommand(): Command {
  const command = new Command('train')
    .description("learn a pipeline's models from recorded events and write its model package")
    .argument(
      '[files...]',
      "CSV, JSON lines, Parquet or Avro containers with columns named like the schema's fields",
    )
    .addOption(
      new Option(
        '--from <source>',
        "'topic': what lies in the pipeline's topic (default without files, --table and --query); 'stream': the stream that ships with it; 'clickhouse': --table or --query",
      ).choices(['topic', 'stream', 'clickhouse']),
    )
    .option(
      '--table <name>',
      "learn from a ClickHouse table whose columns are named like the schema's fields",
    )
    .option('--query <sql>', 'learn from a ClickHouse query with such columns')
    .option('--since <time>', 'of files and ClickHouse: events at or after it', moment)
    .option('--until <time>', 'of files and ClickHouse: events before it', moment)
    .option('--events <count>', 'learn from so many events at most, the first ones; 0: all', whole(0), 0)
    .option(
      '--keep <count>',
      'rows held in memory for the models to learn from; of more events a seeded sample',
      whole(0),
      KEPT_ROWS,
    )
    .option(
      '--seed <number>',
      'of everything that is drawn: the same events and seed give the same model',
      whole(0),
      1,
    )
    .option('--base', 'make the shared model that pipelines start from, from generated series')
    .option('--json', 'print one JSON object a pipeline');
  withSettings(command, TrainConfig);
  examples(command, [
    'riskwire train --pipeline transactions',
    'riskwire train --pipeline transactions january.parquet february.parquet',
    'riskwire train --pipeline transactions --table payments --since 2024-01-01 --until 2024-02-01',
    'riskwire train --pipelines ./mine --models ./models --events 500000',
    'riskwire train --from stream --backend wasm --json',
  ]);
  return command.action((files: string[], options: Options) =>
    run(files, options, environmentFrom(command, process.env)),
  );
}

type From = 'files' | 'topic' | 'stream' | 'clickhouse';

function sourceFrom(files: readonly string[], { from, table, query, since, until }: Options): From {
  const named = [
    ...(files.length > 0 ? ['files'] : []),
    ...(table === undefined ? [] : ['--table']),
    ...(query === undefined ? [] : ['--query']),
  ];
  if (named.length > 1) throw new UsageError(`${named.join(' and ')} were given; learn from one of them`);
  const found: From = files.length > 0 ? 'files' : named.length > 0 ? 'clickhouse' : (from ?? 'topic');
  if (from !== undefined && from !== found)
    throw new UsageError(`--from ${from} and ${named[0]} were given; learn from one of them`);
  if (found === 'clickhouse' && named.length === 0)
    throw new UsageError('--from clickhouse needs --table or --query');
  if ((since !== undefined || until !== undefined) && found !== 'files' && found !== 'clickhouse')
    throw new UsageError('--since and --until go with files, --table and --query');
  return found;
}

async function run(files: readonly string[], options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const config = readConfig(TrainConfig, env);
  if (options.base) return trainBase(options, config.modelsDir);
  const from = sourceFrom(files, options);
  const [{ train }, { openBackend }, { loadPipelines }] = await Promise.all([
    import('../../scorer/train.js'),
    import('../../../lib/tensors.js'),
    import('../../../pipelines/loader.js'),
  ]);
  const only = config.pipelines.includes('all') ? undefined : config.pipelines;
  const pipelines = await loadPipelines(config.pipelinesDir, config.schemasDir, only);
  const backend = await openBackend(config.backend, {
    log: (message) => process.stderr.write(`train: ${message}\n`),
  });
  if (pipelines.length > 1 && (from === 'files' || from === 'clickhouse'))
    throw new UsageError(
      `name the pipeline whose events these are: --pipeline ${pipelines.map(({ name }) => name).join(' | ')}`,
    );
  for (const pipeline of pipelines) {
    const progress = startParts(pipeline.name);
    const source = await openSource(from, files, pipeline, options, config, progress.update);
    try {
      const report = await train({
        pipeline,
        events: source.batches,
        folder: config.modelsDir,
        seed: options.seed,
        maxEvents: options.events === 0 ? Number.POSITIVE_INFINITY : options.events,
        keepRows: Math.max(options.keep, 2000),
        expected: source.total,
        backend,
        version: packageVersion(),
        ...(from === 'stream' && { command: streamCommand(pipeline.name, options, backend.name) }),
        progress: progress.update,
        now: Date.now,
      });
      progress.finish();
      const whole = {
        ...report,
        source: source.name,
        bad: source.faults.counts,
        badExamples: source.faults.examples,
        peakMb: Math.round(process.resourceUsage().maxRSS / 1024),
      };
      process.stdout.write(
        options.json ? `${JSON.stringify({ pipeline: pipeline.name, ...whole })}\n` : asText(whole),
      );
    } finally {
      await source.close();
    }
  }
}

async function trainBase(options: Options, folder: string): Promise<void> {
  const { trainBasePackage } = await import('../../scorer/train-base.js');
  const progress = startParts('base');
  const report = await trainBasePackage({
    folder,
    seed: options.seed,
    version: packageVersion(),
    progress: progress.update,
    now: Date.now,
  });
  progress.finish();
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ pipeline: 'base', ...report })}\n`
      : `${report.id} in ${report.folder}, ${formatSeconds(report.seconds)}\n`,
  );
}

function streamCommand(pipeline: string, { events, seed, keep }: Options, backend: string): string {
  const sized = `${events === 0 ? '' : ` --events ${events}`}${keep === KEPT_ROWS ? '' : ` --keep ${keep}`}`;
  return `riskwire train --from stream --pipeline ${pipeline}${sized} --seed ${seed} --backend ${backend}`;
}

async function openSource(
  from: From,
  files: readonly string[],
  pipeline: Pipeline,
  options: Options,
  config: TrainConfig,
  progress: (part: string, done: number, total: number) => void,
): Promise<TrainingSource> {
  const { since, until } = options;
  const most = options.events === 0 ? Number.POSITIVE_INFINITY : options.events;
  if (from === 'files') {
    const { fileEvents } = await import('../training/files.js');
    return fileEvents(files, pipeline, {
      since,
      until,
      onScan: (rows, total) => progress('looking through the files', rows, total),
      onSort: (rows, total) => progress('sorting by time', rows, total),
    }).catch(asUsage);
  }
  if (from === 'clickhouse') {
    const [{ clickHouseEvents }, { createClickHouse, waitForClickHouse }] = await Promise.all([
      import('../training/clickhouse-events.js'),
      import('../../../lib/clickhouse.js'),
    ]);
    const server = {
      url: config.clickhouseUrl,
      database: config.clickhouseDatabase,
      user: config.clickhouseUser,
      password: config.clickhousePassword,
      // the server may sort for a while before the first row comes
      requestTimeoutMs: 600_000,
    };
    await waitForClickHouse(server, { timeoutMs: config.startupTimeout });
    return clickHouseEvents(createClickHouse(server), pipeline, { ...options, most });
  }
  if (from === 'stream') {
    const [{ sourceOf }, { Faults }] = await Promise.all([
      import('../../producer/sources.js'),
      import('../training/source.js'),
    ]);
    const stream = sourceOf(pipeline.name, {
      examplesDir: join(packageRoot(), 'examples'),
      stretch: 'training',
      ...(options.events > 0 && { trainingEvents: options.events }),
    });
    return {
      name: `stream ${pipeline.name}`,
      total: () => stream.total ?? 0,
      batches: stream.batches(),
      faults: new Faults(),
      close: () => undefined,
    };
  }
  const { topicEvents } = await import('../training/topic-events.js');
  const { kafka, source } = await openTopics('train', config);
  return topicEvents(kafka, pipeline, source, most, (records) => progress('reading the topic', records, 0));
}

async function asUsage(error: unknown): Promise<never> {
  const { TableFileError } = await import('../../../lib/table-files/table.js');
  if (error instanceof TableFileError) throw new UsageError(error.message, { cause: error });
  throw error;
}

/** Progress of one part after another; each has its own pace and its own time left. */
function startParts(title: string) {
  let name = '';
  let current: Progress | undefined;
  return {
    update(part: string, done: number, total: number, figures: Readonly<Record<string, number>> = {}) {
      if (part !== name) {
        current?.finish();
        name = part;
        current = startProgress(`${title}, ${part}`);
      }
      const shown = Object.entries(figures).map(
        ([figure, value]) => `${figure} ${Number(value.toPrecision(3))}`,
      );
      current?.update(done, total, shown.join(', '));
    },
    finish: () => current?.finish(),
  };
}

function asText(
  report: TrainReport & {
    source: string;
    bad: Readonly<Record<string, number>>;
    badExamples: readonly string[];
    peakMb: number;
  },
): string {
  const counts = (by: Readonly<Record<string, number>>) =>
    Object.entries(by)
      .map(([reason, number]) => `${formatCount(number)} ${reason}`)
      .join(', ');
  const told = (what: string, by: Readonly<Record<string, number>>, examples: readonly string[]) =>
    Object.keys(by).length === 0
      ? []
      : [`  ${what}: ${counts(by)}`, ...examples.map((example) => `    ${example}`)];
  const phases = Object.entries(report.phases)
    .filter(([, seconds]) => seconds >= 0.1)
    .map(([phase, seconds]) => `${phase} ${formatSeconds(seconds)}`);
  const sample = report.rows < report.events ? ` (a sample of ${formatCount(report.rows)} rows kept)` : '';
  const recorded = report.phases['recording'] ?? 0;
  const pace = recorded > 0 ? `, ${formatCount(report.events / recorded)} events/s read` : '';
  return [
    `${report.id} in ${report.folder}`,
    `  ${report.source}: ${formatCount(report.events)} events${sample} of ${formatCount(report.entities)} entities in ${formatCount(report.domains)} domains, ${report.features} features`,
    `  ${formatSeconds(report.seconds)}: ${phases.join(', ')}${pace}; ${formatCount(report.peakMb)} MB at most`,
    ...told('bad rows', report.bad, report.badExamples),
    ...told('left out', report.left, report.leftExamples),
    `  weights ${formatCount(report.weightsBytes / 1024)} KiB`,
    '',
  ].join('\n');
}
