import { Random } from '../training/random.js';
import { bucketOf, DISPERSION_STATE_SIZE, Dispersion, type Movement } from './dispersion.js';

const PERIODS = 8;

/** what eight periods of events of `entities` entities are called; `surpriseOf` gives an event's surprise */
function movements(entities: number, surpriseOf: (entity: number, random: Random) => number): Movement[] {
  const random = new Random(3);
  const dispersion = new Dispersion();
  const told: Movement[] = [];
  while (told.length < PERIODS) {
    const entity = random.below(entities);
    const surprise = surpriseOf(entity, random);
    const movement = dispersion.note(bucketOf(`entity-${entity}`), surprise, surprise);
    if (movement !== undefined) told.push(movement);
  }
  return told;
}

const normal = (random: Random): number => -Math.log10(1 - random.uniform());

test('ordinary events are no movement', () => {
  expect(movements(200, (_, random) => normal(random))).not.toContain('moved');
});

test('every entity a little off, or a few events of every entity far off: the stream has moved', () => {
  expect(movements(200, (_, random) => normal(random) + 0.6).slice(1)).toEqual(
    new Array(PERIODS - 1).fill('moved'),
  );
  const far = movements(200, (_, random) => (random.uniform() < 0.06 ? 4 : normal(random)));
  expect(far.slice(1)).toEqual(new Array(PERIODS - 1).fill('moved'));
});

test('one of four units far off all the time, or a few cards: faults, however many events they are', () => {
  expect(movements(4, (entity, random) => (entity === 1 ? 9 : normal(random)))).toEqual(
    new Array(PERIODS).fill('faults'),
  );
  expect(movements(200, (entity, random) => (entity < 6 ? 9 : normal(random)))).not.toContain('moved');
});

test('of one entity nothing can be told', () => {
  expect(movements(1, () => 9)).toEqual(new Array(PERIODS).fill('unknown'));
});

test('state is exact: saved and loaded between any two events, it says the same', () => {
  const random = new Random(5);
  const whole = new Dispersion();
  let parts = new Dispersion();
  for (let i = 0; i < 4000; i++) {
    const bucket = bucketOf(`card-${random.below(50)}`);
    const surprise = normal(random) + 0.5;
    if (i % 313 === 0) {
      const state = new Float32Array(DISPERSION_STATE_SIZE + 3);
      parts.saveTo(state, 3);
      parts = new Dispersion();
      parts.load(state, 3);
    }
    expect(parts.note(bucket, surprise, surprise)).toBe(whole.note(bucket, surprise, surprise));
  }
});
