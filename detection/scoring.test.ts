import type { Detector, DetectorBatch, StateBlock } from './contract.js';
import { explainRow } from './explain.js';
import { EventColumns } from './features/columns.js';
import { hashString } from './features/hash.js';
import { planFeatures } from './features/plan.js';
import { fitScales } from './features/scaling.js';
import { untrainedPriors } from './judging/fit-judgement.js';
import { untrainedDetectors } from './model/detectors.js';
import { PartitionScorer, type ScoringModel } from './scoring.js';

const plan = planFeatures({
  numbers: [{ field: 'amount', log: true, habit: true, change: true, sensor: true, unit: 'EUR' }],
  categories: ['terminal'],
  calendar: true,
  gap: true,
  activity: [3600, 86_400],
});

/** how far the features lie from the domain's centre; keeps no state but a count */
class Distance implements Detector {
  readonly name = 'distance';
  readonly group = 'joint';
  readonly stateSize = 1;
  broken = false;
  initState(state: StateBlock, slot: number): void {
    state.data[slot * state.stride + state.offset] = 0;
  }
  score(batch: DetectorBatch, state: StateBlock, out: Float32Array): void {
    if (this.broken) throw new Error('the backend is gone');
    for (let row = 0; row < batch.size; row++) {
      const at = batch.slots[row]! * state.stride + state.offset;
      state.data[at] = state.data[at]! + 1;
      let sum = 0;
      for (let f = 0; f < batch.features; f++) sum += batch.x[row * batch.features + f]! ** 2;
      out[row] = sum / batch.features + state.data[at]! * 1e-3;
    }
  }
  explain() {
    return [{ index: 0, space: 'feature' as const, share: 1, expected: 0, direction: 'high' as const }];
  }
  dispose(): void {}
}

function modelOf(distance = new Distance()): ScoringModel {
  const detectors = [distance, ...untrainedDetectors({ memory: { size: 'small' } }, plan)];
  const rows = 200;
  const x = Float32Array.from({ length: rows * plan.features.length }, (_, i) => Math.sin(i * 12.9898) * 2);
  const scales = fitScales(x, rows, plan.features.length, new Int32Array(rows), ['DE']);
  const floats = plan.domainBlocks.reduce((sum, block) => sum + block.size, 0);
  const layout = { detectors: detectors.map(({ name, group }) => ({ name, group })), lambdas: 2 };
  return {
    id: 'test',
    plan,
    scales,
    detectors,
    lambdas: [1, 0.2],
    ordinary: detectors.map(() => 0),
    priors: untrainedPriors(
      layout,
      detectors.map(() => 1),
    ),
    domainState: new Float32Array(2 * floats),
    eventsPerDay: 10_000,
  };
}

const options = { budget: 50, quietSeconds: 600, partitions: 1, maxEntities: 10_000, capacity: 256 };

interface Event {
  entity: string;
  domain: string;
  amount: number;
  terminal: string;
  time: number;
}

/** 3,000 payments of 40 cards, some in a country that the model has not seen, one in 300 a hundred times too large */
function stream(count = 3000): Event[] {
  let state = 12_345;
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: count }, (_, i) => {
    const card = Math.floor(random() * 40);
    return {
      entity: `card-${card}`,
      domain: card % 5 === 0 ? 'FR' : 'DE',
      amount: i % 97 === 3 ? Number.NaN : (20 + card + 10 * random()) * (i % 300 === 299 ? 100 : 1),
      terminal: `t-${Math.floor(random() * 30)}`,
      time: Date.UTC(2024, 2, 30) + i * 20_000 + Math.floor(random() * 5000),
    };
  });
}

function run(
  scorer: PartitionScorer,
  events: readonly Event[],
  cut: (at: number) => number,
  from = 0,
  capacity = options.capacity,
) {
  const columns = new EventColumns(capacity, 1, 1);
  const surprise: number[] = [];
  const flagged: { at: number; alert: boolean; threshold: number }[] = [];
  for (let at = 0; at < events.length; ) {
    const size = Math.min(events.length - at, cut(at));
    for (let row = 0; row < size; row++) {
      const event = events[at + row]!;
      columns.entities[row] = event.entity;
      columns.domains[row] = event.domain;
      columns.zones[row] = event.domain === 'FR' ? 'Europe/Paris' : 'Europe/Berlin';
      columns.times[row] = event.time;
      columns.offsets[row] = from + at + row;
      columns.numbers[0]![row] = event.amount;
      columns.categories[0]![row] = event.terminal;
    }
    columns.size = size;
    const scored = scorer.score(columns);
    for (let row = 0; row < size; row++) surprise.push(scored.surprise[row]!);
    for (const { row, alert, threshold } of scored.flagged)
      flagged.push({ at: from + at + row, alert, threshold });
    at += size;
  }
  return { surprise, flagged };
}

test('where micro-batches are cut changes nothing', () => {
  const events = stream();
  const whole = run(new PartitionScorer(modelOf(), options), events, () => 256);
  const pieces = run(new PartitionScorer(modelOf(), options), events, (at) => 1 + ((at * 7) % 50));
  expect(whole.flagged.length).toBeGreaterThan(5);
  expect(pieces).toEqual(whole);
});

test('a scorer that takes over from a checkpoint goes on as if nothing had happened', () => {
  const events = stream();
  const undisturbed = run(new PartitionScorer(modelOf(), options), events, () => 100);

  const first = new PartitionScorer(modelOf(), options);
  const before = run(first, events.slice(0, 1700), () => 100);
  first.flush();
  const pages = {
    domains: first.parts.domains.takePages(true),
    entities: first.parts.entities.takePages(true, { pageBytes: 2000 }),
  };
  expect(pages.entities.length).toBeGreaterThan(3);
  const second = new PartitionScorer(modelOf(), options);
  for (const page of pages.domains) second.parts.domains.layPage(page);
  for (const page of pages.entities) second.parts.entities.layPage(page);
  second.load(first.budgetState);
  const after = run(second, events.slice(1700), () => 100, 1700);

  expect([...before.surprise, ...after.surprise]).toEqual(undisturbed.surprise);
  expect([...before.flagged, ...after.flagged]).toEqual(undisturbed.flagged);
});

test('only the entities that were touched are in the next change', () => {
  const scorer = new PartitionScorer(modelOf(), options);
  run(scorer, stream(500), () => 100);
  expect(scorer.entities.takeDirty().length).toBe(40);
  const [event] = stream(1);
  run(scorer, [event!], () => 1);
  expect([...scorer.entities.takeDirty()].map((slot) => scorer.entities.keys[slot])).toEqual([event!.entity]);
});

test('a detector that throws is left out and named, and the others score', () => {
  const distance = new Distance();
  const scorer = new PartitionScorer(modelOf(distance), options);
  run(scorer, stream(2000), () => 100);
  distance.broken = true;
  const columns = new EventColumns(options.capacity, 1, 1);
  columns.entities[0] = 'card-1';
  columns.domains[0] = 'DE';
  columns.zones[0] = 'UTC';
  columns.times[0] = Date.UTC(2024, 3, 1);
  columns.numbers[0]![0] = 90_000;
  columns.categories[0]![0] = 't-1';
  columns.size = 1;
  columns.entities[1] = 'card-2';
  columns.domains[1] = 'DE';
  columns.zones[1] = 'UTC';
  columns.times[1] = Date.UTC(2024, 3, 1);
  columns.numbers[0]![1] = 25;
  columns.categories[0]![1] = 't-1';
  columns.size = 2;
  const scored = scorer.score(columns);
  expect(scored.failed).toEqual(['distance']);
  expect(scored.detectorSurprise[0]).toBeNaN();
  expect(scored.detectorSurprise[1]).toBeGreaterThan(0);
  expect(scored.surprise[0]).toBeGreaterThan(scored.surprise[1]! + 0.3);
});

test('reasons speak in the unit of the event', () => {
  const model = modelOf();
  const scorer = new PartitionScorer(model, options);
  run(scorer, stream(2000), () => 100);
  const columns = new EventColumns(options.capacity, 1, 1);
  columns.entities[0] = 'card-1';
  columns.domains[0] = 'DE';
  columns.zones[0] = 'UTC';
  columns.times[0] = Date.UTC(2024, 3, 1);
  columns.numbers[0]![0] = 5000;
  columns.categories[0]![0] = 't-1';
  columns.size = 1;
  const scored = scorer.score(columns);
  const { reasons, detectors } = explainRow(model, scorer, columns, scored, 0, () => 'EUR');
  expect(Object.keys(detectors)).toEqual(['distance', 'memory']);
  expect(reasons[0]).toMatchObject({ field: 'amount', observed: 5000, unit: 'EUR', direction: 'high' });
  expect(reasons.reduce((sum, { share }) => sum + share, 0)).toBeLessThanOrEqual(1 + 1e-9);
});

test('more domains than have state of their own share one, wherever micro-batches are cut', () => {
  const events = stream(1200).map((event, i) => ({ ...event, domain: `place-${(i * 7) % 400}` }));
  const one = run(new PartitionScorer(modelOf(), options), events, () => 1);
  const many = new PartitionScorer(modelOf(), options);
  expect(run(many, events, (at) => 200 + (at % 57)).surprise).toEqual(one.surprise);
  expect(many.domains.evicted).toBe(0);
  // Of a few new ones alone there may be room for some.
  expect(run(new PartitionScorer(modelOf(), options), events, () => 20).surprise).toEqual(one.surprise);
});

test('a first micro-batch may have an event of every domain', () => {
  const events = stream(1200).map((event, i) => ({ ...event, domain: `place-${i}` }));
  const wide = { ...options, capacity: 1200 };
  const scorer = new PartitionScorer(modelOf(), wide);
  expect(run(scorer, events, () => 1200, 0, 1200).surprise).toHaveLength(1200);
});

test.each(['strings', 'bytes'])('a domain that nobody has learned is a reason, from %s', (from) => {
  const model = modelOf();
  const scorer = new PartitionScorer(model, options);
  const settled = stream(2000).map((event) => ({ ...event, terminal: 't' }));
  run(scorer, settled, () => 100);
  const columns = new EventColumns(options.capacity, 1, 1);
  columns.entities[0] = 'card-1';
  columns.numbers[0]![0] = 5000;
  columns.close('XX', 'UTC', Date.UTC(2024, 3, 1), 2000);
  if (from === 'strings') columns.categories[0]![0] = 'XX';
  else {
    columns.hashed = true;
    columns.bytes = Buffer.from('XX');
    columns.hashes[0]![0] = hashString('XX');
    columns.textStarts[0]![0] = 0;
    columns.textEnds[0]![0] = 2;
  }
  const scored = scorer.score(columns);
  const { reasons } = explainRow(model, scorer, columns, scored, 0, () => 'EUR');
  expect(reasons).toContainEqual(expect.objectContaining({ field: 'terminal', direction: 'unusual' }));
});
