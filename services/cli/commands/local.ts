import { Command } from 'commander';
import { LocalConfig } from '../../local/config.js';
import { environmentFrom, examples, withSettings } from '../settings.js';

export function localCommand(): Command {
  const command = new Command('local')
    .description(
      'run a Kafka-protocol broker, ClickHouse and a schema registry on this machine, without Docker',
    )
    .option('--json', 'print the addresses as one JSON object when it is up');
  withSettings(command, LocalConfig);
  command.addHelpText(
    'after',
    '\nIt listens on 127.0.0.1, at the addresses in these variables. For demos and tests: the broker keeps the newest\n16 MB of each partition, in memory.',
  );
  examples(command, [
    'riskwire local',
    'riskwire local --json',
    'RISKWIRE_LOCAL_DATA_DIR=./data riskwire local',
  ]);
  return command.action(async (options: { json?: boolean }) => {
    const { main } = await import('../../local/main.js');
    await main(environmentFrom(command, process.env), options);
  });
}
