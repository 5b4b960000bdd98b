import { join } from 'node:path';
import { columnIndex, readTable } from '../series.js';
import type { EpisodeTruth, EventSource, SourceBatch, TruthMark } from '../source.js';

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
 * The readings of four stations on the Logan River, once: 145,567 raw values in time order. What technicians labelled
 * (any `*_qual` code) becomes the truth: for each variable, each run of labelled rows is an episode.
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
  const episodes = new Map(stations.flatMap((station) => [...station.episodes]));
  return {
    pipeline: 'agriculture',
    schemaName: 'water-reading',
    total: events.length,
    *batches(position = 0): Generator<SourceBatch<WaterReading>> {
      for (let at = position; at < events.length; at += batchSize) {
        const part = events.slice(at, at + batchSize);
        yield {
          position: at,
          keys: part.map((event) => event.site),
          events: part,
          times: part.map((event) => event.time),
          truth: part.flatMap((event, index): TruthMark[] =>
            (episodes.get(event.id) ?? []).map((record) => ({ index, record })),
          ),
        };
      }
    },
  };
}

interface Station {
  readings: WaterReading[];
  /** by the id of the reading with which they begin */
  episodes: Map<string, EpisodeTruth[]>;
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
  const episodes = new Map<string, EpisodeTruth[]>();
  for (const [field, column] of VARIABLES) {
    const values = columnIndex(table, column, path);
    const codes = columnIndex(table, `${column}_qual`, path);
    for (let i = 0; i < readings.length; i++)
      readings[i]![field] = numberOrMissing(table.rows[i]![values]!, column, path, i);
    for (const episode of episodesOf(
      table.rows.map((row) => row[codes]!),
      readings,
      field,
    )) {
      const first = readings[episode.index]!.id;
      episodes.set(first, [...(episodes.get(first) ?? []), episode.record as EpisodeTruth]);
    }
  }
  return { readings, episodes };
}

function numberOrMissing(text: string, column: string, path: string, row: number): number | null {
  if (text === '') return null;
  const value = Number(text);
  if (!Number.isFinite(value))
    throw new Error(`${path}, line ${row + 2}: ${column} is '${text}', not a number`);
  return value === NO_VALUE ? null : value;
}

/** Each run of rows with a code; its kind names the codes in it. */
export function episodesOf(
  codes: readonly string[],
  readings: readonly { site: string; time: number }[],
  field: string,
): TruthMark[] {
  const found: TruthMark[] = [];
  for (let i = 0; i < codes.length; i++) {
    if (codes[i] === '') continue;
    const first = i;
    const kinds = new Set<number>();
    for (; i < codes.length && codes[i] !== ''; i++) kinds.add(Number(codes[i]));
    found.push({
      index: first,
      record: {
        type: 'episode',
        pipeline: 'agriculture',
        entity: readings[first]!.site,
        from: readings[first]!.time,
        to: readings[i - 1]!.time,
        kind: `labelled ${[...kinds].sort((a, b) => a - b).join('+')}`,
        field,
      },
    });
  }
  return found;
}
