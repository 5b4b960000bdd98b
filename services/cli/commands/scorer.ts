import type { Command } from 'commander';
import { scorerConfig } from '../../scorer/config.js';
import { serviceCommand } from './service.js';

export function scorerCommand(): Command {
  return serviceCommand({
    name: 'scorer',
    description: 'read event topics, score every event, publish risks and dead letters',
    config: scorerConfig(),
    examples: [
      'riskwire scorer',
      'riskwire scorer --brokers kafka-1:9092,kafka-2:9092 --pipeline transactions --backend wasm',
      'RISKWIRE_PIPELINES_DIR=/etc/riskwire/pipelines riskwire scorer --port 9401',
    ],
    notes: 'Health, readiness and figures: /health/live, /health/ready and /metrics on its port (9401).',
    load: () => import('../../scorer/main.js'),
  });
}
