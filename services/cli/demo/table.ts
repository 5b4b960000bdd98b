import { columnsOf, fitTo, formatCount, formatLatency, formatSeconds, withoutColours } from '../format.js';
import {
  type Addresses,
  type IncidentLine,
  type PipelineFigures,
  type Snapshot,
  totals,
} from './snapshot.js';
import type { Words } from './words.js';

export type Style = (kind: 'title' | 'dim' | 'head' | 'good' | 'warn' | 'bad', text: string) => string;

const CODES = { title: '1;36', dim: '2', head: '1', good: '32', warn: '33', bad: '31' } as const;
export const coloured: Style = (kind, text) => `\u001b[${CODES[kind]}m${text}\u001b[0m`;
export const plain: Style = (_kind, text) => text;

interface Column {
  readonly title: keyof Words;
  readonly width: number;
  readonly of: (figures: PipelineFigures) => string;
  readonly ofAll: (all: ReturnType<typeof totals>) => string;
  /** left out where the terminal is narrow */
  readonly detail?: boolean;
}

const COLUMNS: readonly Column[] = [
  { title: 'events', width: 12, of: (p) => formatCount(p.events), ofAll: (all) => formatCount(all.events) },
  {
    title: 'perSecond',
    width: 11,
    of: (p) => formatCount(p.perSecond),
    ofAll: (all) => formatCount(all.perSecond),
  },
  { title: 'lag', width: 8, of: (p) => formatCount(p.lag), ofAll: (all) => formatCount(all.lag) },
  { title: 'p50', width: 9, of: (p) => formatLatency(p.p50), ofAll: () => '', detail: true },
  { title: 'p99', width: 9, of: (p) => formatLatency(p.p99), ofAll: () => '', detail: true },
  { title: 'risks', width: 8, of: (p) => formatCount(p.risks), ofAll: (all) => formatCount(all.risks) },
  {
    title: 'incidents',
    width: 11,
    of: (p) => formatCount(p.incidents),
    ofAll: (all) => formatCount(all.incidents),
  },
  {
    title: 'deadLetters',
    width: 14,
    of: (p) => formatCount(p.deadLetters),
    ofAll: (all) => formatCount(all.deadLetters),
  },
];
const NAME_WIDTH = 17;
const WIDE = NAME_WIDTH + COLUMNS.reduce((sum, { width }) => sum + width, 0);

/** The demo's screen as lines no wider than `width`. */
export function renderTable(
  now: Snapshot,
  addresses: Addresses,
  words: Words,
  width: number,
  style: Style = coloured,
): string[] {
  return [
    headline(now, words, style),
    '',
    ...figureLines(now, words, width, style),
    '',
    ...serviceLines(now, words, style, width),
    '',
    style('head', words.newest),
    ...incidentLines(now.incidents, words, style, width),
    '',
    ...addressLines(addresses, words, style),
  ];
}

function headline(now: Snapshot, words: Words, style: Style): string {
  const parts = [formatSeconds(now.elapsedSeconds), words[now.phase]];
  if (now.remainingSeconds !== undefined && now.phase !== 'settling')
    parts.push(`${formatSeconds(now.remainingSeconds)} ${words.left}`);
  if (now.backend) parts.push(`${words.models} ${now.backend}`);
  return `${style('title', words.title)}  ${parts.join(' · ')}`;
}

function figureLines(now: Snapshot, words: Words, width: number, style: Style): string[] {
  const columns = COLUMNS.filter(({ detail }) => width >= WIDE || !detail);
  const row = (name: string, cell: (column: Column) => string) =>
    fitTo(name, NAME_WIDTH) + columns.map((column) => right(cell(column), column.width)).join('');
  const all = totals(now.pipelines);
  return [
    style(
      'head',
      row(words.pipeline, ({ title }) => words[title]),
    ),
    ...now.pipelines.map((figures) => row(figures.title, (column) => column.of(figures))),
    style(
      'head',
      row(words.all, (column) => column.ofAll(all)),
    ),
  ];
}

function right(text: string, width: number): string {
  return ' '.repeat(Math.max(1, width - columnsOf(text))) + text;
}

function serviceLines(now: Snapshot, words: Words, style: Style, width: number): string[] {
  const { succeeded, failed, pending } = now.deliveries;
  const colour = { closed: 'good', 'half-open': 'warn', open: 'bad' } as const;
  const breakers = now.breakers.map(
    ({ endpoint, state }) => `${words.breaker} ${endpoint} ${style(colour[state], state)}`,
  );
  const lines = [
    `${words.sink}    ${words.risksInClickHouse} ${formatCount(now.clickhouseRisks)}, ${words.waiting} ${formatCount(now.sinkLag)}`,
    `${words.alerts}  ${words.deliveries} ${formatCount(succeeded)} ${words.succeeded}, ${formatCount(failed)} ${words.failed}, ${formatCount(pending)} ${words.pending}; ${words.verified} ${formatCount(now.verified)}`,
  ];
  if (breakers.length > 0) lines.push(`        ${breakers.join(', ')}`);
  return lines.map((line) => cut(line, width));
}

function incidentLines(
  incidents: readonly IncidentLine[],
  words: Words,
  style: Style,
  width: number,
): string[] {
  if (incidents.length === 0) return [style('dim', `  ${words.none}`)];
  return incidents.map(({ openedAt, timeZone, severity, pipeline, entity, sentence }) => {
    const kind =
      severity === 'critical' || severity === 'high' ? 'bad' : severity === 'medium' ? 'warn' : 'dim';
    const start = `  ${fitTo(localTime(openedAt, timeZone), 12)} `;
    const subject = `${fitTo(severity, 9)}${pipeline} ${entity}: `;
    const room = width - columnsOf(start) - columnsOf(subject);
    return `${start}${style(kind, fitTo(severity, 9))}${pipeline} ${entity}: ${room > 1 ? fitTo(sentence, room).trimEnd() : ''}`;
  });
}

/** The event's own clock: month, day, hour and minute where it happened. */
function localTime(at: number, timeZone: string): string {
  const options = {
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  } as const;
  const parts = new Intl.DateTimeFormat('en-GB', { ...options, timeZone }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes) =>
    parts.find((candidate) => candidate.type === type)?.value ?? '';
  return `${part('month')}-${part('day')} ${part('hour')}:${part('minute')}`;
}

/** Not cut to the width: they are there to be copied. */
export function addressLines(
  { api, apiKey, clickhouse, database, folder }: Addresses,
  words: Words,
  style: Style = coloured,
): string[] {
  const sql = `SELECT pipeline, count() FROM ${database}.risks FINAL GROUP BY 1`;
  const line = (name: string, text: string) => `${style('dim', fitTo(name, 16))}${text}`;
  return [
    line(words.open, `${api}/docs`),
    line(words.key, apiKey),
    line(words.sql, `curl ${clickhouse} -d "${sql}"`),
    line(words.logs, folder),
    line(words.stop, words.stopHow),
  ];
}

/** Shortens a line that may hold colours; one that is too wide loses them. */
function cut(line: string, width: number): string {
  const bare = withoutColours(line);
  return columnsOf(bare) <= width ? line : fitTo(bare, width);
}

/** One line for logs and pipes, every few seconds. */
export function renderLine(now: Snapshot, words: Words): string {
  const all = totals(now.pipelines);
  const parts = [
    `${formatCount(all.events)} ${words.events}`,
    `${formatCount(all.perSecond)} ${words.perSecond}`,
    `${words.lag} ${formatCount(all.lag)}`,
    `${formatCount(all.risks)} ${words.risks}`,
    `${formatCount(all.incidents)} ${words.incidents}`,
    `${formatCount(now.deliveries.succeeded)} ${words.deliveries}`,
    `${formatCount(all.deadLetters)} ${words.deadLetters}`,
  ];
  return `${formatSeconds(now.elapsedSeconds)}  ${parts.join(', ')}  (${words[now.phase]})`;
}
