import type { Command } from 'commander';
import { AlertApiVariables } from '../../alert-api/config.js';
import { serviceCommand } from './service.js';

export function alertApiCommand(): Command {
  return serviceCommand({
    name: 'alert-api',
    description: 'group risks into incidents, send signed webhooks, serve the HTTP API and the live stream',
    config: AlertApiVariables,
    examples: [
      'RISKWIRE_SECRET_KEY=$(openssl rand -base64 32) riskwire alert-api',
      'RISKWIRE_INSECURE_LOCAL=1 riskwire alert-api',
      'riskwire alert-api --host 0.0.0.0 --port 9400 --brokers kafka:9092',
    ],
    notes: 'The API and its documentation are on its port (9400): open /docs.',
    load: () => import('../../alert-api/main.js'),
  });
}
