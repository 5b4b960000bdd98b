import { join } from 'node:path';
import type { EpisodeTruth, SourceBatch } from '../source.js';
import { type PlantReading, type ProductionOptions, productionSource } from './replay.js';
import { FAULT_ROW, INTERVAL_MS, SeriesFolder, testSeriesOf, VARIABLES } from './series.js';

const folder = join(__dirname, '../../examples/production-tep');

function collect(count: number, options: Partial<ProductionOptions> = {}, position = 0) {
  const events: PlantReading[] = [];
  const truth: { index: number; record: EpisodeTruth }[] = [];
  for (const batch of productionSource({ folder, ...options }).batches(position) as Iterable<
    SourceBatch<PlantReading>
  >) {
    for (const mark of batch.truth)
      truth.push({ index: events.length + mark.index, record: mark.record as EpisodeTruth });
    events.push(...batch.events);
    if (events.length >= count) break;
  }
  return { events: events.slice(0, count), truth };
}

const readingsOf = (events: readonly PlantReading[]) => {
  const units = new Map<string, PlantReading[]>();
  for (const event of events) {
    const known = units.get(event.unit);
    if (known) known.push(event);
    else units.set(event.unit, [event]);
  }
  return units;
};
const valuesOf = (event: PlantReading) => VARIABLES.map((variable) => event[variable] as number);

describe('productionSource', () => {
  it('gives the same stream for the same seed and another for another', () => {
    expect(collect(3_000)).toEqual(collect(3_000));
    expect(collect(3_000, { seed: 1 }).events).not.toEqual(collect(3_000).events);
  });

  it('can be taken up at any position', () => {
    const all = collect(9_000).events;
    expect(collect(500, {}, 8_123).events).toEqual(all.slice(8_123, 8_623));
  });

  it('gives each unit a reading every 3 minutes, all in time order', () => {
    const { events } = collect(12_000);
    expect(events.filter((event, i) => i > 0 && event.time < events[i - 1]!.time)).toEqual([]);
    for (const readings of readingsOf(events).values()) {
      const steps = new Set(readings.slice(1).map((reading, i) => reading.time - readings[i]!.time));
      if (readings.length > 1) expect([...steps]).toEqual([INTERVAL_MS]);
    }
    expect(new Date(events[0]!.time).toISOString()).toBe('2024-01-01T00:00:00.000Z');
  });

  it('runs several plants with several lines, and new lines after those that were shut down', () => {
    const { events } = collect(24_000);
    expect(new Set(events.slice(0, 12).map((event) => event.unit)).size).toBe(12);
    expect(new Set(events.map((event) => event.plant))).toEqual(new Set(['plant-a', 'plant-b', 'plant-c']));
    const units = readingsOf(events);
    expect(units.has('plant-a/line-5')).toBe(true);
    expect(new Set(events.map((event) => event.id)).size).toBe(events.length);
    for (const [unit, readings] of units)
      expect(readings.every((reading) => unit.startsWith(`${reading.plant}/`))).toBe(true);
  });

  it('tells each fault with its first reading: row 160 of the series, in the units that run it', () => {
    const { events, truth } = collect(60_000);
    const series = new SeriesFolder(folder);
    const units = readingsOf(events);
    expect(truth.length).toBeGreaterThan(20);
    expect(new Set(truth.slice(0, 21).map((mark) => mark.record.kind)).size).toBe(21);
    const checked = truth.filter((mark) => mark.record.entity.startsWith('plant-a'));
    expect(checked.length).toBeGreaterThan(3);
    for (const { index, record } of checked) {
      expect(events[index]).toMatchObject({ unit: record.entity, time: record.from });
      const { values } = series.get(testSeriesOf(Number(record.kind.slice(-2))));
      const at = FAULT_ROW * VARIABLES.length;
      expect(valuesOf(events[index]!)).toEqual([...values.subarray(at, at + VARIABLES.length)]);
      const readings = units.get(record.entity)!;
      // the series' own normal rows before it, and the shutdown 240 readings into the fault
      expect(readings.findIndex((reading) => reading.time === record.from)).toBe(FAULT_ROW);
      if (readings.at(-1)!.time < events.at(-1)!.time - INTERVAL_MS)
        expect(readings.at(-1)!.time).toBe(record.to);
      expect((record.to - record.from) / INTERVAL_MS).toBe(239);
    }
  });

  it('tells a fault that is under way where the stream is taken up', () => {
    const { truth } = collect(60_000);
    const { index, record } = truth[0]!;
    const later = collect(500, {}, index + 1_200).truth.find((mark) => mark.record.entity === record.entity);
    expect(later?.record).toEqual(record);
    expect(later!.index).toBeLessThan(12);
  });

  it('keeps the truth out of the events', () => {
    const fields = [...['id', 'time', 'plant', 'unit'], ...VARIABLES].join();
    expect([...new Set(collect(9_000).events.map((event) => Object.keys(event).join()))]).toEqual([fields]);
  });

  it('never shows the live stream the rows of the training stream', () => {
    const rowsOf = (events: readonly PlantReading[]) =>
      events.filter((event) => event.plant === 'plant-a').map((event) => valuesOf(event).join());
    const training = new Set(rowsOf(collect(30_000, { rows: 'training' }).events));
    const live = rowsOf(collect(30_000).events);
    expect(training.size).toBeGreaterThan(900);
    expect(live.filter((row) => training.has(row))).toEqual([]);
  });

  it('has no faults in training unless asked for', () => {
    expect(collect(30_000, { rows: 'training' }).truth).toEqual([]);
    expect(collect(30_000, { rows: 'training', faultShare: 0.5 }).truth.length).toBeGreaterThan(5);
  });

  it('gives plants instruments of their own, the first one true ones', () => {
    // The controllers' outputs tell which recorded row a reading is: they are the same in all plants.
    const { events } = collect(12_000);
    const key = (event: PlantReading) =>
      VARIABLES.slice(41)
        .map((variable) => event[variable])
        .join();
    const [first, second] = ['plant-a', 'plant-b'].map(
      (plant) => new Map(events.filter((event) => event.plant === plant).map((event) => [key(event), event])),
    );
    const pairs = [...first!].flatMap(([row, event]) =>
      second!.has(row) ? [[event, second!.get(row)!] as const] : [],
    );
    expect(pairs.length).toBeGreaterThan(100);
    const differences = pairs.map(([a, b]) => (b['xmeas_1'] as number) - (a['xmeas_1'] as number));
    expect(Math.min(...differences.map(Math.abs))).toBeGreaterThan(0);
    // constant: an offset and a gain of a few per cent, not noise
    expect(Math.max(...differences) - Math.min(...differences)).toBeLessThan(0.05);
  });

  it('refuses settings that make no sense, and a folder without the series', () => {
    expect(() => productionSource({ folder, plants: 0 })).toThrow(/plants is 0; take 1 to 26/);
    expect(() => productionSource({ folder, start: 'x' })).toThrow(/start is 'x'/);
    expect(() => collect(1, { folder: '/nowhere' })).toThrow(/nowhere.*can't be read/);
  });
});
