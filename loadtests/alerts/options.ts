import { Command, InvalidArgumentError } from 'commander';

export interface AlertLoadOptions {
  readonly incidents: number;
  readonly endpoints: number;
  readonly fanOut: number;
  readonly rate: number;
  readonly kills: number;
  readonly stormRisks: number;
  readonly json: boolean;
}

function count(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('write a whole number, such as 10000.');
  return value;
}

export function alertLoadCommand(run: (options: AlertLoadOptions) => Promise<void>): Command {
  return new Command('loadtest:alerts')
    .description(
      'Measures the alert API on a real Apache Kafka, started for it: two replicas; endpoints of which a fifth is dead, a fifth answers in 10 s and a fifth answers 500 half of the time; kill -9; and a storm of risks on one plant.',
    )
    .option('--incidents <count>', 'incidents of a run', count, 10_000)
    .option('--endpoints <count>', 'webhook receivers', count, 50)
    .option('--fan-out <count>', 'endpoints that an incident goes to', count, 5)
    .option('--rate <count>', 'incidents a second', count, 100)
    .option('--kills <count>', 'how often one of the two replicas is killed', count, 20)
    .option('--storm-risks <count>', 'risks of the storm', count, 100_000)
    .option('--json', 'close with one JSON object, as the last line', false)
    .addHelpText('after', '\nNeeds Java 17 or later and Maven (they fetch and run Kafka).')
    .action(run);
}
