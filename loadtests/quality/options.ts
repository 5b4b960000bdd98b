import { Command, InvalidArgumentError, Option } from 'commander';

export const SUITES = [
  'nab',
  'production',
  'agriculture',
  'transactions',
  'budget',
  'reasons',
  'start',
  'learned',
] as const;
export type SuiteName = (typeof SUITES)[number];

export interface QualityOptions {
  readonly suite: SuiteName | 'all';
  readonly data?: string;
  readonly scorer?: string;
  readonly seeds: number;
  readonly ablation: boolean;
  readonly baselines: boolean;
  readonly json: boolean;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1 || value > 100)
    throw new InvalidArgumentError('write a whole number from 1 to 100.');
  return value;
}

export function qualityCommand(run: (options: QualityOptions) => Promise<void>): Command {
  return new Command('bench:quality')
    .description(
      'Measures what the detection finds, on public benchmarks and on planted faults, through the code that scores streams.',
    )
    .addOption(
      new Option('--suite <name>', 'what to measure').choices([...SUITES, 'all']).makeOptionMandatory(true),
    )
    .option('--data <folder>', "the suite's data; production and agriculture ship theirs in examples/")
    .option(
      '--scorer <folder>',
      'nab: a checkout of NAB, whose own scorer judges (default: the folder of --data)',
    )
    .option('--seeds <count>', 'seeds to train or to generate with, from 1 on', count, 1)
    .option('--ablation', 'leave parts out one by one and measure again', false)
    .option('--baselines', 'run the Python baselines beside it (Python 3.9 or later; packages by pip)', false)
    .option('--json', 'close with one JSON object of the figures, as the last line', false)
    .addHelpText(
      'after',
      `
Suites:
  nab           Numenta Anomaly Benchmark: git clone https://github.com/numenta/NAB, then --data NAB
  production    Tennessee Eastman process, 21 faults        (examples/production-tep)
  agriculture   water sensors against technicians' labels, and planted faults   (examples/agriculture-water)
  transactions  the Fraud Detection Handbook's payments, generated
  budget        alerts a day on unseen normal data, for budgets from 1 to 1,000
  reasons       planted faults: is the planted field the first reason?
  start         first days without a trained model: the shared model against none
  learned       what the networks add on a generated fleet whose readings hang together in no linear way

Examples:
  $ npm run bench:quality -- --suite production --seeds 3 --ablation
  $ npm run bench:quality -- --suite nab --data ../NAB --json`,
    )
    .action(run);
}
