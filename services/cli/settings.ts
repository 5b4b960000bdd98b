import { type Command, Option } from 'commander';

/**
 * The settings that commands share. Each is an environment variable; most have a flag that wins over it.
 * Secrets have no flag: a command line is seen by every user of the machine.
 */
interface Setting {
  readonly env: string;
  readonly flag?: string;
  readonly text: string;
  readonly fallback?: string;
}

const DEFINED = {
  brokers: {
    env: 'RISKWIRE_BROKERS',
    flag: '--brokers <list>',
    text: 'Kafka brokers, comma-separated',
    fallback: '127.0.0.1:9092',
  },
  prefix: {
    env: 'RISKWIRE_PREFIX',
    flag: '--prefix <text>',
    text: "prefix of Riskwire's own topics",
    fallback: 'riskwire.',
  },
  group: {
    env: 'RISKWIRE_GROUP',
    flag: '--group <name>',
    text: 'consumer groups are <name>-scorer, <name>-sink, …',
    fallback: 'riskwire',
  },
  registryUrl: {
    env: 'RISKWIRE_REGISTRY_URL',
    flag: '--registry <url>',
    text: 'schema registry that speaks the Confluent REST API (none: the schemas folder alone)',
  },
  registryUser: { env: 'RISKWIRE_REGISTRY_USER', text: 'user for the schema registry' },
  registryPassword: { env: 'RISKWIRE_REGISTRY_PASSWORD', text: 'password for the schema registry' },
  schemas: {
    env: 'RISKWIRE_SCHEMAS_DIR',
    flag: '--schemas <folder>',
    text: 'folder of Avro schemas',
    fallback: "the package's schemas/",
  },
  pipelinesDir: {
    env: 'RISKWIRE_PIPELINES_DIR',
    flag: '--pipelines <folder>',
    text: 'folder of pipeline definitions',
    fallback: "the package's pipelines/",
  },
  pipelines: {
    env: 'RISKWIRE_PIPELINES',
    flag: '--only <names>',
    text: 'pipelines to run, comma-separated',
    fallback: 'all',
  },
  models: {
    env: 'RISKWIRE_MODELS_DIR',
    flag: '--models <folder>',
    text: 'folder of model packages',
    fallback: "the package's models/",
  },
  backend: {
    env: 'RISKWIRE_BACKEND',
    flag: '--backend <name>',
    text: 'TensorFlow.js backend: auto, wasm, native or cpu',
    fallback: 'auto',
  },
  clickhouseUrl: {
    env: 'RISKWIRE_CLICKHOUSE_URL',
    flag: '--clickhouse <url>',
    text: "ClickHouse's HTTP address",
    fallback: 'http://127.0.0.1:8123',
  },
  clickhouseDatabase: {
    env: 'RISKWIRE_CLICKHOUSE_DATABASE',
    flag: '--database <name>',
    text: 'ClickHouse database',
    fallback: 'riskwire',
  },
  clickhouseUser: { env: 'RISKWIRE_CLICKHOUSE_USER', text: 'ClickHouse user', fallback: 'default' },
  clickhousePassword: { env: 'RISKWIRE_CLICKHOUSE_PASSWORD', text: 'ClickHouse password' },
  host: {
    env: 'RISKWIRE_HOST',
    flag: '--host <address>',
    text: 'address to listen on',
    fallback: '127.0.0.1',
  },
  port: { env: 'RISKWIRE_PORT', flag: '--port <number>', text: 'port to listen on, 0 for a free one' },
  logLevel: {
    env: 'RISKWIRE_LOG_LEVEL',
    flag: '--log-level <level>',
    text: 'trace, debug, info, warn, error or fatal',
    fallback: 'info',
  },
  startupTimeout: {
    env: 'RISKWIRE_STARTUP_TIMEOUT',
    flag: '--startup-timeout <duration>',
    text: 'how long to wait for brokers and servers',
    fallback: '60s',
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof DEFINED;
export const SETTINGS: Readonly<Record<SettingName, Setting>> = DEFINED;

export const KAFKA: SettingName[] = ['brokers', 'prefix'];
export const SCHEMAS: SettingName[] = ['registryUrl', 'registryUser', 'registryPassword', 'schemas'];
export const CLICKHOUSE: SettingName[] = [
  'clickhouseUrl',
  'clickhouseDatabase',
  'clickhouseUser',
  'clickhousePassword',
];
export const SERVICE: SettingName[] = ['host', 'port', 'logLevel', 'startupTimeout'];

/** Gives the command the flags of these settings and lists the variables in its help. */
export function withSettings(
  command: Command,
  names: readonly SettingName[],
  more: readonly Setting[] = [],
): Command {
  const settings = [...names.map((name) => SETTINGS[name]), ...more];
  for (const { flag, text } of settings) if (flag) command.addOption(new Option(flag, text));
  const width = Math.max(...settings.map(({ env }) => env.length)) + 2;
  const lines = settings.map(
    ({ env, text, fallback }) => `  ${env.padEnd(width)}${text}${fallback ? ` (default: ${fallback})` : ''}`,
  );
  return command.addHelpText('after', `\nEnvironment (a flag wins over its variable):\n${lines.join('\n')}`);
}

/** The environment that a service reads: the process's own, with the flags given laid over it. */
export function environmentFrom(
  command: Command,
  env: NodeJS.ProcessEnv,
  more: readonly Setting[] = [],
): NodeJS.ProcessEnv {
  const merged: NodeJS.ProcessEnv = { ...env };
  for (const { env: variable, flag } of [...Object.values(SETTINGS), ...more]) {
    if (!flag) continue;
    const name = new Option(flag).attributeName();
    if (command.getOptionValueSource(name) === 'cli') merged[variable] = String(command.getOptionValue(name));
  }
  return merged;
}

export function examples(command: Command, lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`);
}
