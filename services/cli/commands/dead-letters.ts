import { Command, InvalidArgumentError, Option } from 'commander';
import type { Letter, Selection } from '../dead-letters/selection.js';
import { CommandFailed, UsageError } from '../exit.js';
import { formatCount } from '../format.js';
import { environmentFrom, examples, withSettings } from '../settings.js';
import { KafkaSettings, kafkaConfig } from '../tool-config.js';

interface SelectionOptions extends Omit<Selection, 'ids' | 'replayed'> {
  readonly json?: boolean;
}

const LISTED = 20;

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('write a whole number, 0 or above.');
  return value;
}

function time(text: string): number {
  const value = Date.parse(text);
  if (Number.isNaN(value))
    throw new InvalidArgumentError('write a time such as 2026-03-01 or 2026-03-01T12:00:00Z.');
  return value;
}

export function deadLettersCommand(): Command {
  const command = new Command('dead-letters').description(
    'list, show and replay messages that could not be taken in',
  );
  const list = selecting(
    new Command('list').description('count dead letters by pipeline and reason, and list the newest'),
  )
    .option('--limit <count>', 'letters to list', whole, LISTED)
    .addOption(new Option('--open', 'those that were not replayed').conflicts('replayed'))
    .option('--replayed', 'those that were replayed');
  const show = new Command('show')
    .description('show one dead letter: why, from where, key, headers and the bytes')
    .argument('<id>', 'id of the letter, dlt_…')
    .option('--json', 'print one JSON object');
  withSettings(show, ToolSettings);
  const replay = selecting(
    new Command('replay').description(
      'send the original messages to where they came from once more, and mark the letters as replayed',
    ),
  )
    .argument('[ids...]', 'ids of letters; none: all that the options select')
    .option('--again', 'also those that were replayed before')
    .option('--dry-run', 'say what would be sent, and send nothing')
    .addHelpText(
      'after',
      "\nA replayed message has the letter's id in the header riskwire-dead-letter. It is scored as what it now is, the\nnewest of its stream, and keeps the ids of its first place: events older than the pipeline's `late` are dropped by rule, so replay soon after mending.",
    );
  examples(list, [
    'riskwire dead-letters list',
    'riskwire dead-letters list --pipeline transactions --reason badTimeZone --open',
  ]);
  examples(show, ['riskwire dead-letters show dlt_4f0c0e6d1b2a394857667584930211']);
  examples(replay, [
    'riskwire dead-letters replay --reason unknownSchema --dry-run',
    'riskwire dead-letters replay --topic transactions --partition 2 --from-offset 1200 --to-offset 1300',
    'riskwire dead-letters replay dlt_4f0c0e6d1b2a394857667584930211',
  ]);
  list.action((options: ListOptions) => runList(options, environmentFrom(list, process.env)));
  show.action((id: string, options: { json?: boolean }) =>
    runShow(id, options, environmentFrom(show, process.env)),
  );
  replay.action((ids: string[], options: ReplayOptions) =>
    runReplay(ids, options, environmentFrom(replay, process.env)),
  );
  for (const one of [list, show, replay])
    command.addCommand(one.exitOverride().configureHelp({ helpWidth: 110 }));
  return command;
}

interface ListOptions extends SelectionOptions {
  readonly limit: number;
  readonly open?: boolean;
  readonly replayed?: boolean;
}

interface ReplayOptions extends SelectionOptions {
  readonly again?: boolean;
  readonly dryRun?: boolean;
}

/** Of the Kafka settings those that say where the letters are; `--pipeline` chooses letters here. */
const ToolSettings = KafkaSettings;

function selecting(command: Command): Command {
  withSettings(command, ToolSettings);
  return command
    .option('--reason <code>', 'only of this reason, such as malformed')
    .option('--topic <name>', 'only of this input topic')
    .option('--partition <number>', 'only of this partition of it', whole)
    .option('--from-offset <number>', 'only from this offset on', whole)
    .option('--to-offset <number>', 'only up to this offset', whole)
    .option('--from <time>', 'only those set aside at this time or later', time)
    .option('--to <time>', 'only those set aside before this time', time)
    .option('--json', 'print one JSON object');
}

function selectionOf(options: SelectionOptions): Selection {
  const { reason, pipeline, topic, partition, fromOffset, toOffset, from, to } = options;
  if (
    (fromOffset !== undefined || toOffset !== undefined) &&
    (topic === undefined || partition === undefined)
  )
    throw new UsageError(
      'offsets are numbered by partition: give --topic and --partition with --from-offset and --to-offset',
    );
  return { reason, pipeline, topic, partition, fromOffset, toOffset, from, to };
}

async function connect(env: NodeJS.ProcessEnv) {
  // `--pipeline` selects letters: any name may have been a pipeline's once.
  const settings = kafkaConfig({ ...env, RISKWIRE_PIPELINES: undefined });
  const [{ createKafka, waitForKafka }, { createLog }, { topicNames }, { readLetters }] = await Promise.all([
    import('../../../lib/kafka.js'),
    import('../../../lib/log.js'),
    import('../../../lib/topics.js'),
    import('../dead-letters/read.js'),
  ]);
  const log = createLog('dead-letters', { level: 'warn', destination: process.stderr });
  const kafka = createKafka({ brokers: settings.brokers, clientId: 'riskwire-dead-letters', log });
  await waitForKafka(kafka, { timeoutMs: settings.startupTimeout, brokers: settings.brokers });
  const topic = topicNames(settings.prefix).deadLetters;
  return { kafka, topic, read: (selection: Selection) => readLetters(kafka, topic, selection) };
}

async function runList(options: ListOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const replayed = options.open ? false : options.replayed ? true : undefined;
  const selection = { ...selectionOf(options), replayed };
  const { read } = await connect(env);
  const { letters, unreadable } = await read(selection);
  const counts = new Map<string, { pipeline: string; reason: string; letters: number; replayed: number }>();
  for (const { pipeline, reason, replayedAt } of letters) {
    const key = `${pipeline}|${reason}`;
    const count = counts.get(key) ?? { pipeline, reason, letters: 0, replayed: 0 };
    count.letters++;
    if (replayedAt !== undefined) count.replayed++;
    counts.set(key, count);
  }
  const newest = options.limit === 0 ? [] : letters.slice(-options.limit).reverse();
  if (options.json) {
    const summary = { total: letters.length, unreadable, counts: [...counts.values()] };
    process.stdout.write(`${JSON.stringify({ ...summary, letters: newest.map(shortOf) })}\n`);
    return;
  }
  const lines = [...counts.values()]
    .sort((a, b) => b.letters - a.letters)
    .map(
      (one) =>
        `${formatCount(one.letters).padStart(9)}  ${one.pipeline || '–'}  ${one.reason}${one.replayed > 0 ? ` (${formatCount(one.replayed)} replayed)` : ''}`,
    );
  process.stdout.write(lines.length === 0 ? 'no dead letters\n' : `${lines.join('\n')}\n\n`);
  for (const letter of newest) process.stdout.write(`${lineOf(letter)}\n`);
  if (unreadable > 0) process.stderr.write(`${unreadable} records of the topic are no dead letters\n`);
}

async function runShow(id: string, { json }: { json?: boolean }, env: NodeJS.ProcessEnv): Promise<void> {
  const { read, topic } = await connect(env);
  const [letter] = (await read({ ids: [id] })).letters;
  if (letter === undefined)
    throw new CommandFailed(
      `${topic} holds no letter ${id}; \`riskwire dead-letters list\` shows what it holds`,
    );
  if (json) process.stdout.write(`${JSON.stringify(fullOf(letter))}\n`);
  else {
    for (const [name, value] of Object.entries(fullOf(letter)))
      process.stdout.write(
        `${name.padEnd(14)}${typeof value === 'object' ? JSON.stringify(value) : String(value)}\n`,
      );
  }
}

async function runReplay(ids: string[], options: ReplayOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const selection = selectionOf(options);
  if (ids.length === 0 && Object.values(selection).every((one) => one === undefined))
    throw new UsageError(
      'name letters, or select them with --reason, --pipeline, --topic, offsets or times: replaying everything is not what is usually meant',
    );
  const { kafka, topic, read } = await connect(env);
  const { letters } = await read({
    ...selection,
    ...(ids.length > 0 && { ids }),
    ...(!options.again && { replayed: false }),
  });
  const unknown = ids.filter((id) => letters.every((letter) => letter.id !== id));
  if (unknown.length > 0)
    throw new CommandFailed(`not there, or replayed before (--again sends those too): ${unknown.join(', ')}`);
  if (options.dryRun) {
    if (options.json)
      process.stdout.write(`${JSON.stringify({ wouldReplay: letters.map(({ id }) => id) })}\n`);
    else process.stdout.write(`${letters.map(lineOf).join('\n')}\n${letters.length} would be sent\n`);
    return;
  }
  const { replayLetters } = await import('../dead-letters/replay.js');
  const { replayed, left } = await replayLetters(kafka, topic, letters, Date.now, (done) =>
    process.stderr.write(`${done} of ${letters.length}\n`),
  );
  if (options.json) process.stdout.write(`${JSON.stringify({ replayed, left })}\n`);
  else process.stdout.write(`${formatCount(replayed.length)} sent again\n`);
  for (const { id, why } of left) process.stderr.write(`not sent: ${id}: ${why}\n`);
  if (left.length > 0) process.exitCode = 1;
}

function lineOf(letter: Letter): string {
  const { id, deadAt, pipeline, topic, partition, offset, reason, detail, replayedAt } = letter;
  const again = replayedAt === undefined ? '' : ' (replayed)';
  return `${id}  ${new Date(deadAt).toISOString()}  ${pipeline || '–'}  ${topic}/${partition}@${offset}  ${reason}${again}: ${detail.slice(0, 160)}`;
}

function shortOf({ key: _key, value: _value, headers: _headers, ...letter }: Letter) {
  return { ...letter, replayedAt: letter.replayedAt ?? null, replayOf: letter.replayOf ?? null };
}

/** Bytes in base64: they are whatever somebody sent. */
function fullOf(letter: Letter) {
  return {
    ...shortOf(letter),
    key: letter.key?.toString('base64') ?? null,
    value: letter.value?.toString('base64') ?? null,
    headers: letter.headers.map(({ name, value }) => ({ name, value: value?.toString('base64') ?? null })),
  };
}
