import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../../../lib/duration.js';
import { UsageError } from '../exit.js';
import { positive, whole } from '../option-values.js';
import { startProgress } from '../progress.js';
import { examples } from '../settings.js';

interface Options {
  time?: string;
  key?: string;
  secondaryKey?: string;
  values?: string[];
  categories?: string[];
  label?: string;
  labelDelay?: number;
  trainRows?: number;
  trainUntil?: string;
  timeZone?: string;
  budget?: number;
  separator?: string;
  encoding?: string;
  header: boolean | undefined;
  out?: string;
  report?: string;
  lang: 'en' | 'zh';
  seed: number;
  backend: 'auto' | 'wasm' | 'native' | 'cpu';
  json?: boolean;
}

const list = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

/** seconds */
function delay(text: string): number {
  try {
    return parseDuration(text) / 1000;
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

export function tryCommand(): Command {
  const command = new Command('try')
    .description(
      'find what stands out in a file of your own: CSV and JSON lines (plain or gzip), Parquet or Avro',
    )
    .argument(
      '<file>',
      'columns, formats and time zones are guessed and told; the flags win over the guesses',
    )
    .option('--time <column>', 'the time of a row')
    .option('--key <column>', 'what a row is about: a card, a machine, a site')
    .option(
      '--secondary-key <column>',
      'what else it is about: the terminal of a payment, the line of a machine',
    )
    .option('--values <columns>', 'numbers to watch, comma-separated', list)
    .option('--categories <columns>', 'categories to watch, comma-separated', list)
    .option('--label <column>', 'what is known to be wrong (1, true, a word): compared with, never a feature')
    .option(
      '--label-delay <duration>',
      'how long after a row its label is known, such as 7d: from then on it re-ranks',
      delay,
    )
    .option(
      '--train-rows <count>',
      'learn on so many rows (default: 15% of the file, at least 500)',
      whole(0),
    )
    .option('--train-until <time>', 'learn on the rows before this time')
    .option('--time-zone <zone>', 'of times that name none, such as Asia/Shanghai (default: UTC)')
    .option('--budget <alerts>', 'alerts a day, about (default: twenty over the file)', positive)
    .option('--separator <character>', 'of a CSV file')
    .option('--encoding <name>', 'of a text file: utf-8, gb18030, windows-1252 …')
    .option('--header', 'the first row names the columns')
    .option('--no-header', 'the first row is data')
    .option('--out <file>', 'write the scores as CSV: row,time,key,score,p_value,risk,top_reason')
    .option('--report <file>', 'write an HTML page with plots; it needs no network')
    .addOption(
      new Option('--lang <language>', 'of the report and of reasons').choices(['en', 'zh']).default('en'),
    )
    .option(
      '--seed <number>',
      'of everything that is drawn: the same file and seed give the same scores',
      whole(0),
      1,
    )
    .addOption(
      new Option('--backend <name>', 'TensorFlow.js backend')
        .choices(['auto', 'wasm', 'native', 'cpu'])
        .default('wasm'),
    )
    .option('--json', 'print one JSON object, the last line');
  // commander gives --no-header a default of true; unsaid it is to be guessed
  command.setOptionValue('header', undefined);
  examples(command, [
    'riskwire try readings.csv',
    'riskwire try payments.parquet --key card --label fraud --report report.html',
    'riskwire try 读数.csv --time-zone Asia/Shanghai --lang zh --out scores.csv',
  ]);
  return command.action((file: string, options: Options) => run(file, options));
}

async function run(path: string, options: Options): Promise<void> {
  const [
    { tryFile, TryError },
    { RoleError },
    { TableFileError },
    { openBackend },
    { LANGUAGES, Sentences },
  ] = await Promise.all([
    import('../try/run.js'),
    import('../guess/roles.js'),
    import('../../../lib/table-files/table.js'),
    import('../../../lib/tensors.js'),
    import('../../../detection/judging/sentences.js'),
  ]);
  const [{ TRY_WORDS }, { asJson, asText }] = await Promise.all([
    import('../try/words.js'),
    import('../try/terminal.js'),
  ]);
  const words = TRY_WORDS[options.lang];
  const sentences = new Sentences(LANGUAGES[options.lang]!);
  const progress = partsOf('try');
  const backend = await openBackend(options.backend, {
    log: (message) => process.stderr.write(`try: ${message}\n`),
  });
  const result = await tryFile({
    ...options,
    file: path,
    backend,
    progress: progress.update,
  }).catch((error: unknown) => {
    if (error instanceof TryError || error instanceof RoleError || error instanceof TableFileError)
      throw new UsageError(error.message, { cause: error });
    throw error;
  });
  progress.finish();
  if (options.out !== undefined) {
    const { writeScores } = await import('../try/scores-file.js');
    await writeScores(options.out, result, sentences);
  }
  if (options.report !== undefined) {
    const [{ reportOf }, { writeFile }] = await Promise.all([
      import('../try/report/report.js'),
      import('node:fs/promises'),
    ]);
    await writeFile(options.report, reportOf(result, words, sentences));
  }
  const told = options.json ? process.stderr : process.stdout;
  told.write(asText(result, words, sentences));
  for (const written of [options.out, options.report])
    if (written !== undefined) told.write(`→ ${written}\n`);
  if (options.json) process.stdout.write(`${asJson(result, { out: options.out, report: options.report })}\n`);
}

/** Progress of one part after another, on stderr. */
function partsOf(title: string) {
  let name = '';
  let current: ReturnType<typeof startProgress> | undefined;
  return {
    update(part: string, done: number, total: number) {
      if (part !== name) {
        current?.finish();
        name = part;
        current = startProgress(`${title}, ${part}`);
      }
      current?.update(done, total);
    },
    finish: () => current?.finish(),
  };
}
