import { createLog } from '../../lib/log.js';
import { runService } from '../../lib/shutdown.js';
import { readLocalConfig } from './config.js';
import { RETENTION_BYTES } from './kafka/topics.js';
import { type LocalStack, startLocalStack } from './local.js';

/**
 * `riskwire local`: runs the local stack until it is stopped, and prints its addresses to stdout once it can be used
 * (with `json` as one object on one line); everything else goes to stderr.
 */
export async function main(env: NodeJS.ProcessEnv, { json = false }: { json?: boolean } = {}): Promise<void> {
  await runService('local', async () => {
    const { ports, dataDir, logLevel } = readLocalConfig(env);
    const log = createLog('local', { level: logLevel, destination: process.stderr });
    const stack = await startLocalStack({ ports, dataDir, log });
    process.stdout.write(json ? `${JSON.stringify(addresses(stack, dataDir))}\n` : page(stack, dataDir));
    return stack;
  });
}

function addresses({ brokers, clickhouseUrl, registryUrl, pids }: LocalStack, dataDir?: string) {
  return { brokers, clickhouseUrl, registryUrl, dataDir: dataDir ?? null, pids };
}

function page({ brokers, clickhouseUrl, registryUrl }: LocalStack, dataDir?: string): string {
  return `The local stack is up.

  Kafka           ${brokers}
  ClickHouse      ${clickhouseUrl}
  Schema registry ${registryUrl}

For the services, in another terminal:

  export RISKWIRE_BROKERS=${brokers}
  export RISKWIRE_CLICKHOUSE_URL=${clickhouseUrl}
  export RISKWIRE_REGISTRY_URL=${registryUrl}

To try it:

  curl '${clickhouseUrl}/?query=SELECT+version()'
  curl ${clickhouseUrl} --data-binary 'SELECT number, number * number FROM numbers(3) FORMAT JSON'
  curl ${registryUrl}/subjects

What it does not keep:
  The broker keeps everything in memory: the newest ${RETENTION_BYTES >> 20} MB of a partition (compacted topics: the newest record of
  each key), and nothing once it stops. It drops the oldest first, read or not, so whoever produces into it paces
  itself by the lag of the group that reads. No transactions, no users, one broker.
  ${
    dataDir
      ? `ClickHouse's tables and the schemas are in ${dataDir}.`
      : "ClickHouse's tables and the schemas are gone too; RISKWIRE_LOCAL_DATA_DIR=FOLDER keeps them."
  }
  Anybody on this machine may read and write here: no user is checked, and it listens on 127.0.0.1 alone.

Ctrl-C stops it.
`;
}
