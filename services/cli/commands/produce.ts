import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../../../lib/duration.js';
import { ProducerConfig } from '../../producer/config.js';
import type { ProduceOptions } from '../../producer/main.js';
import type { Rate } from '../../producer/pace.js';
import type { RunningProducer } from '../../producer/producer.js';
import { formatCount, formatSeconds } from '../format.js';
import { whole } from '../option-values.js';
import { startProgress } from '../progress.js';
import { environmentFrom, examples, withSettings } from '../settings.js';

interface Options {
  rate?: ProduceOptions['rate'];
  events?: ProduceOptions['events'];
  for?: number;
  fastAfter?: number;
  position?: number;
  seed?: number;
  start?: string;
  framing?: ProduceOptions['framing'];
  bad?: number;
  truth?: string;
  plain?: boolean;
  customers?: number;
  terminals?: number;
  stretch?: ProduceOptions['stretch'];
  wait: boolean;
  json?: boolean;
}

/** '500' for every stream, or 'transactions=500,agriculture=20'. */
function eachStream<V>(text: string, parse: (value: string) => V): V | Record<string, V> {
  if (!text.includes('=')) return parse(text);
  return Object.fromEntries(
    text.split(',').map((part) => {
      const [name = '', value = ''] = part.split('=');
      return [name.trim(), parse(value.trim())];
    }),
  );
}

function rate(text: string): Rate {
  if (text === 'lag') return 'lag';
  const value = Number(text);
  if (!(value > 0))
    throw new InvalidArgumentError(
      "write events a second above 0, or 'lag' for as fast as the scorer reads.",
    );
  return value;
}

export function duration(text: string): number {
  try {
    return parseDuration(text);
  } catch {
    throw new InvalidArgumentError('write a number and a unit, such as 30s, 5m or 1h.');
  }
}

export function produceCommand(): Command {
  const command = new Command('produce')
    .description(
      'replay the streams that ship with Riskwire into Kafka: payments, a process plant, irrigation water',
    )
    .option(
      '--rate <rate>',
      "events a second of each stream or of some (transactions=500,production=20); 'lag': as fast as the scorer reads",
      (text) => eachStream(text, rate),
      'lag',
    )
    .option(
      '--events <count>',
      'stop after so many events of each stream, or of some (transactions=1000)',
      (text) => eachStream(text, whole(0)),
    )
    .option('--for <duration>', 'stop after this time', duration)
    .option('--fast-after <duration>', 'go as fast as the scorer reads after this time', duration)
    .option('--position <count>', 'take the streams up at this event', whole(0))
    .option('--seed <number>', 'seed of the generated streams', whole(0))
    .option('--start <date>', 'first day of the generated streams, YYYY-MM-DD')
    .addOption(
      new Option(
        '--framing <framing>',
        'how messages name their schema (default: both with a registry)',
      ).choices(['registry', 'single-object', 'both']),
    )
    .option('--bad <count>', 'plant so many bad events of each kind', whole(0))
    .option('--truth <folder>', 'write the ground truth and the planted bad events into this folder')
    .option('--plain', "transactions: the Fraud Detection Handbook's own world")
    .option('--customers <count>', 'transactions: how many customers', whole(0))
    .option('--terminals <count>', 'transactions: how many terminals', whole(0))
    .addOption(
      new Option(
        '--stretch <which>',
        'live: what the shipped models have not seen; training: what they learned from',
      ).choices(['live', 'training']),
    )
    .option('--no-wait', 'wait for no group to read (only for a broker that keeps what is unread)')
    .option('--json', 'print the result as one JSON object');
  withSettings(command, ProducerConfig);
  examples(command, [
    'riskwire produce',
    'riskwire produce --pipeline transactions --rate 500 --for 5m',
    'riskwire produce --events 1000000 --pipeline transactions --no-wait --truth out/',
  ]);
  return command.action((options: Options) => run(options, environmentFrom(command, process.env)));
}

async function run(options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const { main } = await import('../../producer/main.js');
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const timers: NodeJS.Timeout[] = [];
  const progress = startProgress('producing');
  const total =
    typeof options.events === 'number'
      ? 0
      : Object.values(options.events ?? {}).reduce((sum, one) => sum + one, 0);
  try {
    const { for: duringMs, fastAfter, wait, json: _json, ...rest } = options;
    const result = await main(env, {
      ...rest,
      waitForGroup: wait,
      signal: stopping.signal,
      onWait: (reason) => process.stderr.write(`producing: waiting for the broker (${reason})\n`),
      onProgress: ({ events }) => progress.update(events, total),
      onStarted(running: RunningProducer) {
        if (duringMs !== undefined) timers.push(setTimeout(stop, duringMs));
        if (fastAfter !== undefined) timers.push(setTimeout(() => running.setRate('lag'), fastAfter));
      },
    });
    progress.finish(
      `${formatCount(result.events)} events in ${formatSeconds(result.seconds)}, ${formatCount(result.eventsPerSecond)}/s, ${result.badEvents} bad ones planted`,
    );
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  } finally {
    for (const timer of timers) clearTimeout(timer);
    process.removeListener('SIGINT', stop).removeListener('SIGTERM', stop);
  }
}
