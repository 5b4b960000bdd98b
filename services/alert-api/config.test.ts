import { readAlertApiConfig } from './config.js';

const KEY = Buffer.alloc(32, 7).toString('base64');

test('defaults are for one machine', () => {
  const config = readAlertApiConfig({ RISKWIRE_SECRET_KEY: KEY });
  expect(config).toMatchObject({
    brokers: ['127.0.0.1:9092'],
    port: 9400,
    allow: [],
    pipelines: undefined,
    webhookTimeout: 15_000,
  });
  expect(config.retryWaits).toEqual([
    5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000, 72_000_000, 86_400_000,
  ]);
  expect(config.secretKeys).toEqual([Buffer.alloc(32, 7)]);
});

test('all faults are told at once, secrets are not shown', () => {
  const read = () =>
    readAlertApiConfig({
      RISKWIRE_PORT: '99999',
      RISKWIRE_SECRET_KEY: 'c2hvcnQ=',
      RISKWIRE_BOOTSTRAP_KEY: 'opensesame',
      RISKWIRE_WEBHOOK_ALLOW: '10.0.0.0/8, everything',
      RISKWIRE_WEBHOOK_RETRY_WAITS: '5s,soon',
      RISKWIRE_PUBLIC_URL: 'risk.example',
    });
  expect(read).toThrow(/6 faults/);
  for (const part of [
    /RISKWIRE_PORT is "99999"/,
    /RISKWIRE_SECRET_KEY .*32 bytes/,
    /RISKWIRE_BOOTSTRAP_KEY/,
    /RISKWIRE_WEBHOOK_ALLOW: "everything"/,
    /RISKWIRE_WEBHOOK_RETRY_WAITS: "soon"/,
    /RISKWIRE_PUBLIC_URL/,
  ])
    expect(read).toThrow(part);
  expect(read).not.toThrow(/opensesame|c2hvcnQ/);
});

test('without a key it only starts where somebody said that it does not matter', () => {
  expect(() => readAlertApiConfig({})).toThrow(/RISKWIRE_SECRET_KEY is not set/);
  expect(readAlertApiConfig({ RISKWIRE_INSECURE_LOCAL: '1' }).secretKeys[0]).toHaveLength(32);
});
