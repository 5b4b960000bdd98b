import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { duration, list, readConfig, secret, url } from '../../lib/config.js';
import { packageRoot } from '../../lib/paths.js';

export const SinkConfig = Type.Object({
  brokers: list(['127.0.0.1:9092'], {
    minItems: 1,
    each: '^[^:]+:[0-9]+$',
    expects: 'host:port, comma-separated',
  }),
  prefix: Type.String({
    default: 'riskwire.',
    pattern: '^[a-zA-Z0-9._-]*$',
    description: "before each of Riskwire's own topics",
  }),
  group: Type.String({
    default: 'riskwire',
    pattern: '^[a-zA-Z0-9._-]+$',
    description: 'the consumer group is <group>-sink',
  }),
  partitions: Type.Integer({
    default: 4,
    minimum: 1,
    maximum: 10_000,
    description: 'partitions of topics that are made',
  }),
  replication: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 9,
    description: 'replication factor of topics that are made',
  }),
  clickhouseUrl: url('http://127.0.0.1:8123'),
  clickhouseDatabase: Type.String({
    default: 'riskwire',
    pattern: '^[a-zA-Z_][a-zA-Z0-9_]*$',
    description: 'created if it is not there',
  }),
  clickhouseUser: Type.String({ default: 'default', minLength: 1 }),
  clickhousePassword: secret(''),
  migrate: Type.Union([Type.Literal('on'), Type.Literal('off')], {
    default: 'on',
    description: 'off when the tables are made by `riskwire migrate` and the user may only insert',
  }),
  migrationsDir: Type.String({
    default: join(packageRoot(), 'migrations'),
    description: 'the folder of SQL files',
  }),
  sessionTimeout: duration('30s', {
    description: 'a replica that is silent for so long loses its partitions to the others',
  }),
  sinkBatchRows: Type.Integer({
    default: 50_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'rows in one insert',
  }),
  sinkBatchBytes: Type.Integer({
    default: 8 << 20,
    minimum: 1_024,
    maximum: 64 << 20,
    description: 'bytes in one insert',
  }),
  sinkBufferBytes: Type.Integer({
    default: 32 << 20,
    minimum: 65_536,
    description: 'bytes that may wait for one table',
  }),
  host: Type.String({ default: '127.0.0.1', minLength: 1 }),
  port: Type.Integer({ default: 9402, minimum: 0, maximum: 65_535 }),
  logLevel: Type.Union(
    (['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const).map((level) => Type.Literal(level)),
    { default: 'info' },
  ),
  startupTimeout: duration('60s', { description: 'how long to wait for brokers and servers' }),
});
export type SinkConfig = Static<typeof SinkConfig>;

export function readSinkConfig(env: NodeJS.ProcessEnv): SinkConfig {
  return readConfig(SinkConfig, env);
}
