import type { Command } from 'commander';
import { SinkConfig } from '../../sink/config.js';
import { serviceCommand } from './service.js';

export function sinkCommand(): Command {
  return serviceCommand({
    name: 'sink',
    description: 'write risks, incidents, deliveries, dead letters and sampled scores into ClickHouse',
    config: SinkConfig,
    examples: [
      'riskwire sink',
      'riskwire sink --brokers kafka:9092 --clickhouse http://clickhouse:8123',
      'RISKWIRE_CLICKHOUSE_PASSWORD=… riskwire sink',
    ],
    notes:
      'It creates its tables unless RISKWIRE_MIGRATE=off (then run `riskwire migrate`). Health and figures are on its port (9402).',
    load: () => import('../../sink/main.js'),
  });
}
