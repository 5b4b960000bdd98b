import { createHash } from 'node:crypto';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { DEFAULT_MAX_AGES, DEFAULT_RATE_PER_MINUTE, type MaxAges } from '../../alerting/delivery-rules.js';
import { STANDARD_WAITS } from '../../alerting/retry-schedule.js';
import { type AddressRange, parseRange } from '../../lib/address-guard.js';
import { ConfigError, duration, list, readConfig, secret, url } from '../../lib/config.js';
import { formatDuration, parseDuration } from '../../lib/duration.js';
import { packageRoot } from '../../lib/paths.js';
import { reasonOf } from '../../lib/retry.js';
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
  webhookRate: Type.Integer({
    default: DEFAULT_RATE_PER_MINUTE,
    minimum: 1,
    maximum: 1_000_000,
    description: 'webhooks a minute to one endpoint; beyond, they wait and go out in digests',
  }),
  webhookMaxAges: list(['low=6h', 'medium=24h', 'high=3d', 'critical=0s'], {
    each: '^(low|medium|high|critical)=[0-9.]+(ms|s|m|h|d)$',
    expects: 'a comma-separated list of severity=duration',
    description: 'how long a webhook is worth sending, by severity; 0s: as long as there are tries',
  }),
  disableAfter: duration('5d', { description: 'an endpoint that only fails for so long is disabled' }),
  relatedMembers: Type.Integer({
    default: 5,
    minimum: 0,
    maximum: 1000,
    description: 'so many incidents of one domain and reason get one parent that stands for them; 0: never',
  }),
  relatedWindow: duration('10m', { description: '…that open within so long of each other' }),
  webhookRetryWaits: list(STANDARD_WAITS.map(formatDuration), {
    description: 'waits between tries; after the last try a delivery is parked',
  }),
  sessionTimeout: duration('30s', {
    description: 'a replica that is silent for so long loses its partitions to the others',
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
  'secretKey' | 'webhookAllow' | 'webhookRetryWaits' | 'webhookMaxAges' | 'pipelines'
> & {
  /** names, undefined for all */
  pipelines: string[] | undefined;
  /** the first seals, all open */
  secretKeys: Buffer[];
  allow: AddressRange[];
  retryWaits: number[];
  maxAges: MaxAges;
};

/** Reads the environment; throws one ConfigError that names every fault. */
export function readAlertApiConfig(env: NodeJS.ProcessEnv): AlertApiConfig {
  const faults = ownFaults(env);
  const { secretKey, webhookAllow, webhookRetryWaits, webhookMaxAges, pipelines, ...rest } = readAll(
    env,
    faults,
  );
  return {
    ...rest,
    pipelines: pipelines.includes('all') ? undefined : pipelines,
    secretKeys: secretKey ? keysOf(secretKey) : [LOCAL_KEY],
    allow: webhookAllow.map(parseRange),
    retryWaits: webhookRetryWaits.map(parseDuration),
    maxAges: { ...DEFAULT_MAX_AGES, ...agesOf(webhookMaxAges) },
  };
}

/** Faults that the schema sees and those that it can't, in one error. */
function readAll(env: NodeJS.ProcessEnv, faults: readonly string[]): Static<typeof AlertApiVariables> {
  try {
    const config = readConfig(AlertApiVariables, env);
    if (faults.length === 0) return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError([...error.faults, ...faults]);
  }
  throw new ConfigError(faults);
}

/** Everybody knows it: for one machine's trials, where a restart must still be able to read its secrets. */
const LOCAL_KEY = createHash('sha256').update('riskwire insecure local key').digest();

/** ['low=6h'] -> { low: 21_600_000 } */
function agesOf(entries: readonly string[]): Partial<MaxAges> {
  return Object.fromEntries(
    entries.map((entry) => {
      const [severity = '', age = ''] = entry.split('=');
      return [severity, parseDuration(age)];
    }),
  );
}

function keysOf(text: string): Buffer[] {
  return text.split(',').map((part) => Buffer.from(part.trim(), 'base64'));
}

/** What a schema can't say of a variable. */
function ownFaults(env: NodeJS.ProcessEnv): string[] {
  const text = (name: string) => env[name]?.trim() ?? '';
  const parts = (name: string) =>
    text(name)
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  const faults: string[] = [];
  const remedy = `set it to ${KEY_BYTES} random bytes in base64 (openssl rand -base64 ${KEY_BYTES})`;
  const secretKey = text('RISKWIRE_SECRET_KEY');
  if (!secretKey && !/^(1|true|yes|on)$/i.test(text('RISKWIRE_INSECURE_LOCAL'))) {
    faults.push(
      `RISKWIRE_SECRET_KEY is not set, but webhook secrets are kept encrypted: ${remedy}, or set RISKWIRE_INSECURE_LOCAL=1 on a machine where that doesn't matter`,
    );
  }
  if (secretKey && keysOf(secretKey).some((key) => key.length !== KEY_BYTES)) {
    faults.push(
      `RISKWIRE_SECRET_KEY holds a key that is not ${KEY_BYTES} bytes long (it is not shown): ${remedy}`,
    );
  }
  if (text('RISKWIRE_BOOTSTRAP_KEY') && !parseKey(text('RISKWIRE_BOOTSTRAP_KEY'))) {
    faults.push(
      'RISKWIRE_BOOTSTRAP_KEY is not an API key (it is not shown): set it to rw_<id>_<secret>, where <id> is of letters and digits and <secret> has at least 22 characters of A-Z a-z 0-9 _ -',
    );
  }
  for (const range of parts('RISKWIRE_WEBHOOK_ALLOW'))
    faults.push(...faultOf(() => parseRange(range), 'RISKWIRE_WEBHOOK_ALLOW'));
  for (const wait of parts('RISKWIRE_WEBHOOK_RETRY_WAITS'))
    faults.push(...faultOf(() => parseDuration(wait), 'RISKWIRE_WEBHOOK_RETRY_WAITS'));
  const publicUrl = text('RISKWIRE_PUBLIC_URL');
  if (publicUrl && !(/^https?:\/\//.test(publicUrl) && URL.canParse(publicUrl))) {
    faults.push(
      `RISKWIRE_PUBLIC_URL is ${JSON.stringify(publicUrl)}: set it to an address such as https://riskwire.example.com, or leave it out`,
    );
  }
  return faults;
}

function faultOf(parse: () => unknown, variable: string): string[] {
  try {
    parse();
    return [];
  } catch (error) {
    return [`${variable}: ${reasonOf(error)}`];
  }
}
