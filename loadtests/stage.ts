import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BROKER_CORE, bindThisProcess, CONTENDER_CORE, type Machine, thisMachine } from './machine.js';
import { type RealKafka, realKafkaMissing, startRealKafka } from './support/real-kafka.js';

/** What every measurement plays on: a real Kafka, a folder for logs, and where things run. */
export interface Stage {
  readonly kafka: RealKafka;
  readonly folder: string;
  readonly machine: Machine;
  readonly say: (text: string) => void;
}

export interface StageOptions {
  /** whether Kafka and this process keep to one core, so that the others are free for what is measured */
  readonly apart: boolean;
  readonly properties?: Record<string, string>;
}

export const say = (text: string): void => {
  process.stderr.write(`loadtest: ${text}\n`);
};

/** What was started ends with this process, whose exit they watch for: a signal alone would pass them over. */
function exitOnSignals(): void {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => process.exit(code));
}

/** Starts Kafka, does the work, and ends Kafka. The logs stay when the work fails. */
export async function onStage<T>(options: StageOptions, work: (stage: Stage) => Promise<T>): Promise<T> {
  const missing = realKafkaMissing();
  if (missing !== undefined)
    throw new Error(
      `a real Kafka is needed and can't be started here (${missing}): install Java 17 and Maven`,
    );
  const machine = thisMachine();
  if (options.apart) {
    say(
      machine.pins
        ? `what is measured on core ${CONTENDER_CORE}, Kafka and the load test on core ${BROKER_CORE}`
        : 'nothing is bound to cores here (that takes Linux, taskset and two cores): rates depend on what else runs',
    );
    // The broker inherits it; what is measured is bound on its own.
    bindThisProcess(machine, BROKER_CORE);
  }
  exitOnSignals();
  const folder = mkdtempSync(join(tmpdir(), 'riskwire-load-'));
  say('starting Kafka …');
  const kafka = await startRealKafka({ throughput: true, properties: options.properties });
  try {
    const result = await work({ kafka, folder, machine, say });
    rmSync(folder, { recursive: true, force: true });
    return result;
  } catch (error) {
    say(`the logs are in ${folder}`);
    throw error;
  } finally {
    await kafka.stop();
  }
}
