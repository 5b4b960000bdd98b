import type { ToldEpisode } from '../episodes.js';
import type { TryResult } from '../run.js';
import type { Words } from '../words.js';
import { type PlotMark, plot } from './plots.js';

export interface Panel {
  readonly title: string;
  readonly svg: string;
}

/** keys and plots that are drawn; those with the strongest risks */
const MOST_KEYS = 4;
const MOST_PANELS = 8;
/** small risks that are drawn as dots beside the numbered ones */
const MOST_DOTS = 2000;
/** scores beyond are drawn at this height: one in 10^12 and one in 10^30 are the same to a reader */
const MOST_SCORE = 12;

/** The series themselves: of each key with strong risks, the numbers that its reasons speak of. */
export function panelsOf(result: TryResult, told: readonly ToldEpisode[], words: Words): Panel[] {
  const { table, roles, made, scores } = result;
  const { numbers } = made.fields;
  if (numbers.length === 0) return [];
  const together = made.kind === 'events' || roles.key === undefined;
  const keys: (string | undefined)[] = together ? [undefined] : keysToDraw(result, told);
  const each = Math.max(1, Math.floor(MOST_PANELS / keys.length));
  const panels: Panel[] = [];
  for (const key of keys) {
    const own = told.filter(({ peak }) => key === undefined || table.keyAt(peak.index) === key);
    const weight = new Map<string, number>();
    for (const { peak } of own)
      for (const { field, share } of peak.reasons)
        weight.set(field, (weight.get(field) ?? 0) + share * scores[peak.index]!);
    const chosen = numbers
      .map((field, number) => ({ field, number }))
      .sort((a, b) => (weight.get(b.field) ?? 0) - (weight.get(a.field) ?? 0) || a.number - b.number)
      .slice(0, each)
      .sort((a, b) => a.number - b.number);
    for (const { field, number } of chosen) {
      const { unit } = made.pipeline.features.numbers[number]!;
      const titled = typeof unit === 'string' && unit !== '' ? `${field} (${unit})` : field;
      panels.push({
        title: key === undefined ? (numbers.length > 1 || together ? titled : '') : `${key} · ${titled}`,
        svg: seriesPlot(result, own, words, number, key),
      });
    }
  }
  return panels;
}

function keysToDraw({ table, scores, trainRows }: TryResult, told: readonly ToldEpisode[]): string[] {
  const strongest = new Map<string, number>();
  for (const { peak } of told) {
    const key = table.keyAt(peak.index);
    strongest.set(key, Math.max(strongest.get(key) ?? 0, scores[peak.index]!));
  }
  for (let index = trainRows; index < table.rows && strongest.size < MOST_KEYS; index++)
    if (!strongest.has(table.keyAt(index))) strongest.set(table.keyAt(index), 0);
  return [...strongest]
    .sort((a, b) => b[1] - a[1])
    .slice(0, MOST_KEYS)
    .map(([key]) => key)
    .sort();
}

function seriesPlot(
  result: TryResult,
  told: readonly ToldEpisode[],
  words: Words,
  number: number,
  key: string | undefined,
): string {
  const { table, made } = result;
  const indices: number[] = [];
  for (let index = 0; index < table.rows; index++)
    if (key === undefined || table.keyAt(index) === key) indices.push(index);
  return plot({
    times: Float64Array.from(indices, (index) => table.timeAt(index)),
    values: Float64Array.from(indices, (index) => table.numberAt(number, index)),
    marks: marksOf(result, told, words, key, (index) => table.numberAt(number, index)),
    ...frame(result, words, indices),
    height: made.pipeline.features.numbers.length === 1 && key === undefined ? 260 : 190,
    scattered: made.kind === 'events',
  });
}

/** The scores of all rows, with the threshold that they had to pass in the middle of the file. */
export function scorePanel(result: TryResult, told: readonly ToldEpisode[], words: Words): Panel {
  const { table, scores, risks } = result;
  const indices = Array.from({ length: table.rows }, (_, index) => index);
  // within an episode the bar is raised; what it takes to begin one is what is drawn
  const thresholds = risks
    .filter(({ alert }) => alert)
    .map(({ threshold }) => threshold)
    .sort((a, b) => a - b);
  const middle = thresholds[thresholds.length >> 1];
  return {
    title: '',
    svg: plot({
      times: Float64Array.from(indices, (index) => table.timeAt(index)),
      values: Float64Array.from(scores),
      marks: marksOf(result, told, words, undefined, (index) => scores[index]!),
      ...frame(result, words, indices),
      height: 150,
      scattered: false,
      fromZero: true,
      cap: Math.max(MOST_SCORE, 3 * (middle ?? 0)),
      threshold: middle === undefined ? undefined : { value: middle, text: words.threshold },
    }),
  };
}

function frame({ table, trainRows, roles }: TryResult, words: Words, indices: readonly number[]) {
  const from = table.timeAt(0);
  const to = table.timeAt(table.rows - 1);
  return {
    from,
    to,
    zone: roles.zone,
    learned: [from, table.timeAt(trainRows)] as const,
    labelled: labelledStretches(table, indices),
    words: { learned: words.learnedPart, labelled: words.labelled },
  };
}

function labelledStretches(
  table: TryResult['table'],
  indices: readonly number[],
): (readonly [number, number])[] {
  if (table.labelled === 0) return [];
  const stretches: [number, number][] = [];
  let open: [number, number] | undefined;
  for (const index of indices) {
    if (table.labelAt(index) === 0) open = undefined;
    else if (open === undefined) {
      open = [table.timeAt(index), table.timeAt(index)];
      stretches.push(open);
    } else open[1] = table.timeAt(index);
  }
  return stretches.slice(0, 500);
}

function marksOf(
  { table, risks, scores }: TryResult,
  told: readonly ToldEpisode[],
  words: Words,
  key: string | undefined,
  valueAt: (index: number) => number,
): PlotMark[] {
  const numbered = new Map(told.map((one) => [one.peak.index, one]));
  const drawn = risks
    .filter(({ index }) => key === undefined || table.keyAt(index) === key)
    .sort((a, b) => scores[b.index]! - scores[a.index]!)
    .slice(0, MOST_DOTS)
    .sort((a, b) => a.index - b.index);
  return drawn.map(({ index, severity }) => {
    const one = numbered.get(index);
    return {
      time: table.timeAt(index),
      value: valueAt(index),
      severity,
      number: one?.number ?? '',
      tooltip: `${one?.sentence ?? ''} ${words.score} ${scores[index]!.toFixed(1)}`.trim(),
    };
  });
}
