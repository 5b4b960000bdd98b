import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import Type, { type Static } from 'typebox';
import { duration, list, readConfig, secret, url } from '../../../lib/config.js';
import { packageRoot } from '../../../lib/paths.js';
import type { Pipeline } from '../../../pipelines/loader.js';
import type { RecordedEvents, TrainReport } from '../../scorer/train.js';
import { formatCount, formatSeconds } from '../format.js';
import { type Progress, startProgress } from '../progress.js';
import { environmentFrom, examples, withSettings } from '../settings.js';
import { openTopics } from '../topic-access.js';
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
  backend: Type.Enum(['auto', 'wasm', 'native', 'cpu'], { default: 'auto' }),
  startupTimeout: duration('60s'),
});
type TrainConfig = Static<typeof TrainConfig>;

interface Options {
  from: 'topic' | 'stream';
  events: number;
  seed: number;
  json?: boolean;
}

function count(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('write a whole number of at least 0.');
  return value;
}

export function trainCommand(): Command {
  const command = new Command('train')
    .description("learn a pipeline's models from recorded events and write its model package")
    .addOption(
      new Option(
        '--from <source>',
        "'topic': what lies in the pipeline's topic; 'stream': the stream that ships with it",
      )
        .choices(['topic', 'stream'])
        .default('topic'),
    )
    .option('--events <count>', 'learn from so many events at most', count, 500_000)
    .option(
      '--seed <number>',
      'of everything that is drawn: the same events and seed give the same model',
      count,
      1,
    )
    .option('--json', 'print one JSON object a pipeline');
  withSettings(command, TrainConfig);
  examples(command, [
    'riskwire train --pipeline transactions',
    'riskwire train --pipelines ./mine --models ./models --events 500000',
    'riskwire train --from stream --backend wasm --json',
  ]);
  return command.action((options: Options) => run(options, environmentFrom(command, process.env)));
}

async function run(options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const config = readConfig(TrainConfig, env);
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
  for (const pipeline of pipelines) {
    const progress = startParts(pipeline.name);
    const report = await train({
      pipeline,
      events: await eventsOf(pipeline, options, config, (records) =>
        progress.update('reading the topic', records, 0),
      ),
      folder: config.modelsDir,
      seed: options.seed,
      maxEvents: options.events,
      backend,
      version: packageVersion(),
      progress: (part, done, total, figures) => progress.update(part, done, total, figures),
      now: Date.now,
    });
    progress.finish();
    process.stdout.write(
      options.json ? `${JSON.stringify({ pipeline: pipeline.name, ...report })}\n` : asText(report),
    );
  }
}

async function eventsOf(
  pipeline: Pipeline,
  { from, events }: Options,
  config: TrainConfig,
  onRead: (records: number) => void,
): Promise<AsyncIterable<RecordedEvents> | Iterable<RecordedEvents>> {
  if (from === 'stream') {
    const { sourceOf } = await import('../../producer/sources.js');
    return sourceOf(pipeline.name, {
      examplesDir: join(packageRoot(), 'examples'),
      stretch: 'training',
    }).batches();
  }
  const { eventsFromTopic } = await import('../training-events.js');
  const { kafka, source } = await openTopics('train', config);
  return eventsFromTopic(kafka, pipeline, source, events, onRead);
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

function asText(report: TrainReport): string {
  const left = Object.entries(report.left).map(([reason, number]) => `${formatCount(number)} ${reason}`);
  return [
    `${report.id} in ${report.folder}`,
    `  ${formatCount(report.events)} events of ${formatCount(report.entities)} entities in ${formatCount(report.domains)} domains, ${report.features} features, ${formatSeconds(report.seconds)}`,
    ...(left.length > 0 ? [`  left out: ${left.join(', ')}`] : []),
    `  weights ${formatCount(report.weightsBytes / 1024)} KiB`,
    '',
  ].join('\n');
}
