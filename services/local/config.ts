import Type, { type Static } from 'typebox';
import { list, readConfig, url } from '../../lib/config.js';

/**
 * The local stack listens where the services look for it: it reads their variables, so one environment serves both.
 */
export const LocalConfig = Type.Object({
  brokers: list(['127.0.0.1:9092'], { minItems: 1 }),
  clickhouseUrl: url('http://127.0.0.1:8123'),
  registryUrl: url('http://127.0.0.1:8081'),
  localDataDir: Type.String({
    default: '',
    description: "folder that keeps ClickHouse's tables and the schemas; none: they are gone at the end",
  }),
  logLevel: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'], { default: 'warn' }),
});
export type LocalConfig = Static<typeof LocalConfig>;

export interface LocalSettings {
  ports: { broker: number; clickhouse: number; registry: number };
  dataDir?: string;
  logLevel: string;
}

export function readLocalConfig(env: NodeJS.ProcessEnv): LocalSettings {
  const config = readConfig(LocalConfig, env, { check: elsewhere });
  return {
    ports: {
      broker: Number(portOf(`kafka://${config.brokers[0]}`, '9092')),
      clickhouse: Number(portOf(config.clickhouseUrl, '80')),
      registry: Number(portOf(config.registryUrl, '80')),
    },
    dataDir: config.localDataDir || undefined,
    logLevel: config.logLevel,
  };
}

/** Addresses that the local stack can't have. */
function elsewhere(config: LocalConfig): string[] {
  const faults: string[] = [];
  const expect = (variable: string, value: string, address: string) => {
    if (!URL.canParse(address) || !['127.0.0.1', 'localhost'].includes(new URL(address).hostname))
      faults.push(
        `${variable} is ${JSON.stringify(value)}: the local stack listens on 127.0.0.1 alone; set it to 127.0.0.1 and a port`,
      );
  };
  expect('RISKWIRE_BROKERS', config.brokers.join(','), `kafka://${config.brokers[0]}`);
  if (config.brokers.length > 1)
    faults.push(
      `RISKWIRE_BROKERS is ${JSON.stringify(config.brokers.join(','))}: the local stack has one broker; set it to one address`,
    );
  expect('RISKWIRE_CLICKHOUSE_URL', config.clickhouseUrl, config.clickhouseUrl);
  expect('RISKWIRE_REGISTRY_URL', config.registryUrl, config.registryUrl);
  return faults;
}

function portOf(address: string, usual: string): string {
  return new URL(address).port || usual;
}
