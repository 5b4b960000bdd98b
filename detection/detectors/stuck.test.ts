import { batchOf, stream } from '../../test/support/detector-suite.js';
import { trainStuck } from '../training/stuck.js';
import { Stuck } from './stuck.js';

/** one entity; sensor 0 is sampled every third row, sensor 1 always moves, sensor 2 is missing */
function readings(rows: number) {
  const set = stream(rows, 3, 3, 1, 3);
  for (let i = 0; i < rows; i++) {
    set.raw[i * 3] = Math.sin(Math.floor(i / 3));
    set.raw[i * 3 + 1] = Math.sin(i);
    set.raw[i * 3 + 2] = Number.NaN;
  }
  return set;
}

function scored(set: ReturnType<typeof readings>, detector: Stuck): Float32Array {
  const state = { data: new Float32Array(detector.stateSize), stride: detector.stateSize, offset: 0 };
  detector.initState(state, 0);
  const out = new Float32Array(set.rows);
  detector.score(batchOf(set), state, out);
  return out;
}

const detector = new Stuck(trainStuck(readings(500)).weights);

test('readings that repeat as they did in training are nothing, and a missing one is no repeat', () => {
  expect(Math.max(...scored(readings(4000), detector))).toBeLessThan(0.1);
});

test('a sensor that stops moving is found, sooner the less it used to repeat, and named', () => {
  const first = (sensor: number) => {
    const set = readings(400);
    for (let i = 200; i < 400; i++) set.raw[i * 3 + sensor] = 0.5;
    const found = scored(set, detector).findIndex((score) => score > 2);
    expect(detector.explain(399, 2)[0]).toMatchObject({ index: sensor, space: 'sensor', direction: 'stuck' });
    return found - 200;
  };
  expect(first(1)).toBeGreaterThan(1);
  expect(first(1)).toBeLessThan(first(0));
  expect(first(0)).toBeLessThan(8);
});

test('the score falls back when the sensor moves again, and is bounded', () => {
  const set = readings(4000);
  for (let i = 200; i < 3900; i++) set.raw[i * 3 + 1] = 0.5;
  const scores = scored(set, detector);
  expect(scores[3899]).toBe(12);
  expect(scores[3901]).toBeLessThan(0.1);
});

test('the scores for calibration are those of runs that the fit had not seen', () => {
  const set = readings(500);
  for (let i = 250; i < 262; i++) set.raw[i * 3 + 1] = 0.5;
  const { scores, rows, weights } = trainStuck(set);
  expect(rows.length).toBe(500);
  expect(Math.max(...scores)).toBeGreaterThan(5);
  expect(weights['longest']!.data[1]).toBe(11);
});

test('the first repetition of a sensor that never repeats is told, though it scores little', () => {
  const set = readings(400);
  set.raw[200 * 3 + 1] = set.raw[199 * 3 + 1]!;
  expect(scored(set, detector)[200]).toBeLessThan(1);
  expect(detector.repeated(200)).toEqual([1]);
  expect(detector.repeated(199)).toEqual([]);
});
