import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { packageRoot } from '../../lib/paths.js';
import { runLooking } from '../processes/looking.js';
import type { ConsumeJob } from './consume-process.js';
import type { Contender } from './contender.js';

/** kafkajs alone, and with the decoding that the scorer has to do at least. */
export function consumeContender(name: 'rawConsume' | 'decode', events: number): Contender {
  return {
    name,
    events,
    run: ({ brokers, topic, schemas, folder, machine, cores }, onLook) => {
      const job: ConsumeJob = {
        decode: name === 'decode',
        brokers: [...brokers],
        topic,
        events,
        schemas,
        group: `loadtest-${randomUUID()}`,
      };
      const script = join(packageRoot(), 'dist', 'loadtests', 'contenders', 'consume-process.js');
      const args = [script, JSON.stringify(job)];
      return runLooking({ name, command: process.execPath, args, folder, machine, cores }, events, onLook);
    },
  };
}
