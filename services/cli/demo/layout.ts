import { join } from 'node:path';
import { packageRoot } from '../../../lib/paths.js';
import { newApiKey } from '../../alert-api/api-keys.js';
import { freePort } from './ports.js';

/** Where everything of one demo is: addresses, folders, the key that it prints. */
export interface Layout {
  readonly folder: string;
  readonly truth: string;
  readonly brokers: string;
  readonly clickhouse: string;
  readonly registry: string;
  readonly scorer: string;
  readonly sink: string;
  readonly api: string;
  readonly receiver: string;
  readonly apiKey: string;
  /** what every part of it gets as its environment */
  readonly env: NodeJS.ProcessEnv;
}

export const DATABASE = 'riskwire';
export const GROUP = 'riskwire';
export const PREFIX = 'riskwire.';

/** The usual ports where they are free, others where they aren't, so that a demo runs beside whatever runs already. */
export async function planLayout(folder: string, env: NodeJS.ProcessEnv): Promise<Layout> {
  const ports = {
    broker: await freePort(9092),
    clickhouse: await freePort(8123),
    registry: await freePort(8081),
    api: await freePort(9400),
    scorer: await freePort(9401),
    sink: await freePort(9402),
    receiver: await freePort(9410),
  };
  const at = (port: number) => `http://127.0.0.1:${port}`;
  const layout = {
    folder,
    truth: join(folder, 'truth'),
    brokers: `127.0.0.1:${ports.broker}`,
    clickhouse: at(ports.clickhouse),
    registry: at(ports.registry),
    scorer: at(ports.scorer),
    sink: at(ports.sink),
    api: at(ports.api),
    receiver: at(ports.receiver),
    apiKey: newApiKey('demo', 'admin', 'demo', Date.now()).key,
  };
  return { ...layout, env: { ...withoutOurs(env), ...settingsOf(layout) } };
}

/** What a shell happens to have set for another deployment must not reach into the demo. */
function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = (name: string) =>
    !name.startsWith('RISKWIRE_') || name === 'RISKWIRE_BACKEND' || name === 'RISKWIRE_LOG_LEVEL';
  return Object.fromEntries(Object.entries(env).filter(([name]) => kept(name)));
}

function settingsOf(layout: Omit<Layout, 'env'>): NodeJS.ProcessEnv {
  return {
    RISKWIRE_BROKERS: layout.brokers,
    RISKWIRE_PREFIX: PREFIX,
    RISKWIRE_GROUP: GROUP,
    RISKWIRE_REGISTRY_URL: layout.registry,
    RISKWIRE_CLICKHOUSE_URL: layout.clickhouse,
    RISKWIRE_CLICKHOUSE_DATABASE: DATABASE,
    RISKWIRE_BOOTSTRAP_KEY: layout.apiKey,
    RISKWIRE_INSECURE_LOCAL: '1',
    // the demo's receiver is on this machine
    RISKWIRE_WEBHOOK_ALLOW: '127.0.0.0/8',
    // the local broker keeps little, so the producer waits for commits: make them often
    RISKWIRE_CHECKPOINT_INTERVAL: '1s',
    RISKWIRE_SCHEMAS_DIR: join(packageRoot(), 'schemas'),
  };
}

export function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1);
}
