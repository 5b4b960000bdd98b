import { join } from 'node:path';
import { agricultureSource } from '../../pipelines/agriculture/replay.js';
import { productionSource } from '../../pipelines/production/replay.js';
import { type EventSource, skip, take } from '../../pipelines/source.js';
import { transactionsSource } from '../../pipelines/transactions/generator.js';

export interface SourceOptions {
  /** the folder with the recorded series: the package's examples/ */
  examplesDir: string;
  seed?: number;
  /** the first day of generated and replayed streams, YYYY-MM-DD; recorded times of agriculture stay as they are */
  start?: string;
  /** the shipped models learned from `training`, and what they learned from never comes in `live`; default live */
  stretch?: 'live' | 'training';
  /** of `training`: how many events, when it is to be another number than the shipped models learned from */
  trainingEvents?: number;
  /** transactions: the world of the Fraud Detection Handbook, unchanged */
  plain?: boolean;
  customers?: number;
  terminals?: number;
  days?: number;
}

/** Events at the beginning of a stream that the shipped models learned from: ten days of payments, half a year of water. */
const TRAINING_EVENTS = { transactions: 800_000, agriculture: 72_784, production: 2_880 };

function stretchOf(
  source: EventSource,
  events: number,
  { stretch, trainingEvents: asked }: Pick<SourceOptions, 'stretch' | 'trainingEvents'>,
): EventSource {
  return stretch === 'training' ? take(source, asked ?? events) : skip(source, events);
}

/** The source of each pipeline that ships with one. */
const SOURCES: Readonly<Record<string, (options: SourceOptions) => EventSource>> = {
  transactions: ({ seed, start, plain, customers, terminals, days, ...learned }) => {
    const source = transactionsSource({ seed, start, plain, customers, terminals, days });
    // No shipped model has learned from the book's world, and it is compared as a whole.
    return plain ? source : stretchOf(source, TRAINING_EVENTS.transactions, learned);
  },
  // Its normal rows are too few to be told apart by position: training and live campaigns draw on different ones.
  production: ({ examplesDir, seed, start, stretch, trainingEvents }) => {
    const folder = join(examplesDir, 'production-tep');
    return stretch === 'training'
      ? take(
          productionSource({ folder, seed, start, rows: 'training', lines: 2 }),
          trainingEvents ?? TRAINING_EVENTS.production,
        )
      : productionSource({ folder, seed, start });
  },
  agriculture: ({ examplesDir, ...learned }) =>
    stretchOf(
      agricultureSource({ folder: join(examplesDir, 'agriculture-water') }),
      TRAINING_EVENTS.agriculture,
      learned,
    ),
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
