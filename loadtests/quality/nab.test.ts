import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../../detection/training/random.js';
import { fatigueLevels, parseSeries, writeResults } from './nab.js';
import { halfOf, halvesOf } from './nab-scorer.js';

function csv(rows: number, spike: number): string {
  const random = new Random(1);
  const lines = Array.from({ length: rows }, (_, n) => {
    const stamp = new Date(Date.UTC(2014, 0, 1) + n * 300_000).toISOString().slice(0, 19).replace('T', ' ');
    return `${stamp},${n === spike ? 90 : (20 + random.uniform()).toFixed(3)}`;
  });
  return ['timestamp,value', ...lines, ''].join('\n');
}

test('reads the rows of a file as they are', () => {
  const { stamps, times, values } = parseSeries(
    'timestamp,value\n2014-04-01 00:00:00,19.5\n2014-04-01 00:05:00,-1e3\n',
  );
  expect(stamps).toEqual(['2014-04-01 00:00:00', '2014-04-01 00:05:00']);
  expect([...times]).toEqual([1396310400000, 1396310700000]);
  expect([...values]).toEqual([19.5, -1000]);
  expect(() => parseSeries('timestamp,value\nbroken\n')).toThrow(
    /line 2: 'broken'; expected timestamp,value/,
  );
});

test('alerts on a spike, at its row', async () => {
  const levels = await fatigueLevels('large')(parseSeries(csv(1500, 1200)));
  expect(levels.indexOf(Math.max(...levels))).toBe(1200);
  expect(levels.filter((level) => level > 0).length).toBeLessThan(10);
});

test("writes a result file for each data file, in the scorer's columns", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'nab-'));
  try {
    await mkdir(join(folder, 'data', 'made'), { recursive: true });
    await writeFile(join(folder, 'data', 'README.md'), 'no series');
    await writeFile(join(folder, 'data', 'made', 'spike.csv'), csv(600, 500));
    expect(await writeResults(folder, join(folder, 'out'), 'riskwire', fatigueLevels('large'))).toBe(1);
    const lines = (await readFile(join(folder, 'out', 'riskwire', 'made', 'riskwire_spike.csv'), 'utf8'))
      .trim()
      .split('\n');
    expect(lines[0]).toBe('timestamp,value,anomaly_score,label');
    expect(lines).toHaveLength(601);
    const [stamp, value, score, label] = lines[501]!.split(',');
    expect([stamp, value, label]).toEqual(['2014-01-02 17:40:00', '90', '0']);
    expect(Number(score)).toBeGreaterThan(0.3);
    expect(Number(score)).toBeLessThan(1);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the score of each half: all found is 100, all missed is 0', () => {
  const files = Array.from({ length: 20 }, (_, i) => `made/file_${i}.csv`);
  const windows = Object.fromEntries(files.map((file) => [file, [1, 2]]));
  const lines = files.map((file) => `riskwire,standard,${file},0.5,${halfOf(file) === 0 ? 2 : -2}`);
  const text = ['Detector,Profile,File,Threshold,Score', ...lines, 'riskwire,standard,Totals,,0'].join('\n');
  expect(halvesOf(text, windows)).toEqual([100, 0]);
});
