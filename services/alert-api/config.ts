import { createHash } from 'node:crypto';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { STANDARD_WAITS } from '../../alerting/retry-schedule.js';
import { type AddressRange, parseRange } from '../../lib/address-guard.js';
import { duration, list, readConfig, secret, url } from '../../lib/config.js';
import { formatDuration, parseDuration } from '../../lib/duration.js';
import { packageRoot } from '../../lib/paths.js';
import { parseKey } from './api-keys.js';

const KEY_BYTES = 32;

/** What the environment may say; the command line lists it in its help. */
export const AlertApiVariables = Type.Object({
  brokers: list(['127.0.0.1:9092'], {
    minItems: 1,
    each: '^[^\\s:]+:[0-9]{1,5}$',
    expects: 'a comma-separated list of host:port',
    description: 'Kafka brokers',
  }),
  prefix: Type.String({
    default: 'riskwire.',
    pattern: '^[A-Za-z0-9._-]*$',
    description: 'before the names of Riskwire’s own topics',
  }),
  group: Type.String({
    default: 'riskwire',
    pattern: '^[A-Za-z0-9._-]+$',
    description: 'the consumer group is <group>-alert-api',
  }),
  schemasDir: Type.String({
    default: join(packageRoot(), 'schemas'),
    minLength: 1,
    description: 'folder of Avro schemas',
  }),
  pipelinesDir: Type.String({
    default: join(packageRoot(), 'pipelines'),
    minLength: 1,
    description: 'folder of pipeline definitions',
  }),
  pipelines: list(['all'], { minItems: 1, description: 'pipelines whose definitions are read' }),
  clickhouseUrl: url('http://127.0.0.1:8123', { description: 'risks are listed from there' }),
  clickhouseDatabase: Type.String({ default: 'riskwire', pattern: '^[a-zA-Z_][a-zA-Z0-9_]*$' }),
  clickhouseUser: Type.String({ default: 'default', minLength: 1 }),
  clickhousePassword: secret(''),
  host: Type.String({ default: '127.0.0.1', minLength: 1 }),
  port: Type.Integer({ default: 9400, minimum: 0, maximum: 65535 }),
  publicUrl: Type.String({
    default: '',
    description: 'where people reach this API, for links in webhooks; none: where it listens',
  }),
  logLevel: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], { default: 'info' }),
  startupTimeout: duration('60s'),
  secretKey: secret('', {
    description: `seals webhook secrets: ${KEY_BYTES} random bytes in base64 (openssl rand -base64 ${KEY_BYTES}); keys after a comma only open what they sealed`,
  }),
  insecureLocal: Type.Boolean({
    default: false,
    description: 'do without RISKWIRE_SECRET_KEY, on one’s own machine',
  }),
  bootstrapKey: secret('', {
    description: 'an admin’s API key, rw_<id>_<secret>, valid as long as it is set',
  }),
  webhookAllow: list([], {
    description:
      'address ranges that webhooks may reach although they are not public, and by plain http, such as 10.0.0.0/8',
  }),
  webhookTimeout: duration('15s', { description: 'for one attempt as a whole' }),
  webhookConcurrency: Type.Integer({
    default: 4,
    minimum: 1,
    maximum: 256,
    description: 'requests at once to one endpoint',
  }),
  webhookRetryWaits: list(STANDARD_WAITS.map(formatDuration), {
    description: 'waits between tries; after the last try a delivery is parked',
  }),
  breakerReset: duration('30s', { description: 'how long a breaker stays open before one request may try' }),
  retention: duration('30d', {
    description: 'closed incidents and finished deliveries are kept this long in Kafka',
  }),
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
  trustProxy: Type.Boolean({ default: false, description: 'take the caller’s address from X-Forwarded-For' }),
  partitions: Type.Integer({
    default: 4,
    minimum: 1,
    maximum: 10_000,
    description: 'of topics that are made',
  }),
  replication: Type.Integer({ default: 1, minimum: 1, maximum: 9, description: 'of topics that are made' }),
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
