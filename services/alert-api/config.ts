import { createHash } from 'node:crypto';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { STANDARD_WAITS } from '../../alerting/retry-schedule.js';
import { type AddressRange, parseRange } from '../../lib/address-guard.js';
import { duration, list, readConfig, secret, url } from '../../lib/config.js';
import { parseDuration } from '../../lib/duration.js';
import { packageRoot } from '../../lib/paths.js';
import { parseKey } from './api-keys.js';

const KEY_BYTES = 32;

/** What the environment may say; the command line lists it in its help. */
export const AlertApiVariables = Type.Object({
  brokers: list(['127.0.0.1:9092'], { minItems: 1 }),
  prefix: Type.String({ default: 'riskwire.' }),
  group: Type.String({ default: 'riskwire', minLength: 1 }),
  schemasDir: Type.String({ default: join(packageRoot(), 'schemas'), minLength: 1 }),
  pipelinesDir: Type.String({ default: join(packageRoot(), 'pipelines'), minLength: 1 }),
  pipelines: list(['all'], { minItems: 1 }),
  clickhouseUrl: url('http://127.0.0.1:8123'),
  clickhouseDatabase: Type.String({ default: 'riskwire', minLength: 1 }),
  clickhouseUser: Type.String({ default: 'default' }),
  clickhousePassword: secret(''),
  host: Type.String({ default: '127.0.0.1' }),
  port: Type.Integer({ default: 9400, minimum: 0, maximum: 65535 }),
  publicUrl: Type.String({ default: '', description: 'where people reach this API, for links in webhooks' }),
  logLevel: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], { default: 'info' }),
  startupTimeout: duration('60s'),
  secretKey: secret('', {
    expects: `${KEY_BYTES} random bytes in base64, such as \`openssl rand -base64 32\` prints; further keys after commas still open what they sealed`,
  }),
  insecureLocal: Type.Boolean({ default: false }),
  bootstrapKey: secret('', {
    expects:
      'rw_<id>_<secret>, with letters and digits as id and at least 22 characters of A-Z a-z 0-9 _ - as secret',
  }),
  webhookAllow: list([], { expects: 'a comma-separated list of address ranges such as 10.0.0.0/8' }),
  webhookTimeout: duration('15s'),
  webhookConcurrency: Type.Integer({
    default: 4,
    minimum: 1,
    maximum: 256,
    description: 'requests at once to one endpoint',
  }),
  webhookRetryWaits: list(
    STANDARD_WAITS.map((wait) => `${wait}ms`),
    { expects: 'a comma-separated list of durations, the waits between tries' },
  ),
  breakerReset: duration('30s'),
  retention: duration('30d'),
  listed: Type.Integer({
    default: 20_000,
    minimum: 100,
    description: 'newest incidents, and deliveries, that the API lists',
  }),
  rateLimit: Type.Integer({
    default: 600,
    minimum: 1,
    description: 'requests a minute from one API key or address',
  }),
  trustProxy: Type.Boolean({ default: false }),
  partitions: Type.Integer({
    default: 4,
    minimum: 1,
    maximum: 10_000,
    description: 'of topics that have to be made',
  }),
  replication: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 15,
    description: 'of topics that have to be made',
  }),
});

export type AlertApiConfig = Omit<
  Static<typeof AlertApiVariables>,
  'secretKey' | 'webhookAllow' | 'webhookRetryWaits' | 'pipelines'
> & {
  /** names, undefined for all */
  pipelines: string[] | undefined;
  /** the first seals, all open */
  secretKeys: Buffer[];
  allow: AddressRange[];
  retryWaits: number[];
};

/** Reads the environment; throws one ConfigError that names every fault. */
export function readAlertApiConfig(env: NodeJS.ProcessEnv): AlertApiConfig {
  const { secretKey, webhookAllow, webhookRetryWaits, pipelines, ...rest } = readConfig(
    AlertApiVariables,
    env,
    {
      check,
    },
  );
  return {
    ...rest,
    pipelines: pipelines.length === 1 && pipelines[0] === 'all' ? undefined : pipelines,
    secretKeys: secretKey ? keysOf(secretKey) : [LOCAL_KEY],
    allow: webhookAllow.map(parseRange),
    retryWaits: webhookRetryWaits.map(parseDuration),
  };
}

/** Everybody knows it: for one machine's trials, where a restart must still be able to read its secrets. */
const LOCAL_KEY = createHash('sha256').update('riskwire insecure local key').digest();

function keysOf(text: string): Buffer[] {
  return text.split(',').map((part) => Buffer.from(part.trim(), 'base64'));
}

function check(config: Static<typeof AlertApiVariables>): string[] {
  const faults: string[] = [];
  const remedy = `set it to ${KEY_BYTES} random bytes in base64 (openssl rand -base64 ${KEY_BYTES})`;
  if (!config.secretKey && !config.insecureLocal) {
    faults.push(
      `RISKWIRE_SECRET_KEY is not set, but webhook secrets are kept encrypted: ${remedy}, or set RISKWIRE_INSECURE_LOCAL=1 on a machine where that doesn't matter`,
    );
  }
  if (config.secretKey && keysOf(config.secretKey).some((key) => key.length !== KEY_BYTES)) {
    faults.push(
      `RISKWIRE_SECRET_KEY holds a key that is not ${KEY_BYTES} bytes long (it is not shown): ${remedy}`,
    );
  }
  if (config.bootstrapKey && !parseKey(config.bootstrapKey)) {
    faults.push(
      'RISKWIRE_BOOTSTRAP_KEY is not an API key (it is not shown): set it to rw_<id>_<secret>, where <id> is of letters and digits and <secret> has at least 22 characters of A-Z a-z 0-9 _ -',
    );
  }
  if (config.webhookTimeout < 100)
    faults.push(
      `RISKWIRE_WEBHOOK_TIMEOUT is ${config.webhookTimeout} ms: set it to at least 100ms, 15s to 30s is usual`,
    );
  for (const range of config.webhookAllow)
    faults.push(...faultOf(() => parseRange(range), 'RISKWIRE_WEBHOOK_ALLOW'));
  for (const wait of config.webhookRetryWaits)
    faults.push(...faultOf(() => parseDuration(wait), 'RISKWIRE_WEBHOOK_RETRY_WAITS'));
  if (config.publicUrl && !/^https?:\/\/[^\s]+$/.test(config.publicUrl)) {
    faults.push(
      `RISKWIRE_PUBLIC_URL is ${JSON.stringify(config.publicUrl)}: set it to an address such as https://riskwire.example.com, or leave it out`,
    );
  }
  return faults;
}

function faultOf(parse: () => unknown, variable: string): string[] {
  try {
    parse();
    return [];
  } catch (error) {
    return [`${variable}: ${(error as Error).message}`];
  }
}
