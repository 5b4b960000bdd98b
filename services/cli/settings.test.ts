import { Command } from 'commander';
import Type from 'typebox';
import { duration, list, secret } from '../../lib/config.js';
import { environmentFrom, withSettings } from './settings.js';

const Config = Type.Object({
  brokers: list(['127.0.0.1:9092']),
  registryPassword: secret('hidden'),
  port: Type.Integer({ default: 9401 }),
  startupTimeout: duration('60s'),
  sinkBatchRows: Type.Integer({ default: 5, description: 'rows in one insert' }),
});

function parsed(args: string[]): Command {
  const command = withSettings(new Command('scorer'), Config);
  return command.action(() => {}).parse(args, { from: 'user' });
}

describe('settings', () => {
  test('a flag wins over its variable, and the rest of the environment stays', () => {
    const env = environmentFrom(parsed(['--brokers', 'kafka:9092', '--port', '0']), {
      RISKWIRE_BROKERS: 'other:1',
      RISKWIRE_PREFIX: 'x.',
    });
    expect(env).toEqual({ RISKWIRE_BROKERS: 'kafka:9092', RISKWIRE_PREFIX: 'x.', RISKWIRE_PORT: '0' });
  });

  test('a variable stays when its flag is not given', () => {
    expect(environmentFrom(parsed([]), { RISKWIRE_BROKERS: 'other:1' })).toEqual({
      RISKWIRE_BROKERS: 'other:1',
    });
  });

  test('help lists every variable; secrets have no flag', () => {
    let help = '';
    const command = parsed([]).configureOutput({ writeOut: (text) => (help += text) });
    command.outputHelp();
    expect(help).toContain('RISKWIRE_REGISTRY_PASSWORD');
    expect(help).toMatch(/RISKWIRE_BROKERS +Kafka brokers, comma-separated \(default: 127\.0\.0\.1:9092\)/);
    expect(help).toMatch(/RISKWIRE_SINK_BATCH_ROWS +rows in one insert \(default: 5\)/);
    expect(help).toMatch(/RISKWIRE_STARTUP_TIMEOUT .*\(default: 1m\)/);
    expect(help).not.toMatch(/--registry-password|hidden/);
  });
});
