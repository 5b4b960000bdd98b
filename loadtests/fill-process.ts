import { createKafka } from '../lib/kafka.js';
import { createLog } from '../lib/log.js';
import { type Fill, fillTopic } from './fill.js';

/** What the process is told, as JSON in its one argument. */
export type FillJob = Omit<Fill, 'progress'> & { readonly brokers: string[] };

/** Writes the topic in a process of its own, on another core than the broker. */
const { brokers, ...fill } = JSON.parse(process.argv[2] ?? '') as FillJob;
const log = createLog('loadtest', { level: 'error', destination: process.stderr });
fillTopic(createKafka({ brokers, clientId: 'riskwire-loadtest', log }), {
  ...fill,
  progress: (done) => process.stdout.write(`{"done":${done},"at":${Date.now()}}\n`),
}).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
