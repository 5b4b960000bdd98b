import { KeptRows, STRETCH } from './kept-rows.js';

/** Offers `events` events of entities in turn, one feature: the event's place. */
function offered(events: number, entities: number, most: number, seed = 1): KeptRows {
  const kept = new KeptRows(1, 1, 1, most, seed);
  const numbers = Array.from({ length: entities }, (_, i) => kept.newEntity(`entity-${i}`));
  const size = 512;
  for (let from = 0; from < events; from += size) {
    const places = Array.from({ length: size }, (_, i) => from + i);
    kept.add(
      {
        size,
        features: 1,
        sensors: 1,
        slots: new Int32Array(size),
        domains: new Int32Array(size),
        domainSlots: new Int32Array(size),
        times: Float64Array.from(places),
        gaps: new Float64Array(size),
        ages: Float64Array.from(places, (place) => Math.floor(place / entities)),
        hoursOfWeek: new Float32Array(size),
        x: Float32Array.from(places),
        raw: Float64Array.from(places),
      },
      Int32Array.from(places, (place) => numbers[place % entities]!),
      [Float32Array.from(places)],
    );
  }
  return kept;
}

test('all rows are kept while there is room', () => {
  const kept = offered(4096, 7, 5000);
  expect(kept.rows).toBe(4096);
  expect(kept.sampled).toBe(false);
  expect([...kept.sequences().subarray(0, 8)]).toEqual([0, 1, 2, 3, 4, 5, 6, 0]);
});

test('of more, whole entities stay, with every event of theirs', () => {
  const kept = offered(65_536, 2048, 10_000);
  expect(kept.rows).toBeLessThanOrEqual(10_000);
  expect(kept.rows).toBeGreaterThan(3000);
  const byEntity = new Map<number, number>();
  for (let row = 0; row < kept.rows; row++)
    byEntity.set(kept.entities[row]!, (byEntity.get(kept.entities[row]!) ?? 0) + 1);
  expect(new Set(byEntity.values())).toEqual(new Set([32]));
  for (let row = 0; row < kept.rows; row++) {
    expect(kept.x[row]).toBe(kept.times[row]);
    expect(kept.scores[row]).toBe(kept.times[row]);
    expect(kept.times[row]! % 2048).toBe(kept.entities[row]);
  }
});

test('of few entities stretches of time stay, and what lies on both sides of a hole are two sequences', () => {
  const kept = offered(64 * STRETCH, 2, 20 * STRETCH);
  expect(kept.rows).toBeLessThanOrEqual(20 * STRETCH);
  expect(kept.rows % STRETCH).toBe(0);
  const sequences = kept.sequences();
  const last = new Map<number, number>();
  for (let row = 0; row < kept.rows; row++) {
    const before = last.get(sequences[row]!);
    if (before !== undefined && kept.times[row]! - before !== 2) throw new Error(`a hole before row ${row}`);
    last.set(sequences[row]!, kept.times[row]!);
  }
  expect(last.size).toBeGreaterThan(2);
});

test('the seed decides which stay', () => {
  const entities = (seed: number) => [...new Set(offered(65_536, 2048, 10_000, seed).entities)].slice(0, 50);
  expect(entities(1)).toEqual(entities(1));
  expect(entities(1)).not.toEqual(entities(2));
});
