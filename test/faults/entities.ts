import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { readSchema, singleObjectEncoder } from '../../lib/avro.js';
import { createProducer, sendBatches } from '../../lib/kafka.js';
import { packageRoot } from '../../lib/paths.js';
import { readPartition } from '../../lib/topic-reader.js';
import { topicNames } from '../../lib/topics.js';
import { type RealKafka, startRealKafka } from '../../loadtests/support/real-kafka.js';
import { Random } from '../../pipelines/random.js';
import { freePort } from '../../services/cli/demo/ports.js';
import { serviceProcess } from './service-process.js';

interface Options {
  readonly entities: number;
  /** entities a partition keeps in memory */
  readonly memory: number;
  readonly backend: string;
}

const TOPIC = 'transactions';
const PARTITIONS = 4;
const LONGEST_MS = 900_000;

/** `npm run test:faults -- entities`: many entities on one scorer: memory, checkpoints, and how long a restart takes. */
export function entitiesCommand(): Command {
  const count = (text: string) => {
    const value = Number(text.replaceAll('_', ''));
    if (!(value >= 1) || !Number.isFinite(value)) throw new InvalidArgumentError('write a number above 0.');
    return Math.round(value);
  };
  return new Command('entities')
    .description('Measures a scorer with many entities: memory, checkpoint bytes a second, restore time.')
    .option(
      '--entities <count>',
      'cards, one payment each and then as many again by chance',
      count,
      1_000_000,
    )
    .option('--memory <count>', 'of them in memory, a partition; the others in a file', count, 1_000_000)
    .option('--backend <name>', 'TensorFlow.js backend', 'wasm')
    .action(async (options: Options) => {
      process.stdout.write(
        `${JSON.stringify(await measureEntities(options, (line) => process.stderr.write(`${line}\n`)))}\n`,
      );
    });
}

export async function measureEntities(options: Options, say: (line: string) => void) {
  const folder = await mkdtemp(join(tmpdir(), 'riskwire-entities-'));
  const kafka = await startRealKafka();
  const port = await freePort(0);
  const url = `http://127.0.0.1:${port}`;
  const scorer = serviceProcess({
    name: 'scorer',
    args: [join(packageRoot(), 'dist/services/cli/demo/child.js'), 'scorer'],
    env: {
      ...process.env,
      RISKWIRE_BROKERS: kafka.brokers.join(),
      RISKWIRE_PIPELINES: TOPIC,
      RISKWIRE_BACKEND: options.backend,
      RISKWIRE_MAX_ENTITIES: String(options.memory),
      RISKWIRE_SPILL_DIR: folder,
      RISKWIRE_PORT: String(port),
    },
    folder,
  });
  try {
    await kafka.createTopic(TOPIC, { partitions: PARTITIONS });
    scorer.start();
    await until('the scorer is ready', () => isReady(url));
    const started = Date.now();
    await produce(kafka, options.entities, (n) => n, 0);
    await until('all entities are met', async () => (await eventsOf(url)) >= options.entities);
    say(`${options.entities} entities after ${seconds(started)} s`);
    const random = new Random(1);
    await produce(
      kafka,
      options.entities,
      () => Math.floor(random.unit() * options.entities),
      options.entities,
    );
    await until('all events are scored', async () => (await eventsOf(url)) >= 2 * options.entities);
    const busy = (Date.now() - started) / 1000;
    await sleep(6_000);
    const memory = await memoryOf(scorer.pid ?? 0);
    const checkpoints = await stateBytes(kafka);
    const stop = await scorer.stop();

    const restarted = Date.now();
    scorer.start();
    await until('it is restored', () => isReady(url));
    const restoreSeconds = (Date.now() - restarted) / 1000;
    const after = await memoryOf(scorer.pid ?? 0);
    await scorer.stop();
    const lines = (await readFile(join(folder, 'scorer.log'), 'utf8')).split('\n');
    const restores = lines
      .filter((line) => line.includes('"state restored"'))
      .map((line) => JSON.parse(line) as { entities: number; seconds: number });
    return {
      entities: options.entities,
      memory: options.memory,
      eventsPerSecond: Math.round((2 * options.entities) / busy),
      residentMb: memory.now,
      peakMb: memory.peak,
      checkpointMbPerSecond: round(checkpoints / busy / 1e6),
      checkpointMb: round(checkpoints / 1e6),
      stopMs: stop.ms,
      restoredEntities: restores.reduce((sum, one) => sum + one.entities, 0),
      /** from the start of the process, models and all */
      restoreSeconds: round(restoreSeconds),
      restoreSecondsByPartition: restores.map((one) => round(one.seconds)),
      progressLines: lines.filter((line) => line.includes('"restoring state"')).length,
      residentMbAfterRestore: after.now,
      peakMbOfRestore: after.peak,
    };
  } finally {
    await scorer.stop();
    await kafka.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function produce(
  kafka: RealKafka,
  events: number,
  card: (n: number) => number,
  from: number,
): Promise<void> {
  const encode = singleObjectEncoder(readSchema(join(packageRoot(), 'schemas/payment.avsc')));
  const producer = await createProducer(kafka.kafka);
  try {
    for (let at = 0; at < events; at += 5_000) {
      const records = Array.from({ length: Math.min(5_000, events - at) }, (_, index) => {
        const n = from + at + index;
        const key = `card-${card(at + index)}`;
        return {
          key,
          value: encode({
            ...{
              id: `p-${n}`,
              time: Date.now() - 3_600_000 + at / 10,
              card: key,
              terminal: `t-${n % 5_000}`,
            },
            ...{
              merchant: 'grocery',
              amount: 10 + (n % 60),
              currency: 'EUR',
              channel: 'chip',
              country: 'DE',
            },
            ...{ timeZone: 'Europe/Berlin', issuer: 'bank-1' },
          }),
        };
      });
      await sendBatches(producer, TOPIC, records);
    }
  } finally {
    await producer.disconnect();
  }
}

/** Bytes that checkpoints wrote, and that compaction has left so far: its active segments are never compacted. */
async function stateBytes({ kafka }: RealKafka): Promise<number> {
  let bytes = 0;
  for (let partition = 0; partition < PARTITIONS; partition++)
    await readPartition(kafka, topicNames('riskwire.').state(TOPIC), partition, {
      onRecord: ({ key, value }) => {
        bytes += (key?.length ?? 0) + (value?.length ?? 0);
      },
    });
  return bytes;
}

async function isReady(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5_000) }).catch(
    () => undefined,
  );
  return answer?.ok === true;
}

async function eventsOf(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(20_000) })).text();
  return Number(/^riskwire_events_total\{[^}]*\} (\d+)/m.exec(text)?.[1] ?? 0);
}

async function memoryOf(pid: number): Promise<{ now: number; peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const mb = (name: string) =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024);
  return { now: mb('VmRSS'), peak: mb('VmHWM') };
}

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + LONGEST_MS;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`not within ${LONGEST_MS / 1000} s: ${what}`);
    await sleep(200);
  }
}

const seconds = (since: number) => ((Date.now() - since) / 1000).toFixed(0);
const round = (value: number) => Math.round(value * 10) / 10;
