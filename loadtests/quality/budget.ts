import { join } from 'node:path';
import { AlertBudget } from '../../detection/judging/budget.js';
import type { ScoringModel } from '../../detection/scoring.js';
import { packageRoot } from '../../lib/paths.js';
import { agricultureSource } from '../../pipelines/agriculture/replay.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { type EventSource, skip } from '../../pipelines/source.js';
import { transactionsSource } from '../../pipelines/transactions/generator.js';
import { generatedPlant } from './generated-plant.js';
import { WATER_LEARNED } from './reasons.js';
import { type Batches, disposeOf, scoreStream, shippedModel, shippedPipeline } from './stream.js';
import type { SuiteOptions, SuiteResult } from './suite.js';

/**
 * A user says "about N alerts a day": how many come on normal data that no model has seen, through whole partition
 * scorers. A stream is scored once; since a decision changes no score, each budget is then decided over the same
 * surprises, by the same code. The first fifth of the stream's time is left for settling in.
 */
const BUDGETS = [1, 4, 20, 100, 1000];
const SETTLING = 0.2;
/** a budget is asked of a stream that could give several times as many alerts, quiet periods considered */
const ROOM = 5;
const DAY = 86_400;
const TOLERANCE = 0.25;

export interface NormalStream {
  readonly title: string;
  readonly pipeline: string;
  readonly partitions: number;
  readonly batches: Batches;
}

/** Events that the truth calls good, batch by batch. */
export async function* withoutBad(source: EventSource) {
  const until = new Map<string, number>();
  for await (const batch of source.batches()) {
    const bad = new Set<number>();
    for (const { index, record } of batch.truth) {
      if (record.type === 'event') bad.add(index);
      if (record.type === 'episode')
        until.set(record.entity, Math.max(until.get(record.entity) ?? 0, record.to));
    }
    const kept = batch.keys.flatMap((key, i) =>
      bad.has(i) || batch.times[i]! <= (until.get(key) ?? 0) ? [] : [i],
    );
    yield { keys: kept.map((i) => batch.keys[i]!), events: kept.map((i) => batch.events[i]!) };
  }
}

export function normalStreams(examples: string, seed: number): NormalStream[] {
  const folder = join(examples, 'production-tep');
  const plant = (lines: number, days: number) => generatedPlant({ folder, seed: seed + 10, lines, days });
  const payments = (customers: number, days: number) =>
    withoutBad(transactionsSource({ seed: seed + 10, customers, terminals: 2 * customers, days }));
  const water = agricultureSource({ folder: join(examples, 'agriculture-water') });
  return [
    {
      title: 'payments of 2,000 cards, 100 days',
      pipeline: 'transactions',
      partitions: 1,
      batches: payments(2000, 100),
    },
    {
      title: 'payments of 20,000 cards, 10 days',
      pipeline: 'transactions',
      partitions: 4,
      batches: payments(20_000, 10),
    },
    { title: '12 lines of a plant, 60 days', pipeline: 'production', partitions: 1, batches: plant(4, 60) },
    { title: '120 lines of a plant, 6 days', pipeline: 'production', partitions: 4, batches: plant(40, 6) },
    {
      title: '4 water stations, their second half',
      pipeline: 'agriculture',
      partitions: 1,
      batches: withoutBad(skip(water, WATER_LEARNED)),
    },
  ];
}

interface Judged {
  readonly surprises: number[];
  readonly times: number[];
  readonly entities: number[];
  readonly partitions: number[];
  readonly count: number;
}

/** Scores a stream at the pipeline's own budget; gives what every budget decides on, and the alerts at this one. */
export async function judgeStream(
  pipeline: Pipeline,
  model: ScoringModel,
  stream: Pick<NormalStream, 'partitions' | 'batches'>,
): Promise<{ judged: Judged; alerts: number }> {
  const surprises: number[] = [];
  const times: number[] = [];
  const entities: number[] = [];
  const partitions: number[] = [];
  const numbers = new Map<string, number>();
  let alerts = 0;
  const { partitions: count } = stream;
  await scoreStream(pipeline, model, stream.batches, { partitions: count }, (batch) => {
    const { columns, scored, partition } = batch;
    for (let row = 0; row < columns.size; row++) {
      const key = columns.entities[row]!;
      const number = numbers.get(key) ?? numbers.size;
      numbers.set(key, number);
      surprises.push(scored.surprise[row]!);
      times.push(columns.times[row]! / 1000);
      entities.push(number);
      partitions.push(partition);
    }
    for (const { alert } of scored.flagged) if (alert) alerts++;
  });
  return { judged: { surprises, times, entities, partitions, count: numbers.size }, alerts };
}

export interface Alerts {
  readonly all: number;
  /** after the settling */
  readonly perDay: number;
  readonly days: number;
}

/** Alerts at a budget. Days in which the stream was silent for longer than a day aren't counted. */
export function alertsAt(
  budget: number,
  pipeline: Pipeline,
  model: ScoringModel,
  partitions: number,
  judged: Judged,
): Alerts {
  const budgets = Array.from(
    { length: partitions },
    () =>
      new AlertBudget({
        alertsPerDay: budget / partitions,
        quietSeconds: pipeline.quiet / 1000,
        eventsPerDay: model.eventsPerDay / partitions,
      }),
  );
  const size = budgets[0]!.stateSize;
  const state = { data: new Float32Array(judged.count * size), stride: size, offset: 0 };
  for (let slot = 0; slot < judged.count; slot++) budgets[0]!.initState(state, slot);
  const { from, to } = spanOf(judged.times);
  const settled = from + SETTLING * (to - from);
  let all = 0;
  let counted = 0;
  judged.surprises.forEach((surprise, row) => {
    const time = judged.times[row]!;
    const decision = budgets[judged.partitions[row]!]!.decide(surprise, time, state, judged.entities[row]!);
    if (decision !== 'alert') return;
    all++;
    if (time >= settled) counted++;
  });
  const days = (to - settled - silence(judged.times, settled)) / DAY;
  return { all, perDay: counted / days, days };
}

/** Seconds after `from` without an event for longer than a day: where bad rows were all that there was. */
function silence(times: readonly number[], from: number): number {
  let silent = 0;
  let before = from;
  for (const time of Float64Array.from(times).sort()) {
    if (time - before > DAY) silent += time - before;
    before = Math.max(before, time);
  }
  return silent;
}

/** How far alerts that come about so often on average vary by chance: 95% of Poisson counts, a day. */
export function byChance(budget: number, days: number): { least: number; most: number } {
  const mean = budget * days;
  let probability = Math.exp(-mean);
  let below = 0;
  let least = -1;
  for (let count = 0; ; count++) {
    below += probability;
    if (least < 0 && below > 0.025) least = count;
    if (below >= 0.975) return { least: Math.max(0, least) / days, most: count / days };
    probability *= mean / (count + 1);
  }
}

function spanOf(times: readonly number[]): { from: number; to: number } {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const time of times) {
    from = Math.min(from, time);
    to = Math.max(to, time);
  }
  return { from, to };
}

/** alerts a day that the stream could give at most: every entity at every end of its quiet period, while it has events */
function mostAlerts(judged: Judged, quietSeconds: number): number {
  const { from, to } = spanOf(judged.times);
  const slots = new Set<string>();
  judged.times.forEach((time, row) => {
    slots.add(`${judged.entities[row]} ${Math.floor(time / quietSeconds)}`);
  });
  return (slots.size * DAY) / (to - from);
}

export async function budgetSuite({ data, seeds, progress }: SuiteOptions): Promise<SuiteResult> {
  const examples = data ?? join(packageRoot(), 'examples');
  const rows: (string | number)[][] = [];
  const cells: { ratio: number; noisy: boolean }[] = [];
  for (const stream of seeds.flatMap((seed) => normalStreams(examples, seed))) {
    const shipped = await shippedPipeline(stream.pipeline);
    const { pipeline } = shipped;
    const model = await shippedModel(shipped);
    const { judged, alerts } = await judgeStream(pipeline, model, stream);
    const own = alertsAt(pipeline.budget, pipeline, model, stream.partitions, judged);
    if (own.all !== alerts)
      throw new Error(`${stream.title}: ${own.all} alerts decided again, ${alerts} by the scorer`);
    const most = mostAlerts(judged, pipeline.quiet / 1000);
    const row = BUDGETS.map((budget) => {
      if (budget * ROOM > most) return '–';
      const { perDay, days } = alertsAt(budget, pipeline, model, stream.partitions, judged);
      // from about 61 alerts on, chance alone stays within the quarter
      const noisy = budget * days < 61;
      cells.push({ ratio: perDay / budget, noisy });
      if (!noisy) return perDay.toPrecision(3);
      const chance = byChance(budget, days);
      return `${perDay.toPrecision(3)} (chance ${chance.least.toPrecision(2)}–${chance.most.toPrecision(2)})`;
    });
    rows.push([stream.title, judged.surprises.length, ...row]);
    progress(`${stream.title}: ${rows.at(-1)!.slice(1).join(' ')}`);
    disposeOf(model);
  }
  const within = (some: typeof cells): number =>
    some.filter(({ ratio }) => Math.abs(ratio - 1) <= TOLERANCE).length;
  const clear = cells.filter(({ noisy }) => !noisy);
  const ratios = cells.map(({ ratio }) => ratio);
  return {
    figures: {
      kept: within(cells),
      of: cells.length,
      beyondNoise: { kept: within(clear), of: clear.length },
      least: Math.min(...ratios),
      most: Math.max(...ratios),
    },
    tables: [
      {
        title:
          'Alerts a day on unseen normal data, by budget (–: the stream has not so many quiet periods; chance: 95% of what a mean as asked for gives)',
        columns: ['', 'events', ...BUDGETS.map((budget) => `${budget} a day`)],
        rows,
      },
    ],
  };
}
