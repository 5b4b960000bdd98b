import type { Sentences } from '../../../../detection/judging/sentences.js';
import { formatCount } from '../../format.js';
import { type Episode, episodesOf, strongest, type ToldEpisode } from '../episodes.js';
import { guessesOf } from '../guesses.js';
import type { TryResult } from '../run.js';
import { pValue } from '../scores-file.js';
import { localStamp } from '../stamps.js';
import { shownFigure } from '../terminal.js';
import type { Words } from '../words.js';
import { escaped, STYLE } from './html.js';
import { type Panel, panelsOf, scorePanel } from './panels.js';

/** episodes that are told one by one, the strongest */
const TOLD = 50;

/** The whole report as one page: styles and plots are in it, so it opens anywhere without a network. */
export function reportOf(result: TryResult, words: Words, sentences: Sentences): string {
  const { table, risks, trainRows, scores, name } = result;
  const episodes = episodesOf(result);
  const told = toldEpisodes(result, episodes, sentences);
  const alerts = episodes.length;
  const fileName = name.split(/[\\/]/).pop()!;
  const sections = [
    tiles(result, words, alerts),
    plots(words.series, panelsOf(result, told, words), keyOfColours(words, table.labelled > 0)),
    plots(words.scoresOverTime, [scorePanel(result, told, words)], ''),
    section(words.risks, riskTable(result, words, told) + more(alerts - told.length, words)),
    figures(result, words),
    section(words.guessed, guessTable(result, words)),
    badTable(result, words),
  ];
  const scored = formatCount(scores.length - trainRows);
  return `<!doctype html>
<html lang="${words.tag}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(fileName)} · Riskwire</title><style>${STYLE}</style></head>
<body><main><h1>${escaped(words.title)}</h1>
<p class="file">${escaped(fileName)} · ${escaped(words.summary(scored, formatCount(risks.length), formatCount(alerts)))}</p>
${sections.filter(Boolean).join('\n')}
<footer>${escaped(words.footer)}</footer></main></body></html>
`;
}

/** The strongest episodes, numbered in the order of their time. */
function toldEpisodes(
  { scores, made }: TryResult,
  episodes: readonly Episode[],
  sentences: Sentences,
): ToldEpisode[] {
  return strongest(episodes, scores, TOLD).map((episode, i) => ({
    ...episode,
    number: String(i + 1),
    sentence: sentences.sentence(episode.peak.reasons, { entity: made.pipeline.entity, most: 3 }),
  }));
}

function tiles({ table, risks, trainRows, budget }: TryResult, words: Words, alerts: number): string {
  const tile = (value: string, text: string) =>
    `<div class="tile"><b>${escaped(value)}</b><span>${escaped(text)}</span></div>`;
  const { tiles: names } = words;
  return `<div class="tiles">${[
    tile(formatCount(table.rows - trainRows), names.scored),
    tile(formatCount(trainRows), names.learned),
    tile(formatCount(alerts), names.alerts),
    tile(formatCount(risks.length), names.risks),
    tile(String(budget), names.budget),
    ...(table.bad > 0 ? [tile(formatCount(table.bad), names.bad)] : []),
  ].join('')}</div>`;
}

function section(title: string, body: string): string {
  return `<section><h2>${escaped(title)}</h2>${body}</section>`;
}

function plots(title: string, panels: readonly Panel[], after: string): string {
  if (panels.length === 0) return '';
  const body = panels
    .map(({ title: of, svg }) => `${of === '' ? '' : `<h3>${escaped(of)}</h3>`}${svg}`)
    .join('');
  return section(title, body + after);
}

function keyOfColours(words: Words, labelled: boolean): string {
  const severities = (['low', 'medium', 'high', 'critical'] as const).map(
    (severity) => `<span><i class="${severity}"></i>${escaped(words.severities[severity])}</span>`,
  );
  const label = labelled ? `<span><i class="label"></i>${escaped(words.labelled)}</span>` : '';
  return `<div class="key-of-colours">${severities.join('')}${label}</div>`;
}

function riskTable({ table, scores, roles }: TryResult, words: Words, told: readonly ToldEpisode[]): string {
  if (told.length === 0) return `<p>${escaped(words.none)}</p>`;
  const rows = told.map(({ peak, from, to, risks, number, sentence }) => {
    const key = roles.key === undefined ? '' : `<td>${escaped(table.keyAt(peak.index))}</td>`;
    const score = scores[peak.index]!;
    const stamp = (index: number) => localStamp(table.timeAt(index), roles.zone);
    const until = to > from ? `<br><span class="until">– ${stamp(to)}</span>` : '';
    return `<tr><td class="n">${number}</td><td class="n">${stamp(from)}${until}</td>${key}<td class="n" title="p ${pValue(score)}">${score.toFixed(1)}</td><td><span class="badge ${peak.severity}">${escaped(words.severities[peak.severity])}</span></td><td>${escaped(sentence)}</td><td class="n">${risks}</td><td class="n">${table.lineAt(peak.index)}</td></tr>`;
  });
  const heads = [
    '',
    words.time,
    ...(roles.key === undefined ? [] : [roles.key.name]),
    words.score,
    words.severity,
    words.reasons,
    words.count,
    words.line,
  ];
  return `<div class="scroll"><table><thead><tr>${heads.map((head) => `<th>${escaped(head)}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function more(count: number, words: Words): string {
  return count > 0 ? `<p>${escaped(words.more(formatCount(count)))}</p>` : '';
}

function figures({ figures: of }: TryResult, words: Words): string {
  if (of === undefined) return '';
  const rows = Object.entries(words.figureNames).map(
    ([name, text]) =>
      `<tr><td>${escaped(text)}</td><td class="n">${shownFigure(of[name as keyof Words['figureNames']])}</td></tr>`,
  );
  return section(
    words.figures,
    `<p>${escaped(words.labelledRows(formatCount(of.labelled), formatCount(of.events)))}</p><table>${rows.join('')}</table>`,
  );
}

function guessTable(result: TryResult, words: Words): string {
  const guesses = guessesOf(result, words);
  const rows = guesses.map(
    ({ role, text }, i) =>
      `<tr><td class="n">${escaped(guesses[i - 1]?.role === role ? '' : role)}</td><td>${escaped(text)}</td></tr>`,
  );
  return `<table>${rows.join('')}</table>`;
}

function badTable({ table, file }: TryResult, words: Words): string {
  if (table.bad === 0) return '';
  const rows = table.badRows.map(
    ({ line, field, value, remedy, fields }) =>
      `<tr><td class="n">${line}</td><td>${escaped(field || words.wholeRow)}</td><td>${escaped(value)}</td><td>${escaped(words.remedies[remedy](fields ?? 0, file.columns.length))}</td></tr>`,
  );
  const heads = [words.line, words.field, words.value, words.remedy];
  return section(
    words.roles.bad,
    `<p>${escaped(words.badOf(formatCount(table.bad), formatCount(table.read)))}</p><div class="scroll"><table><thead><tr>${heads.map((head) => `<th>${escaped(head)}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>${more(table.bad - table.badRows.length, words)}`,
  );
}
