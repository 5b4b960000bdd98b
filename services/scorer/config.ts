import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { duration, list, secret, url } from '../../lib/config.js';
import { packageRoot } from '../../lib/paths.js';

/** The scorer's settings; each is an environment variable with RISKWIRE_ before its name. */
export function scorerConfig() {
  const root = packageRoot();
  return Type.Object({
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
      minLength: 1,
      description: 'consumer groups are <group>-scorer and so on',
    }),
    replication: Type.Integer({
      default: 1,
      minimum: 1,
      maximum: 9,
      description: 'replication factor of topics that are made',
    }),
    partitions: Type.Integer({
      default: 4,
      minimum: 1,
      maximum: 10_000,
      description: 'partitions of topics that are made',
    }),
    registryUrl: Type.Optional(
      url('', { default: undefined, description: 'Confluent-compatible schema registry' }),
    ),
    registryUser: Type.String({ default: '' }),
    registryPassword: secret(''),
    schemasDir: Type.String({ default: join(root, 'schemas') }),
    pipelinesDir: Type.String({ default: join(root, 'pipelines') }),
    pipelines: list(['all'], { minItems: 1, description: 'names of pipelines, or all' }),
    modelsDir: Type.String({
      default: join(root, 'models'),
      description: 'a folder with a model package a pipeline, by its name',
    }),
    backend: Type.Union(
      [Type.Literal('auto'), Type.Literal('wasm'), Type.Literal('native'), Type.Literal('cpu')],
      { default: 'auto' },
    ),
    batchEvents: Type.Integer({
      default: 2048,
      minimum: 1,
      maximum: 65_536,
      description: 'events of a micro-batch at most',
    }),
    maxEntities: Type.Integer({
      default: 1_000_000,
      minimum: 1000,
      description: 'entities a partition keeps in memory',
    }),
    spillDir: Type.String({
      default: tmpdir(),
      minLength: 1,
      description: 'a folder for the file of entities beyond that; it has no name and goes with the process',
    }),
    maxEventBytes: Type.Integer({
      default: 1 << 20,
      minimum: 64,
      description: 'larger events become dead letters',
    }),
    checkpointInterval: duration('5s', {
      description: 'state is checkpointed and offsets are committed this often',
    }),
    sessionTimeout: duration('30s', {
      description: 'a replica that is silent for so long loses its partitions to the others',
    }),
    scoreSampling: Type.Number({
      default: 0.01,
      minimum: 0,
      maximum: 1,
      description: 'share of all scores that is published',
    }),
    host: Type.String({ default: '127.0.0.1' }),
    port: Type.Integer({ default: 9401, minimum: 0, maximum: 65_535 }),
    logLevel: Type.Union(
      ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].map((level) => Type.Literal(level)),
      { default: 'info' },
    ),
    startupTimeout: duration('60s'),
  });
}
export type ScorerConfig = Static<ReturnType<typeof scorerConfig>>;
