import { Command, InvalidArgumentError } from 'commander';
import { PART_NAMES, type Part } from './contenders/parts.js';
import { PEER_NAMES } from './contenders/peers.js';

export interface LoadtestOptions {
  readonly events: number;
  readonly cards: number;
  readonly rounds: number;
  readonly partitions: number;
  readonly backend: string;
  readonly peers: string[];
  /** peers were not named one by one: those that can't be built here are left out */
  readonly lenient: boolean;
  readonly peerEvents: number;
  readonly parts: Part[];
  readonly markdown: boolean;
  readonly json: boolean;
}

export function count(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('write a whole number above 0, such as 1000000.');
  return value;
}

/** all, none, or some of the names, with commas between */
function someOf(names: readonly string[]): (text: string) => string[] {
  return (text) => {
    if (text === 'all') return [...names];
    if (text === 'none') return [];
    const chosen = text.split(',').map((name) => name.trim());
    const unknown = chosen.find((name) => !names.includes(name));
    if (unknown !== undefined)
      throw new InvalidArgumentError(
        `'${unknown}' is none of them; write all, none, or some of: ${names.join(', ')}.`,
      );
    return chosen;
  };
}

const HELP = `
Each contender reads the same topic, one after another, round by round. Where there are two cores and taskset, each is
bound to one core, and the broker and the load test to the other. A rate is taken between 20% and 98% of a contender's
events, so that neither start-up nor JIT compilation counts.

Needs Java 17 or later and Maven (they fetch and run Kafka). The peers need Python 3.11 or later too.

Examples:
  $ npm run loadtest                                      everything, about 40 minutes
  $ npm run loadtest -- --peers none                      the scorer beside bare consuming, about 5 minutes
  $ npm run loadtest -- --peers none --parts all          what each part of the scorer costs
  $ npm run loadtest -- --peers river,flink --rounds 1 --events 1000000
  $ npm run loadtest -- --json                            one JSON object of the medians as the last line`;

export function loadtestCommand(run: (options: LoadtestOptions) => Promise<void>): Command {
  return new Command('loadtest')
    .description(
      'Measures on a real Apache Kafka, started for it: events/s of consuming alone, of consuming and decoding, of the whole scorer, and of what one would use instead, in interleaved rounds.',
    )
    .option('--events <count>', 'payments to write and read', count, 3_000_000)
    .option('--cards <count>', 'how many cards they belong to', count, 100_000)
    .option('--rounds <count>', 'rounds of each contender', count, 5)
    .option('--partitions <count>', 'partitions of the topic', count, 4)
    .option('--backend <name>', 'TensorFlow.js backend of the scorer: auto, wasm, native or cpu', 'auto')
    .option(
      '--peers <names>',
      `all, none, or some of: ${PEER_NAMES.join(', ')} (default: all that can be built)`,
      someOf(PEER_NAMES),
    )
    .option(
      '--peer-events <count>',
      'events that a slow peer reads; a fast one reads four times as many',
      count,
      300_000,
    )
    .option(
      '--parts <names>',
      `the scorer without a part each: all, none, or some of: ${PART_NAMES.join(', ')}`,
      someOf(PART_NAMES),
      [],
    )
    .option('--markdown', 'print tables in Markdown', false)
    .option('--json', 'close with one JSON object of the medians, as the last line', false)
    .configureHelp({ helpWidth: 110 })
    .addHelpText('after', HELP)
    .action((given: Omit<LoadtestOptions, 'peers' | 'lenient'> & { peers?: string[] }) =>
      run({ ...given, peers: given.peers ?? PEER_NAMES, lenient: given.peers === undefined }),
    );
}
