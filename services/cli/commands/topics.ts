import { Command, InvalidArgumentError } from 'commander';
import { formatCount } from '../format.js';
import { environmentFrom, examples, withSettings } from '../settings.js';
import { KafkaSettings, kafkaConfig } from '../tool-config.js';
import { reportTopics, type TopicLine } from '../topic-report.js';

interface Options {
  create?: boolean;
  partitions: number;
  replication: number;
  json?: boolean;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('write a whole number above 0.');
  return value;
}

export function topicsCommand(): Command {
  const command = new Command('topics')
    .description(
      'show the topics that Riskwire reads and writes, what is in them and how far its services have read',
    )
    .option('--create', "create Riskwire's own topics that are missing (input topics are yours)")
    .option(
      '--partitions <count>',
      'partitions of topics that are created; states follow their input topic',
      positive,
      4,
    )
    .option('--replication <count>', 'replicas of topics that are created', positive, 1)
    .option('--json', 'print one JSON object');
  withSettings(command, KafkaSettings);
  examples(command, [
    'riskwire topics',
    'riskwire topics --json',
    'riskwire topics --create --partitions 12 --replication 3',
  ]);
  return command.action((options: Options) => run(options, environmentFrom(command, process.env)));
}

async function run(options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const settings = kafkaConfig(env);
  const [{ createKafka, waitForKafka, withAdmin }, { createLog }, topics, { loadPipelines }] =
    await Promise.all([
      import('../../../lib/kafka.js'),
      import('../../../lib/log.js'),
      import('../../../lib/topics.js'),
      import('../../../pipelines/loader.js'),
    ]);
  const only = settings.pipelines.includes('all') ? undefined : settings.pipelines;
  const pipelines = await loadPipelines(settings.pipelinesDir, settings.schemasDir, only);
  const log = createLog('topics', { level: 'warn', destination: process.stderr });
  const kafka = createKafka({ brokers: settings.brokers, clientId: 'riskwire-topics', log });
  await waitForKafka(kafka, { timeoutMs: settings.startupTimeout, brokers: settings.brokers });

  const inputs = [...new Set(pipelines.map(({ topic }) => topic))];
  const described = await Promise.all(
    pipelines.map(async ({ name, topic }) => ({
      name,
      inputPartitions: (await topics.partitionCount(kafka, topic)) || undefined,
    })),
  );
  const own = topics.ownTopics(topics.topicNames(settings.prefix), described);
  if (options.create)
    await topics.ensureTopics(kafka, own, {
      partitions: options.partitions,
      replication: options.replication,
      log,
    });

  const groups = ['scorer', 'sink', 'alert-api'].map((service) => `${settings.group}-${service}`);
  const lines = await withAdmin(kafka, (admin) => reportTopics(admin, inputs, own, groups));
  process.stdout.write(options.json ? `${JSON.stringify({ topics: lines })}\n` : asTable(lines));
}

function asTable(lines: readonly TopicLine[]): string {
  const width = Math.max(5, ...lines.map(({ topic }) => topic.length)) + 2;
  const row = (topic: string, kind: string, partitions: string, records: string, lag: string) =>
    `${topic.padEnd(width)}${kind.padEnd(7)}${partitions.padStart(11)}${records.padStart(14)}  ${lag}`.trimEnd();
  const rows = lines.map(({ topic, kind, partitions, records, lag }) => {
    if (partitions === 0) return row(topic, kind, 'missing', '', '');
    const behind = Object.entries(lag).map(([group, count]) => `${group} ${formatCount(count)}`);
    return row(topic, kind, String(partitions), formatCount(records), behind.join(', '));
  });
  return `${[row('topic', 'kind', 'partitions', 'records', 'not read yet'), ...rows].join('\n')}\n`;
}
