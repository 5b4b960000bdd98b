import { Command } from 'commander';
import { alertApiCommand } from './commands/alert-api.js';
import { backtestCommand } from './commands/backtest.js';
import { deadLettersCommand } from './commands/dead-letters.js';
import { demoCommand } from './commands/demo.js';
import { localCommand } from './commands/local.js';
import { migrateCommand } from './commands/migrate.js';
import { produceCommand } from './commands/produce.js';
import { proposeCommand } from './commands/propose.js';
import { scorerCommand } from './commands/scorer.js';
import { sinkCommand } from './commands/sink.js';
import { topicsCommand } from './commands/topics.js';
import { trainCommand } from './commands/train.js';
import { tryCommand } from './commands/try.js';
import { packageVersion, versionCommand } from './commands/version.js';

/** The whole command line as one tree; what each command does loads only when it runs. */
export function createProgram(): Command {
  const program = new Command('riskwire')
    .description(
      'Watches Kafka event streams, finds the events that do not fit, and tells the people who must act.',
    )
    .version(packageVersion(), '-V, --version')
    .usage('<command> [options]')
    .showHelpAfterError('(riskwire --help lists the commands)')
    .addHelpText(
      'after',
      '\nFirst steps:\n  $ riskwire demo             everything on this machine, on recorded streams\n  $ riskwire <command> --help what a command does and which variables it reads\n\nExit codes: 0 done, 1 failed, 2 a command line or configuration that cannot be used.',
    );

  program
    .commandsGroup('Try it:')
    .addCommand(demoCommand())
    .addCommand(tryCommand())
    .addCommand(localCommand())
    .addCommand(produceCommand());
  program
    .commandsGroup('Services:')
    .addCommand(scorerCommand())
    .addCommand(sinkCommand())
    .addCommand(alertApiCommand());
  program
    .commandsGroup('Tools:')
    .addCommand(proposeCommand())
    .addCommand(trainCommand())
    .addCommand(backtestCommand())
    .addCommand(topicsCommand())
    .addCommand(deadLettersCommand())
    .addCommand(migrateCommand())
    .addCommand(versionCommand());

  // commander copies these to commands made with .command(), not to ones that are added
  for (const command of [program, ...program.commands])
    command.exitOverride().configureHelp({ helpWidth: 110 });
  for (const command of program.commands)
    command.showHelpAfterError(`(riskwire ${command.name()} --help shows what it takes)`);
  return program;
}
