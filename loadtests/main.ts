import { exitCodeOf, messageOf, UsageError } from '../services/cli/exit.js';
import { runLatency } from './latency/latency.js';
import { type LoadtestOptions, loadtestCommand } from './options.js';
import { runRates } from './rates/rates.js';
import { runScaling } from './scaling/scaling.js';
import { runSink } from './sink/sink.js';
import { runSoak } from './soak/soak.js';

/** `npm run loadtest`: rates beside those of others, or one of the other measurements. */
export async function main(argv: string[]): Promise<void> {
  try {
    await loadtestCommand(run).parseAsync(argv);
  } catch (error) {
    process.stderr.write(`loadtest: ${messageOf(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

async function run(options: LoadtestOptions): Promise<void> {
  const { scaling, latency, sink, soak } = options;
  const others = [
    ...(scaling ? [runScaling] : []),
    ...(latency ? [runLatency] : []),
    ...(sink ? [runSink] : []),
    ...(soak === undefined ? [] : [runSoak]),
  ];
  if (others.length > 1) throw new UsageError('choose one of --scaling, --latency, --sink and --soak');
  await (others[0] ?? runRates)(options);
}
