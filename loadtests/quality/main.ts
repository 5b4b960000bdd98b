import { messageOf } from '../../services/cli/exit.js';
import { type QualityOptions, qualityCommand, SUITES, type SuiteName } from './options.js';
import { formatTable, type Suite } from './suite.js';

/** `npm run bench:quality`: each suite is loaded when it is asked for. */
const LOAD: Readonly<Record<SuiteName, () => Promise<Suite>>> = {
  nab: async () => (await import('./nab.js')).nabSuite,
  production: async () => (await import('./production.js')).productionSuite,
  agriculture: async () => (await import('./agriculture.js')).agricultureSuite,
  transactions: async () => (await import('./transactions.js')).transactionsSuite,
  budget: async () => (await import('./budget.js')).budgetSuite,
  reasons: async () => (await import('./reasons.js')).reasonsSuite,
  start: async () => (await import('./start.js')).startSuite,
  learned: async () => (await import('./learned.js')).learnedSuite,
};

export async function main(argv: string[]): Promise<void> {
  try {
    await qualityCommand(run).parseAsync(argv);
  } catch (error) {
    process.stderr.write(`bench:quality: ${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}

async function run(options: QualityOptions): Promise<void> {
  const names = options.suite === 'all' ? SUITES : [options.suite];
  for (const name of names) {
    const started = performance.now();
    const seconds = () => ((performance.now() - started) / 1000).toFixed(0);
    const suite = await LOAD[name]();
    const { figures, tables } = await suite({
      data: options.data,
      seeds: Array.from({ length: options.seeds }, (_, i) => i + 1),
      ablation: options.ablation,
      baselines: options.baselines,
      scorer: options.scorer,
      progress: (line) => process.stderr.write(`${name} ${seconds()} s: ${line}\n`),
    });
    for (const table of tables) process.stdout.write(`\n${formatTable(table)}\n`);
    if (options.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
    else process.stdout.write(`\n${name}: ${JSON.stringify(figures)}\n`);
  }
}
