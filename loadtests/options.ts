import { Command, InvalidArgumentError } from 'commander';
import { PART_NAMES, type Part } from './contenders/parts.js';
import { PEER_NAMES } from './contenders/peers.js';
import { GROUPS } from './scaling/cases.js';

const GROUP_NAMES = GROUPS.map(({ name }) => name);

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
  readonly check: boolean;
  readonly record: boolean;
  readonly scaling: boolean;
  /** which ways of growing, for scaling */
  readonly groups: string[];
  readonly latency: boolean;
  readonly sink: boolean;
  /** minutes; undefined: no soak */
  readonly soak: number | undefined;
  /** of the maximum, 0..1 */
  readonly rate: number;
  /** events a second that are taken for the maximum; undefined: measured first */
  readonly max: number | undefined;
  readonly seconds: number;
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

function share(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('write a number above 0, up to 1.');
  return value;
}

const HELP = `
Each contender reads the same topic, one after another, round by round. Where there are two cores and taskset, each is
bound to one core, and the broker and the load test to the other. A rate is taken between 20% and 98% of a contender's
events, so that neither start-up nor JIT compilation counts.

Needs Java 17 or later and Maven (they fetch and run Kafka). The peers need Python 3.11 or later too.

Examples:
  $ npm run loadtest -- --json                  everything; one JSON object of the medians as the last line
  $ npm run loadtest -- --peers none            the scorer beside bare consuming
  $ npm run loadtest -- --parts all             what each part of the scorer costs (without peers)
  $ npm run loadtest -- --peers river,flink --rounds 1 --events 1000000
  $ npm run loadtest -- --check --parts all     fails when the scorer has become slower than recorded
  $ npm run loadtest -- --scaling               processes, entities, partitions, features, sizes
  $ npm run loadtest -- --latency               append to risk, row and webhook, at 1%, 50% and 80% of the maximum
  $ npm run loadtest -- --sink                  rows a second into ClickHouse
  $ npm run loadtest -- --soak 30 --rate 0.5    memory over half an hour at half of the maximum`;

type Given = Omit<LoadtestOptions, 'peers' | 'lenient'> & { peers?: string[] };

/** Peers take most of the time: they run when they are asked for, or when nothing else was. */
function withPeers(given: Given): LoadtestOptions {
  const other = given.check || given.record || given.parts.length > 0;
  return { ...given, peers: given.peers ?? (other ? [] : PEER_NAMES), lenient: given.peers === undefined };
}

export function loadtestCommand(run: (options: LoadtestOptions) => Promise<void>): Command {
  return new Command('loadtest')
    .description(
      'Measures on a real Apache Kafka, started for it: events/s of consuming alone, of consuming and decoding, of the whole scorer, and of what one would use instead, in interleaved rounds.',
    )
    .option('--events <count>', 'events to write and read', count, 3_000_000)
    .option('--cards <count>', 'how many cards they belong to', count, 100_000)
    .option('--rounds <count>', 'rounds of each contender', count, 5)
    .option('--partitions <count>', 'partitions of the topic', count, 4)
    .option('--backend <name>', 'TensorFlow.js backend of the scorer: auto, wasm, native or cpu', 'auto')
    .option('--peers <names>', `all, none, or some of: ${PEER_NAMES.join(', ')}`, someOf(PEER_NAMES))
    .option(
      '--peer-events <count>',
      'events of a slow peer; a fast one reads four times as many',
      count,
      300_000,
    )
    .option(
      '--parts <names>',
      `the scorer without a part each: all, none, or some of: ${PART_NAMES.join(', ')}`,
      someOf(PART_NAMES),
      [],
    )
    .option(
      '--check',
      'compare ratios and shares with loadtests/recorded.json; exit 1 when one is worse',
      false,
    )
    .option('--record', 'keep ratios and shares in loadtests/recorded.json', false)
    .option('--scaling', 'instead: how the cost grows with the work', false)
    .option(
      '--groups <names>',
      `for --scaling: all, or some of: ${GROUP_NAMES.join(', ')}`,
      someOf(GROUP_NAMES),
      GROUP_NAMES,
    )
    .option(
      '--latency',
      'instead: how long until a risk is published, a row visible, a webhook received',
      false,
    )
    .option('--sink', 'instead: rows a second into ClickHouse', false)
    .option('--soak <minutes>', 'instead: steady load for so long, and memory', count)
    .option('--rate <share>', 'of the maximum, for --soak', share, 1)
    .option(
      '--max <events/s>',
      'taken for the maximum, for --latency and --soak; measured when not given',
      count,
    )
    .option('--seconds <count>', 'of each rate, for --latency', count, 60)
    .option('--markdown', 'print tables in Markdown', false)
    .option('--json', 'close with one JSON object, as the last line', false)
    .configureHelp({ helpWidth: 110 })
    .addHelpText('after', HELP)
    .action((given: Given) => run(withPeers(given)));
}
