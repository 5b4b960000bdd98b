import { join } from 'node:path';
import Type from 'typebox';
import { duration, list, readConfig, secret, url } from '../../lib/config.js';
import { packageRoot } from '../../lib/paths.js';

/** Settings of the commands that look at brokers and servers and end: topics, migrate. */
export function kafkaConfig(env: NodeJS.ProcessEnv) {
  return readConfig(KafkaSettings, env);
}

export function clickhouseConfig(env: NodeJS.ProcessEnv) {
  return readConfig(ClickhouseSettings, env);
}

export const KafkaSettings = Type.Object({
  brokers: list(['127.0.0.1:9092'], {
    minItems: 1,
    each: '^[^\\s:]+:\\d+$',
    expects: 'host:port, comma-separated',
  }),
  prefix: Type.String({ default: 'riskwire.', pattern: '^[A-Za-z0-9._-]*$' }),
  group: Type.String({ default: 'riskwire', minLength: 1 }),
  schemasDir: Type.String({ default: join(packageRoot(), 'schemas') }),
  pipelinesDir: Type.String({ default: join(packageRoot(), 'pipelines') }),
  pipelines: list(['all'], { minItems: 1 }),
  startupTimeout: duration('60s'),
});

export const ClickhouseSettings = Type.Object({
  clickhouseUrl: url('http://127.0.0.1:8123'),
  clickhouseDatabase: Type.String({ default: 'riskwire', minLength: 1 }),
  clickhouseUser: Type.String({ default: 'default', minLength: 1 }),
  clickhousePassword: secret(''),
  startupTimeout: duration('60s'),
});
