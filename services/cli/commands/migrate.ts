import { join } from 'node:path';
import { Command } from 'commander';
import { CommandFailed } from '../exit.js';
import { environmentFrom, examples, withSettings } from '../settings.js';
import { ClickhouseSettings, clickhouseConfig } from '../tool-config.js';

interface Options {
  status?: boolean;
  json?: boolean;
}

export function migrateCommand(): Command {
  const command = new Command('migrate')
    .description("create or update Riskwire's tables in ClickHouse; a migration is applied once, in order")
    .option('--status', 'show what is applied and what is not, and change nothing')
    .option('--json', 'print one JSON object');
  withSettings(command, ClickhouseSettings);
  examples(command, [
    'riskwire migrate',
    'riskwire migrate --status --json',
    'riskwire migrate --clickhouse http://clickhouse:8123 --database riskwire',
  ]);
  return command.action((options: Options) => run(options, environmentFrom(command, process.env)));
}

async function run(options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const settings = clickhouseConfig(env);
  const [{ migrate, migrationStatus }, { waitForClickHouse }, { createLog }, { packageRoot }] =
    await Promise.all([
      import('../../sink/migrate.js'),
      import('../../../lib/clickhouse.js'),
      import('../../../lib/log.js'),
      import('../../../lib/paths.js'),
    ]);
  const config = {
    url: settings.clickhouseUrl,
    database: settings.clickhouseDatabase,
    user: settings.clickhouseUser,
    password: settings.clickhousePassword,
  };
  const dir = join(packageRoot(), 'migrations');
  const log = createLog('migrate', { destination: process.stderr });
  await waitForClickHouse(config, { timeoutMs: settings.startupTimeout, log });
  const applied = options.status ? [] : await migrate(config, { dir });
  const states = await migrationStatus(config, { dir });

  if (options.json) process.stdout.write(`${JSON.stringify({ applied, migrations: states })}\n`);
  else {
    for (const { name, state } of states) {
      const shown = applied.includes(name) ? 'applied now' : state;
      process.stdout.write(`${shown.padEnd(12)} ${name}\n`);
    }
  }
  const changed = states.filter(({ state }) => state === 'changed').map(({ name }) => name);
  if (changed.length > 0)
    throw new CommandFailed(
      `${changed.join(', ')} changed after being applied: restore the applied text, and put the change into a new file`,
    );
}
