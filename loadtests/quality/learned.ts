import { averagePrecision, rocAuc } from '../../detection/judging/measures.js';
import type { ScoringModel } from '../../detection/scoring.js';
import { openBackend } from '../../lib/tensors.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { median } from '../statistics.js';
import { BREAK_KINDS, type FleetEvent, type FleetOptions, fleet, READINGS } from './fleet-stream.js';
import { disposeOf, scoreStream, trainOn } from './stream.js';
import { type SuiteOptions, type SuiteResult, spread, type Table } from './suite.js';
import { linearTwins, without } from './variants.js';

/**
 * Where learned models add: many entities in several domains, a category, relations between readings that no linear
 * model holds, and entities that the training never saw. One generated fleet (fleet-stream.ts), the same events for
 * each set of detectors.
 */
export const FLEET: Omit<FleetOptions, 'seed'> = { machines: 120, late: 140, learn: 850, test: 160 };
/** what the models learn from; the memory has followed the machines from their beginning */
const LEARNED_EVENTS = 50_400;
/** share of the normal events that may pass where recall is told */
const FALSE_POSITIVES = 0.01;

export const FLEET_PIPELINE: Pipeline = {
  name: 'fleet',
  title: { en: 'Fleet', zh: '机组' },
  topic: 'fleet',
  schemaName: 'fleet',
  schema: undefined,
  entity: 'machine',
  eventId: undefined,
  time: 'time',
  timeZone: { fixed: 'UTC' },
  domain: { field: 'plant' },
  late: 3_600_000,
  ahead: 0,
  context: [],
  features: {
    numbers: READINGS.map((field) => ({ field, sensor: true })),
    categories: ['mode'],
    calendar: false,
    gap: false,
    activity: [],
  },
  detectors: {
    autoencoder: { window: 1, hidden: [48, 12] },
    sequence: { hidden: 32 },
    memory: { size: 'small' },
  },
  smoothing: [1],
  budget: 20,
  quiet: 3_600_000,
};

export interface FleetFigures {
  /** broken events against normal ones */
  readonly auc: number;
  readonly ap: number;
  readonly recall: number;
  /** the same for each kind of fault alone */
  readonly kinds: Readonly<Record<string, number>>;
  /** of machines with fewer than 20 events */
  readonly coldAuc: number;
}

export function fleetFigures(events: readonly FleetEvent[], surprise: Float32Array): FleetFigures {
  const rows = [...events.keys()].filter((row) => !events[row]!.echo);
  const broken = (row: number): boolean => events[row]!.fault !== '';
  const normal = rows.filter((row) => !broken(row));
  const aucOf = (chosen: readonly number[]): number =>
    rocAuc(
      chosen.map((row) => surprise[row]!),
      chosen.map((row) => (broken(row) ? 1 : 0)),
    );
  const sorted = normal.map((row) => surprise[row]!).sort((a, b) => b - a);
  const threshold = sorted[Math.floor(FALSE_POSITIVES * sorted.length)]!;
  const faults = rows.filter(broken);
  return {
    auc: aucOf(rows),
    ap: averagePrecision(
      rows.map((row) => surprise[row]!),
      rows.map((row) => (broken(row) ? 1 : 0)),
    ),
    recall: faults.filter((row) => surprise[row]! > threshold).length / faults.length,
    kinds: Object.fromEntries(
      BREAK_KINDS.map((kind) => [
        kind,
        aucOf([...normal, ...faults.filter((row) => events[row]!.fault === kind)]),
      ]),
    ),
    coldAuc: aucOf(rows.filter((row) => events[row]!.late)),
  };
}

const VARIANTS: readonly (readonly [string, (pipeline: Pipeline) => Pipeline])[] = [
  ['networks and memory', (pipeline) => pipeline],
  ['linear twins and memory', linearTwins],
  ['without the autoencoder', (pipeline) => without(pipeline, 'autoencoder')],
  ['without the sequence model', (pipeline) => without(pipeline, 'sequence')],
  ['networks without the memory', (pipeline) => without(pipeline, 'memory')],
  ['linear twins without the memory', (pipeline) => without(linearTwins(pipeline), 'memory')],
  ['memory alone', (pipeline) => without(pipeline, 'autoencoder', 'sequence')],
];

export async function measured(
  pipeline: Pipeline,
  model: ScoringModel,
  learn: Fed,
  test: Fed,
): Promise<FleetFigures> {
  const surprise = new Float32Array(test.events.length);
  const from = learn.events.length;
  // the scorer has followed the machines since they began, as a deployed one would
  const batches = [learn, test].map((part) => ({ keys: part.keys, events: part.bodies }));
  await scoreStream(pipeline, model, batches, {}, ({ columns, scored }) => {
    for (let row = 0; row < columns.size; row++) {
      const at = columns.offsets[row]! - from;
      if (at >= 0) surprise[at] = scored.surprise[row]!;
    }
  });
  return fleetFigures(test.events, surprise);
}

export interface Fed {
  readonly events: readonly FleetEvent[];
  readonly keys: string[];
  readonly bodies: object[];
}

export const fed = (events: readonly FleetEvent[]): Fed => ({
  events,
  keys: events.map(({ key }) => key),
  bodies: events.map(({ event }) => event),
});

export async function learnedSuite({ seeds, progress }: SuiteOptions): Promise<SuiteResult> {
  const backend = await openBackend('wasm');
  const found = new Map<string, FleetFigures[]>(VARIANTS.map(([name]) => [name, []]));
  for (const seed of seeds) {
    const stream = fleet({ ...FLEET, seed });
    const [learn, test] = [fed(stream.learn), fed(stream.test)];
    progress(`seed ${seed}: ${learn.events.length} events to learn from, ${test.events.length} to judge`);
    for (const [name, vary] of VARIANTS) {
      const pipeline = vary(FLEET_PIPELINE);
      const model = await trainOn(
        pipeline,
        [{ keys: learn.keys.slice(-LEARNED_EVENTS), events: learn.bodies.slice(-LEARNED_EVENTS) }],
        seed,
        backend,
      );
      const figures = await measured(pipeline, model, learn, test);
      disposeOf(model);
      found.get(name)!.push(figures);
      progress(`seed ${seed}, ${name}: ${JSON.stringify(figures)}`);
    }
  }
  const whole: Table = {
    title: `Generated fleet, ${seeds.length} seed(s): median (least – most)`,
    columns: ['', 'AUC', 'AP', 'recall at 1% false positives', 'AUC of new machines'],
    rows: [...found].map(([name, of]) => [
      name,
      ...(['auc', 'ap', 'recall', 'coldAuc'] as const).map((key) => spread(of.map((one) => one[key]))),
    ]),
  };
  const kinds: Table = {
    title: 'AUC by kind of fault: median (least – most)',
    columns: ['', ...VARIANTS.map(([name]) => name)],
    rows: BREAK_KINDS.map((kind) => [
      kind,
      ...[...found.values()].map((of) =>
        spread(
          of.map((one) => one.kinds[kind]!),
          2,
        ),
      ),
    ]),
  };
  const figures = Object.fromEntries(
    [...found].map(([name, of]) => [
      name,
      { auc: median(of.map(({ auc }) => auc)), ap: median(of.map(({ ap }) => ap)) },
    ]),
  );
  return { figures, tables: [whole, kinds] };
}
