import { join } from 'node:path';
import { packageRoot } from '../../lib/paths.js';
import { formatCount } from '../../services/cli/format.js';
import { startProgress } from '../../services/cli/progress.js';
import { consumeContender } from '../contenders/consume.js';
import type { Arena, Contender } from '../contenders/contender.js';
import { withoutPart } from '../contenders/parts.js';
import { preparePeers } from '../contenders/peers.js';
import { type ScorerFacts, scorerContender } from '../contenders/scorer.js';
import { CONTENDER_CORE, type Machine } from '../machine.js';
import type { LoadtestOptions } from '../options.js';
import { onStage, say } from '../stage.js';
import { fillTopic } from '../streams/feed.js';
import { check, record } from './recorded.js';
import { figures, partsTable, type Results, ratesTable } from './report.js';
import { runRounds } from './rounds.js';

const TOPIC = 'transactions';
const RISKS = 'peers-risks';

/** The contenders one after another, round by round, each reading the same topic. */
export async function runRates(options: LoadtestOptions): Promise<void> {
  const peers = await preparePeers({
    names: options.peers,
    events: options.peerEvents,
    mostEvents: options.events,
    lenient: options.lenient,
    say,
  });
  await onStage({ apart: true }, async (stage) => {
    const { events, cards, partitions, rounds } = options;
    const { kafka, folder, machine } = stage;
    const arena: Arena = {
      brokers: kafka.brokers,
      topic: TOPIC,
      risks: RISKS,
      schemas: join(packageRoot(), 'schemas'),
      folder,
      machine,
      cores: [CONTENDER_CORE],
    };
    await kafka.createTopic(RISKS, { partitions });
    await fillTopic(stage, { topic: TOPIC, partitions, events, stream: { kind: 'payments', cards } });
    const facts: ScorerFacts = { backend: '', risks: 0 };
    const contenders = [...ownContenders(options, folder, facts), ...peers];
    const results = await runRounds(contenders, arena, {
      rounds,
      started(contender, round) {
        const progress = startProgress(`round ${round} of ${rounds}, ${contender.name}`);
        return (done) => progress.update(done, contender.events);
      },
      finished: (contender, round, { eventsPerSecond }) =>
        say(`round ${round} of ${rounds}, ${contender.name}: ${formatCount(eventsPerSecond)} events/s`),
    });
    report(results, options, machine, facts);
  });
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

function report(results: Results, options: LoadtestOptions, machine: Machine, facts: ScorerFacts): void {
  const { events, cards, partitions, rounds, backend: _chosen, markdown, json } = options;
  const { backend, risks } = facts;
  const out = (text: string) => process.stdout.write(text);
  out(
    `${machine.processor}, ${machine.cores} cores${machine.pins ? ', one for each contender' : ''}; Node ${process.version}; ` +
      `${formatCount(events)} events of ${formatCount(cards)} cards in ${partitions} partitions, ${rounds} rounds; ` +
      `the scorer on ${backend}, ${formatCount(risks)} risks\n\n`,
  );
  out(ratesTable(results, markdown));
  if (options.parts.length > 0) out(`\n${partsTable(results, markdown)}`);
  const measured = figures(results);
  const about = { events, cards, partitions, rounds, backend, risks, node: process.version, machine };
  // By CPU time, where the system tells it: a check has to hold on a machine that does other things too.
  const byCpu = Object.values(measured.cpuRatios).every(Number.isFinite);
  const comparable = {
    ratios: byCpu ? measured.cpuRatios : measured.ratios,
    partShares: byCpu ? measured.partShares : {},
  };
  if (options.record) say(`kept in ${record(comparable, { ...about, byCpu })}`);
  if (json) out(`${JSON.stringify({ ...measured, ...about })}\n`);
  if (options.check) say(`none of ${check(comparable)} figures is worse than recorded, beyond the tolerance`);
}
