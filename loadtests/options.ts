import { Command, InvalidArgumentError } from 'commander';

export const WORKLOADS = ['rawConsume', 'decode', 'scorer'] as const;
export type Workload = (typeof WORKLOADS)[number];

export interface LoadtestOptions {
  readonly events: number;
  readonly cards: number;
  readonly rounds: number;
  readonly partitions: number;
  readonly backend: string;
  readonly json: boolean;
}

function count(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('write a whole number above 0, such as 1000000.');
  return value;
}

export function loadtestCommand(run: (options: LoadtestOptions) => Promise<void>): Command {
  return new Command('loadtest')
    .description(
      'Measures on a real Apache Kafka, started for it: events/s of consuming alone, of consuming and decoding, and of the whole scorer, in interleaved rounds.',
    )
    .option('--events <count>', 'payments to write and read', count, 1_000_000)
    .option('--cards <count>', 'how many cards they belong to', count, 100_000)
    .option('--rounds <count>', 'rounds of each workload', count, 3)
    .option('--partitions <count>', 'partitions of the topic', count, 4)
    .option('--backend <name>', 'TensorFlow.js backend of the scorer: auto, wasm, native or cpu', 'auto')
    .option('--json', 'close with one JSON object of the medians, as the last line', false)
    .addHelpText(
      'after',
      '\nNeeds Java 17 or later and Maven (they fetch and run Kafka).\n\nExamples:\n  $ npm run loadtest\n  $ npm run loadtest -- --json\n  $ npm run loadtest -- --events 200000 --rounds 5 --backend wasm',
    )
    .action(run);
}
