import Type from 'typebox';
import { ConfigError, duration, list, readConfig, secret, url } from './config.js';

const Config = Type.Object({
  brokers: list(['127.0.0.1:9092'], {
    minItems: 1,
    each: '^[^:]+:\\d+$',
    expects: 'host:port, comma-separated',
  }),
  port: Type.Integer({ minimum: 0, maximum: 65_535, default: 9402 }),
  clickhouseUrl: url('http://127.0.0.1:8123'),
  clickhousePassword: secret('', { minLength: 8 }),
  startupTimeout: duration('60s'),
  logLevel: Type.Union([Type.Literal('info'), Type.Literal('debug')], { default: 'info' }),
  sampling: Type.Number({ minimum: 0, maximum: 1, default: 0.01 }),
  compact: Type.Boolean({ default: false }),
  topic: Type.Optional(Type.String()),
});

test('has a default for everything', () => {
  expect(readConfig(Config, {})).toEqual({
    brokers: ['127.0.0.1:9092'],
    port: 9402,
    clickhouseUrl: 'http://127.0.0.1:8123',
    clickhousePassword: '',
    startupTimeout: 60_000,
    logLevel: 'info',
    sampling: 0.01,
    compact: false,
  });
});

test('reads numbers, lists, durations, truths and choices', () => {
  const config = readConfig(Config, {
    RISKWIRE_BROKERS: 'a:1, b:2,',
    RISKWIRE_PORT: '0',
    RISKWIRE_CLICKHOUSE_URL: 'https://ch.example/base',
    RISKWIRE_CLICKHOUSE_PASSWORD: 'long enough',
    RISKWIRE_STARTUP_TIMEOUT: '2m',
    RISKWIRE_LOG_LEVEL: 'debug',
    RISKWIRE_SAMPLING: '1e-3',
    RISKWIRE_COMPACT: 'yes',
    RISKWIRE_TOPIC: ' ',
  });
  expect(config).toMatchObject({
    brokers: ['a:1', 'b:2'],
    port: 0,
    startupTimeout: 120_000,
    logLevel: 'debug',
    sampling: 0.001,
    compact: true,
  });
  expect(config.topic).toBeUndefined();
});

test('names every fault at once, with its variable, its value and the remedy', () => {
  const env = {
    RISKWIRE_BROKERS: 'localhost',
    RISKWIRE_PORT: '94O2',
    RISKWIRE_CLICKHOUSE_URL: '127.0.0.1:8123',
    RISKWIRE_STARTUP_TIMEOUT: '60',
    RISKWIRE_LOG_LEVEL: 'loud',
    RISKWIRE_SAMPLING: '5',
    RISKWIRE_COMPACT: 'maybe',
  };
  const faults = faultsOf(() => readConfig(Config, env));
  expect(faults).toEqual([
    'RISKWIRE_BROKERS is "localhost": set it to host:port, comma-separated',
    'RISKWIRE_PORT is "94O2": set it to a whole number from 0 to 65535',
    'RISKWIRE_CLICKHOUSE_URL is "127.0.0.1:8123": set it to an address such as http://127.0.0.1:8123',
    'RISKWIRE_STARTUP_TIMEOUT is "60": set it to a duration such as 500ms, 30s, 15m or 1h',
    'RISKWIRE_LOG_LEVEL is "loud": set it to one of info, debug',
    'RISKWIRE_SAMPLING is "5": set it to a number from 0 to 1',
    'RISKWIRE_COMPACT is "maybe": set it to true or false',
  ]);
});

test('never shows a secret', () => {
  const read = () => readConfig(Config, { RISKWIRE_CLICKHOUSE_PASSWORD: 'short' });
  expect(faultsOf(read)[0]).toMatch(/^RISKWIRE_CLICKHOUSE_PASSWORD is set to a value that can’t be used/);
  expect(read).not.toThrow('short');
});

test('asks for what has no default', () => {
  const schema = Type.Object({ topic: Type.String({ description: 'where events come from' }) });
  expect(faultsOf(() => readConfig(schema, {}, { prefix: 'X_' }))).toEqual([
    'X_TOPIC is not set: set it to a text (where events come from)',
  ]);
});

test('checks values against each other once each is right', () => {
  const schema = Type.Object({ low: Type.Number({ default: 1 }), high: Type.Number({ default: 2 }) });
  const check = ({ low, high }: { low: number; high: number }) =>
    low < high ? [] : ['RISKWIRE_LOW must be below RISKWIRE_HIGH'];
  expect(readConfig(schema, {}, { check })).toEqual({ low: 1, high: 2 });
  expect(faultsOf(() => readConfig(schema, { RISKWIRE_LOW: '3' }, { check }))).toEqual([
    'RISKWIRE_LOW must be below RISKWIRE_HIGH',
  ]);
});

function faultsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  throw new Error('the configuration was taken');
}
