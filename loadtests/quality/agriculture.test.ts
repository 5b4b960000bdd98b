import { parseSite, sensorScores } from './agriculture.js';
import { shippedPipeline } from './stream.js';

const HEADER =
  'datetime,temp,temp_cor,temp_qual,cond,cond_cor,cond_qual,ph,ph_cor,ph_qual,do,do_cor,do_qual,turb,turb_cor,turb_qual';

test('reads values and labels of every variable, and leaves holes as missing', () => {
  const site = parseSite(
    `${HEADER}\n2019-01-01 00:00:00,0.76,0.7,,372.4,372.9,2.0,8.48,8.5,,,11.7,10.0,2.8,2.8,\n2019-01-01 00:15:00,0.7,0.7,1.0,,,,8.4,8.4,,11,11,,,,\n`,
  );
  expect([...site.get('temp')!.values]).toEqual([0.76, 0.7]);
  expect([...site.get('temp')!.labels]).toEqual([0, 1]);
  expect([...site.get('cond')!.values]).toEqual([372.4, Number.NaN]);
  expect([...site.get('cond')!.labels]).toEqual([1, 0]);
  expect(site.get('do')!.values[0]).toBeNaN();
  expect(site.get('ph')!.times[1]! - site.get('ph')!.times[0]!).toBe(900);
  expect(() => parseSite('datetime,temp\n')).toThrow(/expected temp, cond, ph, do/);
});

test('a series of a month with a sentinel: the sentinel scores highest, in its own sensor', async () => {
  const { pipeline } = await shippedPipeline('agriculture');
  const rows = 3000;
  const times = Float64Array.from({ length: rows }, (_, n) => n * 900);
  const labels = new Uint8Array(rows);
  const wave = (phase: number) =>
    Float64Array.from({ length: rows }, (_, n) => Math.round(100 * Math.sin(n / 15 + phase) + (n % 7)) / 10);
  const temp = wave(0);
  temp[2500] = -9999;
  const site = new Map([
    ['temp', { times, values: temp, labels }],
    ['ph', { times, values: wave(1), labels }],
  ] as const);
  const scores = await sensorScores(pipeline, site);
  const ofTemp = scores.get('temp')!;
  expect(ofTemp.indexOf(Math.max(...ofTemp))).toBe(2500);
  expect(scores.get('ph')![2500]!).toBeLessThan(ofTemp[2500]! / 2);
});
