import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../lib/paths.js';
import { exitCodeOf, messageOf } from '../services/cli/exit.js';
import { formatCount } from '../services/cli/format.js';
import { startProgress } from '../services/cli/progress.js';
import { consumeContender } from './contenders/consume.js';
import type { Arena, Contender } from './contenders/contender.js';
import { withoutPart } from './contenders/parts.js';
import { preparePeers } from './contenders/peers.js';
import { type ScorerFacts, scorerContender } from './contenders/scorer.js';
import type { FillJob } from './fill-process.js';
import { BROKER_CORE, bindThisProcess, CONTENDER_CORE, type Machine, thisMachine } from './machine.js';
import { type LoadtestOptions, loadtestCommand } from './options.js';
import { runLooking } from './processes/looking.js';
import { figures, partsTable, type Results, ratesTable } from './report.js';
import { runRounds } from './rounds.js';
import { realKafkaMissing, startRealKafka } from './support/real-kafka.js';

const TOPIC = 'transactions';
const RISKS = 'peers-risks';

/** `npm run loadtest`: a real Kafka, filled ahead of time, then the contenders one after another, round by round. */
export async function main(argv: string[]): Promise<void> {
  try {
    await loadtestCommand(run).parseAsync(argv);
  } catch (error) {
    process.stderr.write(`loadtest: ${messageOf(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

const say = (text: string) => process.stderr.write(`loadtest: ${text}\n`);

async function run(options: LoadtestOptions): Promise<void> {
  const missing = realKafkaMissing();
  if (missing !== undefined)
    throw new Error(
      `a real Kafka is needed and can't be started here (${missing}): install Java 17 and Maven`,
    );
  const peers = await preparePeers({
    names: options.peers,
    events: options.peerEvents,
    mostEvents: options.events,
    lenient: options.lenient,
    say,
  });
  const machine = thisMachine();
  say(
    machine.pins
      ? `each contender on core ${CONTENDER_CORE}, Kafka and the load test on core ${BROKER_CORE}`
      : 'nothing is bound to cores here (that takes Linux, taskset and two cores): rates depend on what else runs',
  );
  // The broker inherits it; contenders are started on their own.
  bindThisProcess(machine, BROKER_CORE);
  const folder = mkdtempSync(join(tmpdir(), 'riskwire-load-'));
  say('starting Kafka …');
  const kafka = await startRealKafka({ throughput: true });
  try {
    const arena: Arena = {
      brokers: kafka.brokers,
      topic: TOPIC,
      risks: RISKS,
      schemas: join(packageRoot(), 'schemas'),
      folder,
      machine,
      cores: [CONTENDER_CORE],
    };
    await kafka.createTopic(RISKS, { partitions: options.partitions });
    await fill(arena, options);
    const facts: ScorerFacts = { backend: '', risks: 0 };
    const contenders = [...ownContenders(options, folder, facts), ...peers];
    const results = await runRounds(contenders, arena, {
      rounds: options.rounds,
      started(contender, round) {
        const progress = startProgress(`round ${round} of ${options.rounds}, ${contender.name}`);
        return (done) => progress.update(done, contender.events);
      },
      finished: (contender, round, { eventsPerSecond }) =>
        say(
          `round ${round} of ${options.rounds}, ${contender.name}: ${formatCount(eventsPerSecond)} events/s`,
        ),
    });
    report(results, options, machine, facts);
  } finally {
    await kafka.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function ownContenders(options: LoadtestOptions, folder: string, facts: ScorerFacts): Contender[] {
  const { events, backend } = options;
  const chosen = { RISKWIRE_BACKEND: backend };
  return [
    consumeContender('rawConsume', events),
    consumeContender('decode', events),
    scorerContender('scorer', events, { env: chosen }, facts),
    ...options.parts.map((part) => {
      const { env, preload } = withoutPart(part, folder);
      return scorerContender(part, events, { env: { ...chosen, ...env }, preload });
    }),
  ];
}

async function fill(arena: Arena, { events, cards, partitions }: LoadtestOptions): Promise<void> {
  const progress = startProgress(`writing ${formatCount(events)} payments of ${formatCount(cards)} cards`);
  const { brokers, topic, schemas, folder, machine, cores } = arena;
  const job: FillJob = { brokers: [...brokers], topic, partitions, events, cards, schemas };
  const script = join(packageRoot(), 'dist', 'loadtests', 'fill-process.js');
  const args = [script, JSON.stringify(job)];
  const child = { name: 'fill', command: process.execPath, args, folder, machine, cores };
  await runLooking(child, events, ({ done }) => progress.update(done, events));
  progress.finish();
}

function report(results: Results, options: LoadtestOptions, machine: Machine, facts: ScorerFacts): void {
  const { events, cards, partitions, rounds, markdown, json } = options;
  const out = (text: string) => process.stdout.write(text);
  out(
    `${machine.processor}, ${machine.cores} cores${machine.pins ? ', one for each contender' : ''}; Node ${process.version}; ` +
      `${formatCount(events)} events of ${formatCount(cards)} cards in ${partitions} partitions, ${rounds} rounds; ` +
      `the scorer on ${facts.backend}, ${formatCount(facts.risks)} risks\n\n`,
  );
  out(ratesTable(results, markdown));
  if (options.parts.length > 0) out(`\n${partsTable(results, markdown)}`);
  if (!json) return;
  const facts1 = { events, cards, partitions, rounds, backend: facts.backend, risks: facts.risks };
  out(`${JSON.stringify({ ...figures(results), ...facts1, machine })}\n`);
}
