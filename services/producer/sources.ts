import { join } from 'node:path';
import { agricultureSource } from '../../pipelines/agriculture/replay.js';
import { productionSource } from '../../pipelines/production/replay.js';
import type { EventSource } from '../../pipelines/source.js';
import { transactionsSource } from '../../pipelines/transactions/generator.js';

export interface SourceOptions {
  /** the folder with the recorded series: the package's examples/ */
  examplesDir: string;
  seed?: number;
  /** the first day of generated and replayed streams, YYYY-MM-DD; recorded times of agriculture stay as they are */
  start?: string;
  /** which normal rows the plants run: those of training are never met in the live stream */
  rows?: 'live' | 'training';
  /** transactions: the world of the Fraud Detection Handbook, unchanged */
  plain?: boolean;
  customers?: number;
  terminals?: number;
  days?: number;
}

/** The source of each pipeline that ships with one. */
const SOURCES: Readonly<Record<string, (options: SourceOptions) => EventSource>> = {
  transactions: ({ seed, start, plain, customers, terminals, days }) =>
    transactionsSource({ seed, start, plain, customers, terminals, days }),
  production: ({ examplesDir, seed, start, rows }) =>
    productionSource({ folder: join(examplesDir, 'production-tep'), seed, start, rows }),
  agriculture: ({ examplesDir }) => agricultureSource({ folder: join(examplesDir, 'agriculture-water') }),
};

export const STREAMS: readonly string[] = Object.keys(SOURCES);

export function sourceOf(pipeline: string, options: SourceOptions): EventSource {
  const make = SOURCES[pipeline];
  if (!make) {
    throw new RangeError(
      `there is no stream of events for the pipeline '${pipeline}'; there is one for ${STREAMS.join(', ')}`,
    );
  }
  return make(options);
}
