import { Command, InvalidArgumentError, Option } from 'commander';
import { realKafkaMissing } from '../../loadtests/support/real-kafka.js';
import { CommandFailed, exitCodeOf, messageOf } from '../../services/cli/exit.js';
import { BROKEN } from './broken.js';
import { entitiesCommand } from './entities.js';
import { faultsOf, runFaultSuite, type SuiteReport } from './suite.js';

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly events: number;
  readonly scorers: number;
  readonly only?: readonly string[];
  readonly broken?: string;
  readonly logs?: string;
  readonly json: boolean;
}

function positive(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('write a number above 0.');
  return value;
}

/** `npm run test:faults`: kills, stops and cuts off the services, then compares with a run that was left alone. */
export async function main(argv: string[]): Promise<void> {
  const command = new Command('test:faults')
    .description(
      'Scores a stream of payments while services, Kafka and ClickHouse are killed, frozen and cut off, and compares what is in ClickHouse and at the webhook receiver with an undisturbed run on the same input.',
    )
    .option('--minutes <count>', 'how long faults happen', positive, 10)
    .option(
      '--seed <number>',
      'of the input and the faults; printed, so that a run can be repeated',
      positive,
    )
    .option('--events <count>', 'payments, written evenly over the time', positive, 2_000_000)
    .option('--scorers <count>', 'scorer replicas', positive, 2)
    .option('--only <faults...>', 'only these kinds, such as "freeze scorer"')
    .addOption(
      new Option(
        '--broken <how>',
        'disturb a program with its order rule broken: the comparison must fail',
      ).choices(Object.keys(BROKEN)),
    )
    .option('--logs <folder>', "keep the services' own output here")
    .option('--json', 'end with one JSON object, as the last line', false)
    .addHelpText(
      'after',
      '\nNeeds Java 17 or later and Maven (they fetch and run Kafka).\n\nExamples:\n  $ npm run test:faults\n  $ npm run test:faults -- --minutes 2 --events 200000 --seed 7 --json',
    )
    .action(run);
  command.addCommand(entitiesCommand());
  try {
    await command.parseAsync(argv);
  } catch (error) {
    process.stderr.write(`test:faults: ${messageOf(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

async function run(options: Options): Promise<void> {
  const missing = realKafkaMissing();
  if (missing !== undefined)
    throw new CommandFailed(
      `a real Kafka is needed and can't be started here (${missing}): install Java 17 and Maven`,
    );
  const ending = new AbortController();
  process.once('SIGINT', () => ending.abort(new CommandFailed('stopped')));
  const began = Date.now();
  const seed = options.seed ?? 1 + Math.floor(Math.random() * 1e6);
  const report = await runFaultSuite({
    seed,
    events: Math.round(options.events),
    forMs: options.minutes * 60_000,
    only: options.only,
    patches: options.broken === undefined ? undefined : BROKEN[options.broken],
    scorers: Math.round(options.scorers),
    logs: options.logs,
    say: (line) =>
      process.stderr.write(`${((Date.now() - began) / 1000).toFixed(0).padStart(5)} s  ${line}\n`),
    signal: ending.signal,
  });
  const faults = faultsOf(report);
  const counts = `${report.kills} kills and ${report.faults} faults in all over ${report.events} events; ${report.risks} risks, ${report.sampledScores} scores and ${report.incidents} incidents compared`;
  process.stdout.write(
    faults.length === 0
      ? `the same as undisturbed: ${counts}\n`
      : `NOT the same as undisturbed (${counts}):\n${faults.map((fault) => `  ${fault}\n`).join('')}`,
  );
  process.stdout.write(
    `repeat with --seed ${seed} --minutes ${options.minutes} --events ${options.events}\n`,
  );
  process.stdout.write(`as a row of docs/reliability.md:\n${rowOf(report, options)}\n`);
  if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  if (faults.length > 0) process.exitCode = 1;
}

function rowOf(report: SuiteReport, { minutes, events, only, broken }: Options): string {
  const command = [
    `--seed ${report.seed} --minutes ${minutes} --events ${events}`,
    ...(only === undefined ? [] : [`--only ${only.map((name) => `"${name}"`).join(' ')}`]),
    ...(broken === undefined ? [] : [`--broken ${broken}`]),
  ].join(' ');
  const cells = [
    `\`${command}\``,
    ...[report.kills, report.faults, report.risks, report.missing, report.extra, report.scoreDifferences],
    `${report.sampledScores} / ${report.sampledDifferences + report.sampledUnmatched}`,
    `${report.deadLettersMissing} / ${report.deadLettersExtra}`,
    ...[report.incidents, report.webhooksMissing, report.webhookDuplicates],
  ];
  return `| ${cells.join(' | ')} |`;
}
