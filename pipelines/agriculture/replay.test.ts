import { join } from 'node:path';
import type { EpisodeTruth, SourceBatch, UnreviewedTruth } from '../source.js';
import { agricultureSource, runs, type WaterReading } from './replay.js';

const folder = join(__dirname, '../../examples/agriculture-water');
const source = agricultureSource({ folder });
const batches = [...(source.batches() as Iterable<SourceBatch<WaterReading>>)];
const events = batches.flatMap((batch) => batch.events);
const told = batches.flatMap((batch) =>
  batch.truth.map((mark) => ({ event: batch.events[mark.index]!, record: mark.record })),
);
const truth = told.filter(
  (one): one is { event: WaterReading; record: EpisodeTruth } => one.record.type === 'episode',
);

describe('agricultureSource', () => {
  it('gives every reading of the four stations once, in time order', () => {
    expect(events).toHaveLength(145_567);
    expect(source.total).toBe(145_567);
    expect(events.filter((event, i) => i > 0 && event.time < events[i - 1]!.time)).toEqual([]);
    expect(new Set(events.map((event) => event.id)).size).toBe(events.length);
    const counts = Object.fromEntries(
      ['main-street', 'mendon', 'tony-grove', 'water-lab'].map((site) => [
        site,
        events.filter((event) => event.site === site).length,
      ]),
    );
    expect(counts).toEqual({
      'main-street': 34_617,
      mendon: 34_613,
      'tony-grove': 39_186,
      'water-lab': 37_151,
    });
  });

  it('reads the clock as Mountain Standard Time, in summer too', () => {
    const first = events.find((event) => event.id === 'main-street:2019-01-01T00:00')!;
    expect(new Date(first.time).toISOString()).toBe('2019-01-01T07:00:00.000Z');
    expect(first).toMatchObject({
      temperature: 0.76,
      conductivity: 372.4,
      ph: 8.48,
      dissolvedOxygen: 14.08,
      turbidity: 2.83,
      stage: 60.44,
    });
    const summer = events.find((event) => event.id === 'water-lab:2019-07-01T12:00')!;
    expect(new Date(summer.time).toISOString()).toBe('2019-07-01T19:00:00.000Z');
  });

  it('gives what the logger has no value for as missing, and keeps what a broken sensor says', () => {
    expect(events.filter((event) => event.site === 'mendon' && event.temperature === null)).toHaveLength(
      3_650,
    );
    expect(events.some((event) => Object.values(event).includes(-9999))).toBe(false);
    expect(
      events.filter((event) => event.site === 'main-street' && event.conductivity === 7999),
    ).toHaveLength(252);
  });

  it('keeps the labels out of the events', () => {
    const fields = 'id,time,site,watershed,temperature,conductivity,ph,dissolvedOxygen,turbidity,stage';
    expect([...new Set(events.map((event) => Object.keys(event).join()))]).toEqual([fields]);
  });

  it('tells each labelled run with its first reading, and names its codes', () => {
    expect(truth).toHaveLength(289);
    expect(truth.every(({ record }) => /^labelled [0-9]+([+][0-9]+)*$/.test(record.kind))).toBe(true);
    for (const { event, record } of truth) {
      expect(event).toMatchObject({ site: record.entity, time: record.from });
      expect(record.to).toBeGreaterThanOrEqual(record.from);
    }
    // Mendon's thermometer: 3,768 rows labelled 2 and 15 each labelled 1 and 7.
    const mendon = truth.filter(({ record }) => record.entity === 'mendon' && record.field === 'temperature');
    const inside = events.filter(
      (event) =>
        event.site === 'mendon' &&
        mendon.some(({ record }) => event.time >= record.from && event.time <= record.to),
    );
    expect(inside).toHaveLength(3_798);
  });

  it('tells what nobody reviewed: nearly all of 2020', () => {
    const spans = told
      .map(({ record }) => record)
      .filter((record): record is UnreviewedTruth => record.type === 'unreviewed');
    const isIn = (event: WaterReading) =>
      spans.some((span) => span.entity === event.site && event.time >= span.from && event.time <= span.to);
    const of = (year: string) => events.filter((event) => event.id.split(':')[1]!.startsWith(year));
    const share = (year: string) => of(year).filter(isIn).length / of(year).length;
    expect(share('2019')).toBe(0);
    expect(share('2020')).toBeGreaterThan(0.95);
  });

  it('tells what is under way where the stream is taken up', () => {
    const position = events.findIndex((event) => event.id === 'mendon:2019-01-03T00:00');
    const [first] = source.batches(position) as Iterable<SourceBatch<WaterReading>>;
    const early = first!.truth.filter(
      (mark) => mark.record.type === 'episode' && mark.record.from < events[position]!.time,
    );
    const expected = truth.filter(
      ({ record }) => record.from < events[position]!.time && record.to >= events[position]!.time,
    );
    expect(early.map((mark) => mark.record)).toEqual(
      expect.arrayContaining(expected.map(({ record }) => record)),
    );
    expect(early.length).toBe(expected.length);
    expect(early.length).toBeGreaterThan(2);
    for (const { index, record } of early) expect(first!.keys[index]).toBe(record.entity);
    expect(new Set(early.map((mark) => mark.index).filter((index) => index > 3))).toEqual(new Set());
  });

  it('can be taken up at any position, or for some stations', () => {
    const rest = [...(source.batches(140_000) as Iterable<SourceBatch<WaterReading>>)];
    expect(rest[0]!.position).toBe(140_000);
    expect(rest.flatMap((batch) => batch.events)).toEqual(events.slice(140_000));
    expect(agricultureSource({ folder, sites: ['mendon'] }).total).toBe(34_613);
    expect(() => agricultureSource({ folder, sites: ['nile'] })).toThrow(/names nile; there are main-street/);
  });
});

describe('runs', () => {
  it('finds each run of neighbours, at the ends too', () => {
    expect(runs([1, 0, 0, 1, 1], (value) => value === 1)).toEqual([
      { first: 0, last: 0 },
      { first: 3, last: 4 },
    ]);
    expect(runs([], () => true)).toEqual([]);
  });
});
