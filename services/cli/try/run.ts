import type { TrainingProgress } from '../../../detection/contract.js';
import type { Severity } from '../../../detection/judging/budget.js';
import type { Reason } from '../../../detection/judging/reasons.js';
import { LabelLog } from '../../../detection/labels/label-log.js';
import { openTable } from '../../../lib/table-files/open.js';
import { isBroken, type TableFile, type TableRow } from '../../../lib/table-files/table.js';
import type { Backend } from '../../../lib/tensors.js';
import { profileColumns } from '../guess/columns.js';
import { LocalTime } from '../guess/local-time.js';
import { type Pace, paceOf } from '../guess/pace.js';
import { guessRoles, type RoleHints, type Roles } from '../guess/roles.js';
import { readTime, timeReadingOf } from '../guess/times.js';
import { type Feedback, OfflineScorer } from '../scoring/offline-scorer.js';
import { kindOf, type MadeUp, makePipeline, rolesFor } from './definition.js';
import { EventTable } from './event-table.js';
import { type Figures, figuresOf } from './figures.js';
import { learn } from './learn.js';

export interface TryOptions extends RoleHints {
  readonly file: string;
  readonly separator?: string | undefined;
  readonly header?: boolean | undefined;
  readonly encoding?: string | undefined;
  /** seconds after its row at which a label is known, and re-ranks what comes then; without it labels are compared with alone */
  readonly labelDelay?: number | undefined;
  readonly trainRows?: number | undefined;
  readonly trainUntil?: string | undefined;
  /** alerts a day */
  readonly budget?: number | undefined;
  readonly seed: number;
  readonly backend: Backend;
  readonly progress: TrainingProgress;
}

export interface TriedRisk {
  /** index in time order */
  readonly index: number;
  readonly severity: Severity;
  readonly threshold: number;
  /** the first risk of an episode */
  readonly alert: boolean;
  readonly reasons: readonly Reason[];
}

export interface TryResult {
  readonly file: TableFile;
  readonly name: string;
  readonly roles: Roles;
  readonly pace: Pace;
  readonly made: MadeUp;
  readonly table: EventTable;
  /** rows learned from: the first in time order */
  readonly trainRows: number;
  /** -log10 p by index in time order; NaN for what was learned from */
  readonly scores: Float32Array;
  readonly risks: readonly TriedRisk[];
  readonly budget: number;
  /** whether the budget was given, or made up to be about twenty alerts over the file */
  readonly budgetGiven: boolean;
  readonly scoredDays: number;
  readonly figures: Figures | undefined;
  readonly failed: readonly string[];
  readonly backend: string;
}

/** A file that can't be tried, with what to do. */
export class TryError extends Error {
  override readonly name = 'TryError';
}

const LEAST_ROWS = 100;
/** rows that the columns are guessed by */
const SAMPLE_ROWS = 5000;
/** alerts over the scored part when no budget is given */
const ALERTS = 20;
const DAY = 86_400_000;
/** events that wait for their labels at most */
const MOST_HELD = 65_536;

/** Guesses what a file holds, learns on its first part, and scores the rest as the stream would be. */
export async function tryFile(options: TryOptions): Promise<TryResult> {
  const { progress } = options;
  const file = await openTable(options.file, options);
  const local = new LocalTime();
  const profiles = profileColumns(file.columns, await sampleRows(file), local);
  const guessed = guessRoles(profiles, options, local);
  if (guessed.numbers.length === 0 && guessed.categories.length === 0 && guessed.time === undefined)
    throw new TryError(
      `no numbers, categories or times were found among the columns ${file.columns.join(', ')}; name them with --values, --categories and --time`,
    );
  const pace = paceOf(guessed, local);
  const kind = kindOf(guessed, pace);
  const roles = rolesFor(kind, guessed, options.categories !== undefined);
  const table = await EventTable.read(file, roles, local, (rows) => progress('reading', rows, 0));
  if (table.rows < LEAST_ROWS) throw new TryError(tooFew(table));

  const trainRows = trainingRows(table, options, local);
  const trainDays = (table.timeAt(trainRows - 1) - table.timeAt(0)) / DAY;
  const scoredDays = Math.max((table.timeAt(table.rows - 1) - table.timeAt(trainRows)) / DAY, 1 / 24);
  const budget = options.budget ?? Number((ALERTS / scoredDays).toPrecision(2));
  const shape = { kind, trainRows, entities: table.entities(0, trainRows) };
  const made = makePipeline(roles, pace, shape, { budget, trainDays });
  const event = (index: number) => table.eventAt(index, made.fields);
  const key = (index: number) => table.keyAt(index);
  const { model } = learn(
    { pipeline: made.pipeline, rows: trainRows, event, key },
    options.seed,
    options.backend,
    progress,
  );

  const scores = new Float32Array(table.rows).fill(Number.NaN);
  const risks: TriedRisk[] = [];
  const limits = {
    budget,
    partitions: 1,
    maxEntities: Math.max(1, Math.min(200_000, table.entities())),
    feedback: feedbackOf(table, made, options.labelDelay),
  };
  const scorer = new OfflineScorer(made.pipeline, model, limits, ({ offset, score, risk }) => {
    scores[offset] = score;
    if (risk !== undefined) {
      const { severity, threshold, alert, reasons } = risk;
      risks.push({ index: offset, severity, threshold, alert, reasons });
    }
  });
  for (let index = 0; index < table.rows; index++) {
    if (index < trainRows) scorer.remember(event(index), key(index), index);
    else scorer.take(event(index), key(index), index);
    if (index % 1024 === 0) progress('scoring', index, table.rows);
  }
  scorer.flush();
  for (const detector of model.detectors) detector.dispose();
  return {
    file,
    name: options.file,
    roles,
    pace,
    made,
    table,
    trainRows,
    scores,
    risks,
    budget,
    budgetGiven: options.budget !== undefined,
    scoredDays,
    figures: roles.label && figuresOf(table, trainRows, scores, risks),
    failed: scorer.failed,
    backend: options.backend.name,
  };
}

/** Labels as the feedback topic would bring them. */
function feedbackOf(table: EventTable, made: MadeUp, delay: number | undefined): Feedback | undefined {
  if (delay === undefined) return undefined;
  if (table.roles.label === undefined)
    throw new TryError('--label-delay says when labels are known; name their column with --label');
  const { secondary } = made.fields;
  const settings = {
    secondary: secondary === undefined ? [] : [secondary],
    delay,
    window: DAY / 1000,
    late: 0,
    spells: {},
    hold: Math.min(table.rows, MOST_HELD),
  };
  return { settings, log: new LabelLog(), isRisk: (index) => table.labelAt(index) === 1 };
}

async function sampleRows(file: TableFile): Promise<TableRow[]> {
  const rows: TableRow[] = [];
  for await (const items of file.rows()) {
    for (const item of items) if (!isBroken(item)) rows.push(item);
    if (rows.length >= SAMPLE_ROWS) break;
  }
  return rows.slice(0, SAMPLE_ROWS);
}

function tooFew({ rows, read, bad, badRows }: EventTable): string {
  const [first] = badRows;
  const because =
    bad > rows && first !== undefined
      ? `; ${bad} of ${read} rows could not be read, the first at line ${first.line}: ${first.field || 'the row'} '${first.value}'. Was a column guessed wrong? --time, --key, --values, --categories and --separator tell what it is`
      : '';
  return `${rows} rows can be used, and at least ${LEAST_ROWS} are needed to tell what is normal${because}`;
}

/**
 * How many rows are learned from: as told; else 15% of the file, at least 500 rows, though never more than 40% of it.
 */
function trainingRows(table: EventTable, options: TryOptions, local: LocalTime): number {
  const { rows } = table;
  if (options.trainUntil !== undefined) {
    const until = untilOf(options.trainUntil, table.roles.zone, local);
    let count = 0;
    while (count < rows && table.timeAt(count) < until) count++;
    return within(count, rows, `--train-until ${options.trainUntil}`);
  }
  if (options.trainRows !== undefined)
    return within(options.trainRows, rows, `--train-rows ${options.trainRows}`);
  return Math.round(Math.min(0.4 * rows, Math.max(500, 0.15 * rows)));
}

function untilOf(text: string, zone: string, local: LocalTime): number {
  const reading = timeReadingOf([text], true);
  const ms = reading === undefined ? Number.NaN : readTime(text, reading, zone, local).ms;
  if (Number.isNaN(ms))
    throw new TryError(`--train-until ${text}: can't be read as a time; write it as 2024-03-05 14:00:00`);
  return ms;
}

function within(count: number, rows: number, flag: string): number {
  if (count >= 20 && count < rows) return count;
  throw new TryError(
    `${flag} leaves ${count} rows to learn from and ${Math.max(0, rows - count)} to score; the file has ${rows} that can be used: learn from at least 20 and leave some to score`,
  );
}
