import { Command, Option } from 'commander';
import type { Language } from '../demo/snapshot.js';
import { examples } from '../settings.js';
import { duration } from './produce.js';

interface Options {
  for?: number;
  visible: number;
  fast: boolean;
  lang: Language;
  json?: boolean;
}

export function demoCommand(): Command {
  const command = new Command('demo')
    .description(
      'run everything on this machine: a broker, ClickHouse, all services, three recorded streams and a webhook receiver',
    )
    .option(
      '--for <duration>',
      'replay for this time, settle, compare the counts and end (default: until Ctrl-C)',
      duration,
    )
    .option(
      '--visible <duration>',
      'replay at a visible pace for this time, then as fast as it goes',
      duration,
      15_000,
    )
    .option('--no-fast', 'stay at the visible pace')
    .addOption(
      new Option('--lang <language>', 'language of the table and of the reasons')
        .choices(['en', 'zh'])
        .default('en'),
    )
    .option(
      '--json',
      'close with one JSON object as the last line of stdout; what else there is to say goes to stderr',
    );
  command.addHelpText(
    'after',
    '\nEnvironment: it takes RISKWIRE_BACKEND and RISKWIRE_LOG_LEVEL and sets the rest itself. It takes the usual ports\n(9092, 8123, 8081, 9400-9402, 9410) where they are free and others where they are not.\n\nWith --for it exits 1 when a part dies or when the counts do not add up: every planted bad event must be a dead\nletter, and every risk must be in ClickHouse.',
  );
  examples(command, ['riskwire demo', 'riskwire demo --for 60s --json', 'riskwire demo --lang zh --no-fast']);
  return command.action(run);
}

async function run(options: Options): Promise<void> {
  const [{ runDemo, DemoMismatch }, { openView }, { summaryLines }] = await Promise.all([
    import('../demo/run.js'),
    import('../demo/view.js'),
    import('../demo/summary.js'),
  ]);
  const stopping = new AbortController();
  const stop = () => stopping.abort(new Error('stopped'));
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const view = openView(options.lang, process.stdout.isTTY === true && !options.json);
  const print = (outcome: object) => process.stdout.write(`${JSON.stringify(outcome)}\n`);
  try {
    const outcome = await runDemo(
      {
        forMs: options.for,
        visibleMs: options.fast ? options.visible : undefined,
        language: options.lang,
        view,
      },
      stopping.signal,
    );
    if (options.json) print(outcome);
    else for (const line of summaryLines(outcome)) process.stdout.write(`${line}\n`);
  } catch (error) {
    // Ctrl-C is how a demo without an end is meant to end
    if (stopping.signal.aborted) process.stderr.write('demo: stopped\n');
    else {
      if (error instanceof DemoMismatch && options.json) print(error.outcome);
      throw error;
    }
  } finally {
    process.removeListener('SIGINT', stop).removeListener('SIGTERM', stop);
  }
}
