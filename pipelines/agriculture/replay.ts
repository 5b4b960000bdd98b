import { join } from 'node:path';
import { columnIndex, readTable } from '../series.js';
import type { EpisodeTruth, EventSource, SourceBatch, TruthMark, UnreviewedTruth } from '../source.js';

/** schemas/water-reading.avsc */
export interface WaterReading {
  id: string;
  time: number;
  site: string;
  watershed: string;
  temperature: number | null;
  conductivity: number | null;
  ph: number | null;
  dissolvedOxygen: number | null;
  turbidity: number | null;
  stage: number | null;
}

export interface AgricultureOptions {
  /** the folder with the series: examples/agriculture-water */
  folder: string;
  /** some of SITES; default all */
  sites?: readonly string[];
  batchSize?: number;
}

const FILES: Readonly<Record<string, string>> = {
  'main-street': 'MainStreet_2019_2020',
  mendon: 'Mendon_2019_2020',
  'tony-grove': 'TonyGrove_2019_2020',
  'water-lab': 'WaterLab_2019_2020',
};
export const SITES: readonly string[] = Object.keys(FILES);

const VARIABLES = [
  ['temperature', 'temp'],
  ['conductivity', 'cond'],
  ['ph', 'ph'],
  ['dissolvedOxygen', 'do'],
  ['turbidity', 'turb'],
  ['stage', 'stage'],
] as const;

/** The stations' clocks are on Mountain Standard Time all year. */
const MST_OFFSET = '-07:00';
/** What the logger writes when it has no value. */
const NO_VALUE = -9999;

/**
 * The readings of four stations on the Logan River, once: 145,567 of them, raw values, in time order. What technicians
 * labelled (any `*_qual` code) becomes the truth: for each variable, each run of labelled rows is an episode. They had
 * gone through 2019 and hardly any of 2020 when the series were published: rows where fewer than half of the variables
 * have a corrected value are told as unreviewed.
 */
export function agricultureSource(options: AgricultureOptions): EventSource<WaterReading> {
  const { folder, sites = SITES, batchSize = 1_000 } = options;
  const unknown = sites.filter((site) => !(site in FILES));
  if (unknown.length > 0)
    throw new RangeError(`agriculture: sites names ${unknown.join(', ')}; there are ${SITES.join(', ')}`);
  const stations = sites.map((site) => readStation(folder, site));
  const events = stations
    .flatMap((station) => station.readings)
    .sort((a, b) => a.time - b.time || (a.site < b.site ? -1 : 1));
  const spans = stations.flatMap((station) => station.spans);
  return {
    pipeline: 'agriculture',
    schemaName: 'water-reading',
    total: events.length,
    *batches(position = 0): Generator<SourceBatch<WaterReading>> {
      const toTell = new Map(sites.map((site) => [site, spans.filter((span) => span.entity === site)]));
      for (let at = position; at < events.length; at += batchSize) {
        const part = events.slice(at, at + batchSize);
        yield {
          position: at,
          keys: part.map((event) => event.site),
          events: part,
          times: part.map((event) => event.time),
          truth: part.flatMap((event, index) => tell(toTell.get(event.site)!, event.time, index)),
        };
      }
    },
  };
}

type Span = EpisodeTruth | UnreviewedTruth;

/** Takes the spans that have begun off the list (by their beginning), without those that are over. */
function tell(spans: Span[], time: number, index: number): TruthMark[] {
  let begun = 0;
  while (begun < spans.length && spans[begun]!.from <= time) begun++;
  return spans
    .splice(0, begun)
    .filter((span) => span.to >= time)
    .map((record) => ({ index, record }));
}

interface Station {
  readings: WaterReading[];
  /** by their beginning */
  spans: Span[];
}

function readStation(folder: string, site: string): Station {
  const path = join(folder, `${FILES[site]}.csv.gz`);
  const table = readTable(path);
  const clock = columnIndex(table, 'datetime', path);
  const readings = table.rows.map((row, i): WaterReading => {
    const local = row[clock]!;
    const time = Date.parse(`${local.replace(' ', 'T')}${MST_OFFSET}`);
    if (Number.isNaN(time))
      throw new Error(`${path}, line ${i + 2}: datetime is '${local}', not YYYY-MM-DD hh:mm:ss`);
    return {
      id: `${site}:${local.slice(0, 16).replace(' ', 'T')}`,
      time,
      site,
      watershed: 'logan-river',
      temperature: null,
      conductivity: null,
      ph: null,
      dissolvedOxygen: null,
      turbidity: null,
      stage: null,
    };
  });
  const spans: Span[] = [];
  const corrected = new Uint8Array(readings.length);
  for (const [field, column] of VARIABLES) {
    const values = columnIndex(table, column, path);
    const corrections = columnIndex(table, `${column}_cor`, path);
    const codes = columnIndex(table, `${column}_qual`, path);
    table.rows.forEach((row, i) => {
      readings[i]![field] = numberOrMissing(row[values]!, column, path, i);
      if (row[corrections] !== '') corrected[i]!++;
    });
    const rowCodes = table.rows.map((row) => row[codes]!);
    for (const { first, last } of runs(rowCodes, (code) => code !== '')) {
      const kinds = new Set(rowCodes.slice(first, last + 1).map(Number));
      const kind = `labelled ${[...kinds].sort((a, b) => a - b).join('+')}`;
      spans.push({ type: 'episode', ...spanOf(readings, first, last), kind, field });
    }
  }
  for (const { first, last } of runs(corrected, (count) => count < VARIABLES.length / 2)) {
    spans.push({ type: 'unreviewed', ...spanOf(readings, first, last) });
  }
  return { readings, spans: spans.sort((a, b) => a.from - b.from) };
}

function spanOf(readings: readonly WaterReading[], first: number, last: number) {
  return {
    pipeline: 'agriculture',
    entity: readings[first]!.site,
    from: readings[first]!.time,
    to: readings[last]!.time,
  };
}

function numberOrMissing(text: string, column: string, path: string, row: number): number | null {
  if (text === '') return null;
  const value = Number(text);
  if (!Number.isFinite(value))
    throw new Error(`${path}, line ${row + 2}: ${column} is '${text}', not a number`);
  return value === NO_VALUE ? null : value;
}

/** Each run of neighbouring values for which `holds` is true. */
export function runs<T>(
  values: ArrayLike<T>,
  holds: (value: T) => boolean,
): { first: number; last: number }[] {
  const found: { first: number; last: number }[] = [];
  for (let i = 0; i < values.length; i++) {
    if (!holds(values[i]!)) continue;
    const first = i;
    while (i + 1 < values.length && holds(values[i + 1]!)) i++;
    found.push({ first, last: i });
  }
  return found;
}
