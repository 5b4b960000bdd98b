import { BREAK_KINDS, BREAKS, fleet } from './fleet-stream.js';
import { FLEET_PIPELINE, fleetFigures } from './learned.js';
import { linearTwins, without } from './variants.js';

const small = fleet({ seed: 1, machines: 42, late: 14, learn: 60, test: 80 });

test('the fleet comes in the order of its time, broken only where it is tested', () => {
  const all = [...small.learn, ...small.test];
  for (let i = 1; i < all.length; i++) expect(all[i]!.time).toBeGreaterThanOrEqual(all[i - 1]!.time);
  expect(small.learn.some(({ fault, late }) => fault !== '' || late)).toBe(false);
  expect(new Set(small.test.map(({ fault }) => fault))).toEqual(new Set(['', ...BREAK_KINDS]));
  const events = new Map<string, number>();
  for (const { key, late } of small.test) if (late) events.set(key, (events.get(key) ?? 0) + 1);
  expect(events.size).toBe(14);
  expect(Math.max(...events.values())).toBeLessThan(20);
});

test('a broken relation leaves its reading within the range that it had', () => {
  const usual = new Map<string, { low: number; high: number }>();
  for (const { event } of small.learn)
    for (const field of Object.values(BREAKS)) {
      const name = `${event['plant']}/${field}`;
      const value = event[field] as number;
      const seen = usual.get(name) ?? { low: value, high: value };
      usual.set(name, { low: Math.min(seen.low, value), high: Math.max(seen.high, value) });
    }
  let inside = 0;
  let all = 0;
  for (const { event, fault } of small.test) {
    if (fault === '' || fault.startsWith('range')) continue;
    const field = BREAKS[fault];
    const { low, high } = usual.get(`${event['plant']}/${field}`)!;
    all++;
    if ((event[field] as number) >= low && (event[field] as number) <= high) inside++;
  }
  expect(inside / all).toBeGreaterThan(0.97);
});

test('figures leave out what follows a fault', () => {
  const surprise = Float32Array.from(small.test, ({ fault, echo }) => (fault !== '' ? 5 : echo ? 9 : 1));
  const figures = fleetFigures(small.test, surprise);
  expect(figures).toMatchObject({ auc: 1, ap: 1, recall: 1, coldAuc: 1 });
});

test('variants leave detectors out, or their networks at the start', () => {
  expect(Object.keys(without(FLEET_PIPELINE, 'autoencoder').detectors)).toEqual(['sequence', 'memory']);
  expect(linearTwins(FLEET_PIPELINE).detectors.sequence).toEqual({ hidden: 32, epochs: 0 });
  expect(linearTwins(without(FLEET_PIPELINE, 'sequence')).detectors.sequence).toBeUndefined();
});
