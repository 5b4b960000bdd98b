import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { duration, list, readConfig, secret, url } from '../../lib/config.js';
import { packageRoot } from '../../lib/paths.js';

/** The producer's settings; each is an environment variable with RISKWIRE_ before its name. */
export const ProducerConfig = Type.Object({
  brokers: list(['127.0.0.1:9092'], {
    minItems: 1,
    each: '^[^\\s:]+:[0-9]{1,5}$',
    expects: 'a comma-separated list of host:port',
  }),
  group: Type.String({
    default: 'riskwire',
    pattern: '^[a-zA-Z0-9._-]+$',
    description: 'events are paced by the lag of the group <group>-scorer',
  }),
  registryUrl: url('', { description: 'schema registry; empty: single-object encoding only' }),
  registryUser: Type.String({ default: '' }),
  registryPassword: secret(''),
  schemasDir: Type.String({ default: join(packageRoot(), 'schemas') }),
  pipelinesDir: Type.String({ default: join(packageRoot(), 'pipelines') }),
  pipelines: list(['all'], { minItems: 1 }),
  logLevel: Type.Union(
    (['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const).map((level) => Type.Literal(level)),
    { default: 'warn' },
  ),
  startupTimeout: duration('60s', { description: 'how long to wait for brokers' }),
});
export type ProducerConfig = Static<typeof ProducerConfig>;

export function readProducerConfig(env: NodeJS.ProcessEnv): ProducerConfig {
  return readConfig(ProducerConfig, env);
}
