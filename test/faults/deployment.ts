import { join } from 'node:path';
import { SERVICE_ENV } from '../../lib/service-env.js';
import { newApiKey } from '../../services/alert-api/api-keys.js';
import { freePort } from '../../services/cli/demo/ports.js';
import { alertApi } from '../../services/cli/demo/queries.js';
import { waitUntilReady } from '../../services/cli/demo/wait.js';
import { type ServiceProcess, serviceProcess } from './service-process.js';

export const PIPELINE = 'transactions';
export const INPUT = 'transactions';
export const PARTITIONS = 4;
const READY_MS = 90_000;

export interface DeploymentOptions {
  /** names its topics, its groups and its database, so that two read the same input apart */
  readonly name: string;
  readonly program: string;
  readonly brokers: string;
  readonly clickhouseUrl: string;
  readonly folder: string;
  /** how many of each service there are */
  readonly replicas: Readonly<Record<ServiceName, number>>;
  /** more scorers that are not started at first: they can join and leave */
  readonly spareScorers?: number;
}

export type ServiceName = 'scorer' | 'sink' | 'alert-api';

export interface DeployedService extends ServiceProcess {
  readonly service: ServiceName;
  /** it runs only while a fault has it join */
  readonly spare: boolean;
}

export interface Deployment {
  readonly prefix: string;
  readonly group: string;
  readonly database: string;
  readonly services: readonly DeployedService[];
  /** starts all and waits until each says that it is ready */
  start(signal: AbortSignal): Promise<void>;
  /** registers a webhook receiver; its id and secret */
  addEndpoint(url: string): Promise<{ id: string; secret: string }>;
  /** SIGTERM to all; what didn't end within the time it has */
  stop(): Promise<string[]>;
}

/** The services of one installation as processes of their own. */
export async function createDeployment(options: DeploymentOptions): Promise<Deployment> {
  const { name, program, folder } = options;
  const { key } = newApiKey('faults', 'admin', 'faults', Date.now());
  const env = {
    ...SERVICE_ENV,
    ...withoutOurs(process.env),
    RISKWIRE_BROKERS: options.brokers,
    RISKWIRE_PREFIX: `${name}.`,
    RISKWIRE_GROUP: name,
    RISKWIRE_PARTITIONS: String(PARTITIONS),
    RISKWIRE_PIPELINES: PIPELINE,
    RISKWIRE_BACKEND: 'wasm',
    RISKWIRE_CLICKHOUSE_URL: options.clickhouseUrl,
    RISKWIRE_CLICKHOUSE_DATABASE: name,
    RISKWIRE_BOOTSTRAP_KEY: key,
    RISKWIRE_INSECURE_LOCAL: '1',
    RISKWIRE_WEBHOOK_ALLOW: '127.0.0.0/8',
    RISKWIRE_WEBHOOK_TIMEOUT: '3s',
    // Which incidents get a parent, or share a digest, depends on when they come: here each is told for itself.
    RISKWIRE_RELATED_MEMBERS: '0',
    RISKWIRE_WEBHOOK_RATE: '1000000',
    RISKWIRE_WEBHOOK_RETRY_WAITS: Array.from({ length: 60 }, (_, i) => (i < 5 ? '500ms' : '2s')).join(),
    RISKWIRE_BREAKER_RESET: '2s',
    RISKWIRE_CHECKPOINT_INTERVAL: '1s',
    RISKWIRE_SESSION_TIMEOUT: '6s',
    RISKWIRE_SCORE_SAMPLING: '0.2',
  };
  const services: (DeployedService & { url: string })[] = [];
  for (const service of ['scorer', 'sink', 'alert-api'] as const) {
    const spares = service === 'scorer' ? (options.spareScorers ?? 0) : 0;
    for (let n = 1; n <= options.replicas[service] + spares; n++) {
      const port = await freePort(0);
      const one = serviceProcess({
        name: `${name}-${service}-${n}`,
        args: [join(program, 'dist/services/cli/demo/child.js'), service],
        env: { ...env, RISKWIRE_HOST: '127.0.0.1', RISKWIRE_PORT: String(port) },
        folder,
      });
      const spare = n > options.replicas[service];
      services.push(Object.assign(one, { service, spare, url: `http://127.0.0.1:${port}` }));
    }
  }
  const api = services.find(({ service }) => service === 'alert-api');

  return {
    prefix: `${name}.`,
    group: name,
    database: name,
    services,
    async start(signal) {
      // One after another: each creates what is missing of topics and tables.
      for (const one of services) {
        if (one.spare) continue;
        one.start();
        await waitUntilReady(one.name, one.url, READY_MS, signal);
      }
    },
    addEndpoint(url) {
      if (api === undefined) throw new Error(`${name} has no alert API`);
      return alertApi(api.url, key).addEndpoint('faults', url);
    },
    async stop() {
      const results = await Promise.all(
        services.map(async (one) => ({ name: one.name, ...(await one.stop()) })),
      );
      return results
        .filter(({ clean }) => !clean)
        .map((one) => `${one.name} did not stop within ${one.ms} ms of SIGTERM`);
    },
  };
}

/** What a shell happens to have set for another installation must not reach in. */
function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('RISKWIRE_')));
}
