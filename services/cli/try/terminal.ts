import type { Sentences } from '../../../detection/judging/sentences.js';
import { columnsOf, formatCount } from '../format.js';
import { episodesOf, strongest } from './episodes.js';
import { duration, guessesOf } from './guesses.js';
import type { TryResult } from './run.js';
import { localStamp } from './stamps.js';
import type { Words } from './words.js';

/** risks and bad rows that are told on the terminal */
const TOLD = 10;
const TOLD_BAD = 5;

/** What a person reads on the terminal: guesses, risks, bad rows, figures. */
export function asText(result: TryResult, words: Words, sentences: Sentences): string {
  const { table, risks, made, scores, trainRows, figures } = result;
  const lines: string[] = [];
  const pad = (text: string, width: number) => text + ' '.repeat(Math.max(0, width - columnsOf(text)));
  const guesses = guessesOf(result, words);
  const width = Math.max(...guesses.map(({ role }) => columnsOf(role))) + 2;
  guesses.forEach(({ role, text }, i) => {
    lines.push(`${pad(guesses[i - 1]?.role === role ? '' : role, width)}${text}`);
  });
  if (table.bad > 0) {
    for (const bad of table.badRows.slice(0, TOLD_BAD))
      lines.push(
        `${' '.repeat(width)}${words.line} ${bad.line}: ${bad.field || words.wholeRow} '${bad.value}': ${words.remedies[bad.remedy](bad.fields ?? 0, result.file.columns.length)}`,
      );
    if (table.bad > TOLD_BAD)
      lines.push(`${' '.repeat(width)}${words.more(formatCount(table.bad - TOLD_BAD))}`);
  }
  const episodes = episodesOf(result);
  lines.push(
    '',
    words.summary(
      formatCount(table.rows - trainRows),
      formatCount(risks.length),
      formatCount(episodes.length),
    ),
  );
  const told = strongest(episodes, scores, TOLD);
  for (const { peak } of told) {
    const key = result.roles.key === undefined ? '' : ` ${table.keyAt(peak.index)}`;
    const sentence = sentences.sentence(peak.reasons, { entity: made.pipeline.entity });
    lines.push(
      `  ${localStamp(table.timeAt(peak.index), result.roles.zone)}${key}  ${scores[peak.index]!.toFixed(1)} ${words.severities[peak.severity]}  ${sentence}`,
    );
  }
  if (episodes.length > told.length)
    lines.push(`  ${words.more(formatCount(episodes.length - told.length))}`);
  if (figures !== undefined) {
    lines.push(
      '',
      `${words.figures}: ${words.labelledRows(formatCount(figures.labelled), formatCount(figures.events))}`,
    );
    for (const [name, text] of Object.entries(words.figureNames))
      lines.push(`  ${pad(text, 34)}${shownFigure(figures[name as keyof Words['figureNames']])}`);
  }
  if (result.failed.length > 0) lines.push(words.failed(result.failed.join(', ')));
  return `${lines.join('\n')}\n`;
}

export function shownFigure(value: number | null): string {
  return value === null ? '–' : Number(value.toPrecision(3)).toString();
}

/** `--json`: one object, the last line of stdout. */
export function asJson(
  result: TryResult,
  outputs: { out?: string | undefined; report?: string | undefined },
): string {
  const { file, roles, made, table, risks, scores, trainRows, figures, budget, pace } = result;
  return JSON.stringify({
    file: result.name,
    format: file.format,
    separator: file.separator,
    encoding: file.encoding,
    header: file.header,
    kind: made.kind,
    time: roles.time?.name ?? null,
    timeZone: roles.zoneColumn?.name ?? roles.zone,
    key: roles.key?.name ?? null,
    secondaryKey: roles.secondaryKey?.name ?? null,
    values: roles.numbers.map(({ name }) => name),
    categories: roles.categories.map(({ name }) => name),
    pace: Number.isFinite(pace.gap) ? duration(pace.gap) : null,
    detectors: Object.keys(made.pipeline.detectors),
    rows: table.read,
    badRows: table.bad,
    badByField: table.badByField,
    trainRows,
    scoredRows: table.rows - trainRows,
    budget,
    risks: risks.length,
    alerts: risks.filter(({ alert }) => alert).length,
    highest: risks.reduce((most, { index }) => Math.max(most, scores[index]!), 0),
    ...outputs,
    ...(figures && {
      auc: figures.auc,
      ap: figures.ap,
      f1: figures.f1,
      farPercent: figures.farPercent,
      marPercent: figures.marPercent,
      eventRecall: figures.eventRecall,
    }),
  });
}
