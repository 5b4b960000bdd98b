import type { Logger } from '../../lib/log.js';
import { startChild } from './child.js';
import { ensureBrokerPart } from './parts.js';

/**
 * The local broker: the Kafka protocol by librdkafka's mock cluster, in a process of its own.
 *
 * In memory: about 5 MB a partition, the oldest batches dropped first; nothing stays after it stops.
 */
export interface LocalBroker {
  /** for RISKWIRE_BROKERS */
  readonly address: string;
  readonly pid: number;
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

export interface BrokerOptions {
  /** 0: any free one */
  port?: number;
  log: Logger;
  /** told about a download, which happens once */
  progress?: (line: string) => void;
}

export async function startBroker({ port = 0, log, progress }: BrokerOptions): Promise<LocalBroker> {
  const nativeModule = await ensureBrokerPart({ progress });
  const child = await startChild({
    name: 'local Kafka broker',
    entry: 'broker-process.js',
    args: [nativeModule, String(port)],
    log,
    ready: (line, send) => {
      const mockPort = /Mock cluster enabled: .* replaced with [\d.]+:(\d+)/.exec(line)?.[1];
      if (mockPort) send(mockPort);
      return /^\{"gateway":(\d+)\}$/.exec(line)?.[1];
    },
  });
  return { pid: child.pid, failed: child.failed, stop: child.stop, address: `127.0.0.1:${child.value}` };
}
