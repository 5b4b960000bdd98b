import { type Command, Option } from 'commander';
import type { TObject } from 'typebox';
import { variableName } from '../../lib/config.js';
import { formatDuration } from '../../lib/duration.js';
import { packageRoot } from '../../lib/paths.js';

/** What people read about a variable, and the flag that wins over it. */
interface Words {
  readonly flag?: string;
  readonly text: string;
}

/**
 * Flags of the variables that several commands share. What a command reads comes from its own configuration schema;
 * this adds to it. Secrets have no flag: a command line is seen by every user of the machine.
 */
const WORDS: Readonly<Record<string, Words>> = {
  RISKWIRE_BROKERS: { flag: '--brokers <list>', text: 'Kafka brokers, comma-separated' },
  RISKWIRE_PREFIX: { flag: '--prefix <text>', text: "prefix of Riskwire's own topics" },
  RISKWIRE_GROUP: {
    flag: '--group <name>',
    text: 'consumer groups are <name>-scorer, <name>-sink, <name>-alert-api',
  },
  RISKWIRE_REGISTRY_URL: {
    flag: '--registry <url>',
    text: 'schema registry with the Confluent REST API; none: the schemas folder alone',
  },
  RISKWIRE_REGISTRY_USER: { text: 'user for the schema registry' },
  RISKWIRE_REGISTRY_PASSWORD: { text: 'password for the schema registry' },
  RISKWIRE_SCHEMAS_DIR: { flag: '--schemas <folder>', text: 'folder of Avro schemas' },
  RISKWIRE_PIPELINES_DIR: { flag: '--pipelines <folder>', text: 'folder of pipeline definitions' },
  RISKWIRE_PIPELINES: { flag: '--pipeline <names>', text: 'pipelines to run, comma-separated' },
  RISKWIRE_MODELS_DIR: { flag: '--models <folder>', text: 'folder of model packages' },
  RISKWIRE_BACKEND: { flag: '--backend <name>', text: 'TensorFlow.js backend: auto, wasm, native or cpu' },
  RISKWIRE_CLICKHOUSE_URL: { flag: '--clickhouse <url>', text: "ClickHouse's HTTP address" },
  RISKWIRE_CLICKHOUSE_DATABASE: { flag: '--database <name>', text: 'ClickHouse database' },
  RISKWIRE_CLICKHOUSE_USER: { text: 'ClickHouse user' },
  RISKWIRE_CLICKHOUSE_PASSWORD: { text: 'ClickHouse password' },
  RISKWIRE_HOST: { flag: '--host <address>', text: 'address to listen on' },
  RISKWIRE_PORT: { flag: '--port <number>', text: 'port to listen on, 0 for a free one' },
  RISKWIRE_LOG_LEVEL: { flag: '--log-level <level>', text: 'trace, debug, info, warn, error or fatal' },
  RISKWIRE_STARTUP_TIMEOUT: {
    flag: '--startup-timeout <duration>',
    text: 'how long to wait for brokers and servers',
  },
};

export interface Setting extends Words {
  readonly env: string;
  readonly fallback: string;
}

/** The variables of a configuration schema, with what they mean and what they are without being set. */
export function settingsOf(schema: TObject): Setting[] {
  return Object.entries(schema.properties).map(([property, one]) => {
    const { default: value, description, reads, secret } = one as Record<string, unknown>;
    const env = variableName(property);
    const words = WORDS[env] ?? { text: String(description ?? '') };
    return { ...words, env, fallback: secret === true ? '' : shown(value, reads) };
  });
}

function shown(value: unknown, reads: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  if (typeof value === 'number' && reads === 'duration') return formatDuration(value);
  if (value === undefined || value === '') return '';
  const text = String(value);
  return text.startsWith(`${packageRoot()}/`)
    ? `the package's ${text.slice(packageRoot().length + 1)}/`
    : text;
}

/** Gives the command the flags of its configuration and lists the variables in its help. */
export function withSettings(command: Command, schema: TObject): Command {
  const settings = settingsOf(schema);
  for (const { flag, text } of settings) if (flag) command.addOption(new Option(flag, text));
  const width = Math.max(...settings.map(({ env }) => env.length)) + 2;
  const lines = settings.map(
    ({ env, text, fallback }) => `  ${env.padEnd(width)}${text}${fallback ? ` (default: ${fallback})` : ''}`,
  );
  return command.addHelpText('after', `\nEnvironment (a flag wins over its variable):\n${lines.join('\n')}`);
}

/** The environment that a service reads: the process's own, with the flags given laid over it. */
export function environmentFrom(command: Command, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const merged: NodeJS.ProcessEnv = { ...env };
  for (const [variable, { flag }] of Object.entries(WORDS)) {
    if (!flag) continue;
    const name = new Option(flag).attributeName();
    if (command.getOptionValueSource(name) === 'cli') merged[variable] = String(command.getOptionValue(name));
  }
  return merged;
}

export function examples(command: Command, lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`);
}
