import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../lib/paths.js';
import { exitCodeOf, messageOf } from '../services/cli/exit.js';
import { formatCount } from '../services/cli/format.js';
import { startProgress } from '../services/cli/progress.js';
import { fillTopic } from './fill.js';
import type { Measurement } from './measure.js';
import { type LoadtestOptions, loadtestCommand, WORKLOADS, type Workload } from './options.js';
import { runScorer } from './scorer-run.js';
import { median, spread } from './statistics.js';
import { realKafkaMissing, startRealKafka } from './support/real-kafka.js';

const TOPIC = 'transactions';
const MEASURE_MS = 5 * 60_000;

/** `npm run loadtest`: a real Kafka, filled ahead of time, then the workloads one after another, round by round. */
export async function main(argv: string[]): Promise<void> {
  try {
    await loadtestCommand(run).parseAsync(argv);
  } catch (error) {
    process.stderr.write(`loadtest: ${messageOf(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

async function run(options: LoadtestOptions): Promise<void> {
  const missing = realKafkaMissing();
  if (missing !== undefined)
    throw new Error(
      `a real Kafka is needed and can't be started here (${missing}): install Java 17 and Maven`,
    );
  const folder = mkdtempSync(join(tmpdir(), 'riskwire-load-'));
  process.stderr.write('loadtest: starting Kafka …\n');
  const kafka = await startRealKafka({ throughput: true });
  try {
    const schemas = join(packageRoot(), 'schemas');
    const { events, cards, partitions } = options;
    const writing = startProgress(`writing ${formatCount(events)} payments of ${formatCount(cards)} cards`);
    await fillTopic(kafka.kafka, {
      topic: TOPIC,
      partitions,
      events,
      cards,
      schemas,
      progress: (done) => writing.update(done, events),
    });
    writing.finish();
    const rates = await rounds(options, async (workload) => {
      if (workload !== 'scorer')
        return measureApart({ workload, brokers: kafka.brokers, topic: TOPIC, events, schemas });
      const { rate, backend, risks } = await runScorer({
        root: packageRoot(),
        brokers: kafka.brokers,
        events,
        backend: options.backend,
        folder,
      });
      process.stderr.write(`  scorer on ${backend}: ${formatCount(risks)} risks\n`);
      return rate;
    });
    report(rates, options.json);
  } finally {
    await kafka.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Interleaved, so that what the machine does besides falls on all of them alike. */
async function rounds(
  options: LoadtestOptions,
  once: (workload: Workload) => Promise<number>,
): Promise<Map<Workload, number[]>> {
  const rates = new Map<Workload, number[]>(WORKLOADS.map((workload) => [workload, []]));
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const workload of WORKLOADS) {
      const rate = await once(workload);
      rates.get(workload)?.push(rate);
      process.stderr.write(
        `round ${round} of ${options.rounds}, ${workload}: ${formatCount(rate)} events/s\n`,
      );
    }
  }
  return rates;
}

function measureApart(measurement: Measurement): Promise<number> {
  const script = join(packageRoot(), 'dist', 'loadtests', 'measure-process.js');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, JSON.stringify(measurement)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: MEASURE_MS,
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve((JSON.parse(output) as { rate: number }).rate);
      else reject(new Error(`measuring ${measurement.workload} ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}

function report(rates: ReadonlyMap<Workload, number[]>, json: boolean): void {
  const medians = Object.fromEntries(
    [...rates].map(([workload, values]) => [workload, Math.round(median(values))]),
  );
  const raw = medians['rawConsume'] ?? Number.NaN;
  process.stdout.write(
    `${'workload'.padEnd(12)}${'events/s'.padStart(10)}${'of raw'.padStart(9)}   smallest – largest\n`,
  );
  for (const [workload, values] of rates) {
    const value = medians[workload] ?? Number.NaN;
    const share = `${Math.round((100 * value) / raw)}%`;
    process.stdout.write(
      `${workload.padEnd(12)}${formatCount(value).padStart(10)}${share.padStart(9)}   ${spread(values, formatCount)}\n`,
    );
  }
  if (json) process.stdout.write(`${JSON.stringify(medians)}\n`);
}
