import type { Command } from 'commander';
import { CLICKHOUSE, KAFKA, SERVICE } from '../settings.js';
import { serviceCommand } from './service.js';

export function sinkCommand(): Command {
  return serviceCommand({
    name: 'sink',
    description: 'write risks, incidents, deliveries, dead letters and sampled scores into ClickHouse',
    settings: [...KAFKA, 'group', ...CLICKHOUSE, ...SERVICE],
    examples: [
      'riskwire sink',
      'riskwire sink --brokers kafka:9092 --clickhouse http://clickhouse:8123',
      'RISKWIRE_CLICKHOUSE_PASSWORD=… riskwire sink',
    ],
    notes: 'Needs the tables: run `riskwire migrate` first. Health and figures are on its port (9402).',
    load: () => import('../../sink/main.js'),
  });
}
