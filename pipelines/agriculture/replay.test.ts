import { join } from 'node:path';
import type { EpisodeTruth, SourceBatch } from '../source.js';
import { agricultureSource, episodesOf, type WaterReading } from './replay.js';

const folder = join(__dirname, '../../examples/agriculture-water');
const source = agricultureSource({ folder });
const batches = [...(source.batches() as Iterable<SourceBatch<WaterReading>>)];
const events = batches.flatMap((batch) => batch.events);
const truth = batches.flatMap((batch) =>
  batch.truth.map((mark) => ({ event: batch.events[mark.index]!, record: mark.record as EpisodeTruth })),
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

  it('tells each labelled run with its first reading', () => {
    expect(truth).toHaveLength(289);
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

  it('can be taken up at any position, or for some stations', () => {
    const rest = [...(source.batches(140_000) as Iterable<SourceBatch<WaterReading>>)];
    expect(rest[0]!.position).toBe(140_000);
    expect(rest.flatMap((batch) => batch.events)).toEqual(events.slice(140_000));
    expect(agricultureSource({ folder, sites: ['mendon'] }).total).toBe(34_613);
    expect(() => agricultureSource({ folder, sites: ['nile'] })).toThrow(/names nile; there are main-street/);
  });
});

describe('episodesOf', () => {
  it('joins neighbouring labelled rows and names their codes', () => {
    const readings = [0, 1, 2, 3, 4, 5].map((time) => ({ site: 's', time }));
    const marks = episodesOf(['', '2.0', '1.0', '', '4.0', '4.0'], readings, 'ph');
    expect(marks.map((mark) => mark.record)).toMatchObject([
      { from: 1, to: 2, kind: 'labelled 1+2', field: 'ph', entity: 's' },
      { from: 4, to: 5, kind: 'labelled 4', field: 'ph', entity: 's' },
    ]);
    expect(marks.map((mark) => mark.index)).toEqual([1, 4]);
  });
});
