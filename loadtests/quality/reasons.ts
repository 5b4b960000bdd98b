import { join } from 'node:path';
import { explainRow } from '../../detection/explain.js';
import type { ScoringModel } from '../../detection/scoring.js';
import { packageRoot } from '../../lib/paths.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { type KindFigures, PlantedTally } from './planted.js';
import { type PlantedStream, plantedPayments, plantedPlant, plantedWater } from './planted-streams.js';
import { disposeOf, scoreStream, shippedModel, shippedPipeline } from './stream.js';
import type { SuiteOptions, SuiteResult, Table } from './suite.js';

/**
 * Faults planted in known fields of streams that nobody trained on, through the shipped pipelines and models at their
 * own settings but for the budget: which become a risk, how soon, and whether the first reason of that risk names the planted field.
 * The stream is scored without the faults as well: an event that is a risk anyway is none because of its fault.
 */
export const WATER_LEARNED = 72_784;
const PLANT_EVENTS = 30_000;
/** Faults are planted far more often than the shipped budgets foresee (14, 1 and 50 a day): these leave room for them. */
export const PLANTED_BUDGETS: Readonly<Record<string, number>> = {
  production: 40,
  agriculture: 4,
  transactions: 100,
};
const CUSTOMERS = 2_000;
const DAYS = 30;

export async function plantedTally(
  pipeline: Pipeline,
  model: ScoringModel,
  stream: PlantedStream,
): Promise<{ tally: PlantedTally; risks: number }> {
  const keys = stream.events.map(({ key }) => key);
  const options = { budget: PLANTED_BUDGETS[pipeline.name] };
  const anyway = new Set<number>();
  await scoreStream(pipeline, model, [{ keys, events: stream.untouched }], options, ({ columns, scored }) => {
    for (const { row } of scored.flagged) anyway.add(columns.offsets[row]!);
  });
  const tally = new PlantedTally(stream.planted, anyway);
  let risks = 0;
  await scoreStream(
    pipeline,
    model,
    [{ keys, events: stream.events.map(({ event }) => event) }],
    options,
    ({ columns, scored, scorer }) => {
      for (const { row } of scored.flagged) {
        risks++;
        tally.risk(columns.offsets[row]!, () => {
          const { reasons } = explainRow(model, scorer, columns, scored, row, () => '');
          return reasons[0]?.field || reasons[0]?.feature || '';
        });
      }
    },
  );
  return { tally, risks };
}

export function kindRows(tallies: readonly PlantedTally[]): (string | number)[][] {
  const kinds = [...new Set(tallies.flatMap((tally) => [...tally.byKind().keys()]))];
  return kinds.map((kind) => {
    const of = tallies.flatMap((tally) => tally.byKind().get(kind) ?? []);
    const sum = (key: keyof KindFigures): number => of.reduce((total, one) => total + one[key], 0);
    const delays = of.map((one) => one.medianDelay).filter((delay) => !Number.isNaN(delay));
    const delay = delays.sort((a, b) => a - b)[delays.length >> 1];
    return [
      kind,
      sum('planted'),
      sum('found') / sum('planted'),
      delay ?? '–',
      sum('found') === 0 ? '–' : sum('right') / sum('found'),
    ];
  });
}

export async function reasonsSuite({ seeds, data, progress }: SuiteOptions): Promise<SuiteResult> {
  const examples = data ?? join(packageRoot(), 'examples');
  const streams: Record<string, (seed: number) => Promise<PlantedStream>> = {
    production: (seed) => plantedPlant(join(examples, 'production-tep'), seed, PLANT_EVENTS),
    agriculture: (seed) => plantedWater(join(examples, 'agriculture-water'), seed, WATER_LEARNED),
    transactions: (seed) => plantedPayments(seed, CUSTOMERS, DAYS),
  };
  const tables: Table[] = [];
  const figures: Record<string, { found: number; right: number }> = {};
  for (const [name, make] of Object.entries(streams)) {
    const shipped = await shippedPipeline(name);
    const model = await shippedModel(shipped);
    const tallies: PlantedTally[] = [];
    for (const seed of seeds) {
      const { tally, risks } = await plantedTally(shipped.pipeline, model, await make(seed));
      progress(`${name}, seed ${seed}: ${tally.planted.length} faults planted, ${risks} risks`);
      tallies.push(tally);
    }
    disposeOf(model);
    const kinds = tallies.flatMap((tally) => [...tally.byKind().values()]);
    const sum = (key: keyof KindFigures): number => kinds.reduce((total, one) => total + one[key], 0);
    figures[name] = { found: sum('found') / sum('planted'), right: sum('right') / sum('found') };
    tables.push({
      title: `${name}: planted faults`,
      columns: ['kind', 'planted', 'became a risk', 'median delay', 'first reason right'],
      rows: [...kindRows(tallies), ['all', sum('planted'), figures[name].found, '', figures[name].right]],
    });
  }
  return { figures, tables };
}
