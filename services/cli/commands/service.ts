import { Command } from 'commander';
import type { TObject } from 'typebox';
import { environmentFrom, examples, withSettings } from '../settings.js';

interface ServiceModule {
  main(env: NodeJS.ProcessEnv): Promise<unknown>;
}

export interface ServiceCommand {
  readonly name: string;
  readonly description: string;
  readonly config: TObject;
  readonly examples: readonly string[];
  readonly notes?: string;
  /** a dynamic import, so that no command loads what another one needs */
  readonly load: () => Promise<ServiceModule>;
}

/** A command that runs one service until it is stopped (SIGTERM, SIGINT). The service checks its own configuration. */
export function serviceCommand({
  name,
  description,
  config,
  examples: lines,
  notes,
  load,
}: ServiceCommand): Command {
  const command = new Command(name)
    .description(description)
    .option(
      '--json',
      'log lines are JSON objects whether this is given or not; accepted so that scripts can always pass it',
    );
  withSettings(command, config);
  if (notes) command.addHelpText('after', `\n${notes}`);
  examples(command, lines);
  return command.action(async () => {
    const { main } = await load();
    await main(environmentFrom(command, process.env));
  });
}
