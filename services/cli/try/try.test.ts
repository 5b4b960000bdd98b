import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LANGUAGES, Sentences } from '../../../detection/judging/sentences.js';
import { type Backend, openBackend } from '../../../lib/tensors.js';
import { Random } from '../../../pipelines/random.js';
import { isMarked } from './event-table.js';
import { reportOf } from './report/report.js';
import { type TryOptions, type TryResult, tryFile } from './run.js';
import { writeScores } from './scores-file.js';
import { asJson, asText } from './terminal.js';
import { TRY_WORDS } from './words.js';

let folder: string;
let backend: Backend;
/** of the test that learns; the tests of what is written use it again */
let learned: TryResult;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'riskwire-try-'));
  backend = await openBackend('wasm');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function tried(text: string, options: Partial<TryOptions> = {}): Promise<TryResult> {
  const file = join(folder, 'file.csv');
  await writeFile(file, text);
  return tryFile({ seed: 1, backend, progress: () => undefined, ...options, file });
}

const stamp = (minutes: number) =>
  new Date(Date.UTC(2024, 2, 1) + minutes * 60_000).toISOString().slice(0, 16).replace('T', ' ');

/** One series with noise, whose readings from `fault` on are far off. */
function series(rows: number, fault: number): string {
  const random = new Random(3);
  const lines = ['timestamp,value'];
  for (let i = 0; i < rows; i++)
    lines.push(
      `${stamp(i * 5)},${(50 + random.normal() + (i >= fault && i < fault + 10 ? 25 : 0)).toFixed(3)}`,
    );
  return lines.join('\n');
}

/** Three pumps with a common load; in [from, from + 20) of pump b the flow does not follow it. */
function pumps(rows: number, from: number): string {
  const random = new Random(5);
  const lines = ['Zeit;Pumpe;Druck (kPa);Durchfluss (m³/h);Störung'];
  const load = [0, 0, 0];
  const number = (value: number) => value.toFixed(2).replace('.', ',');
  for (let i = 0; i < rows; i++)
    for (const [p, name] of ['a', 'b', 'c'].entries()) {
      load[p] = 0.9 * load[p]! + random.normal();
      const fault = name === 'b' && i >= from && i < from + 20;
      const flow = 100 + (fault ? -5 : 5) * load[p]! - (fault ? 20 : 0) + 0.3 * random.normal();
      const cells = [
        stamp(i * 10),
        name,
        number(300 + 4 * load[p]! + 0.3 * random.normal()),
        number(flow),
        fault ? 'ja' : '',
      ];
      if (i % 40 === 7) cells[2] = 'kaputt';
      lines.push(cells.join(';'));
    }
  return lines.join('\n');
}

test('one series: the memory decides, and finds what is far off', async () => {
  const result = await tried(series(2000, 1500));
  expect(result.made.kind).toBe('series');
  expect(result.made.pipeline.detectors).toEqual({ memory: { size: 'large' } });
  expect(result.trainRows).toBe(500);
  const strongest = result.risks.reduce((a, b) =>
    result.scores[b.index]! > result.scores[a.index]! ? b : a,
  );
  expect(strongest.index).toBeGreaterThanOrEqual(1500);
  expect(strongest.index).toBeLessThan(1510);
  expect(strongest.reasons[0]).toMatchObject({ field: 'value', direction: 'high' });
});

test('about a hundred rows are enough for the untrained detectors', async () => {
  const result = await tried(series(120, 100));
  expect(result.trainRows).toBe(48);
  expect(result.made.pipeline.detectors).toEqual({ memory: { size: 'small' } });
  expect(result.risks.some(({ index }) => index >= 100 && index < 110)).toBe(true);
  await expect(tried(series(60, 50))).rejects.toThrow(/60 rows can be used, and at least 100/);
});

test('several sensors: learned, labelled, bad rows counted; a label changes no score, nor does a second run', async () => {
  const text = pumps(700, 500);
  const result = await tried(text, { label: 'Störung' });
  expect(result.made.kind).toBe('sensors');
  expect(Object.keys(result.made.pipeline.detectors)).toEqual([
    'autoencoder',
    'sequence',
    'memory',
    'checks',
  ]);
  expect(result.made.fields.numbers).toEqual(['Druck', 'Durchfluss']);
  expect(result.made.pipeline.features.numbers[0]).toMatchObject({ field: 'Druck', unit: 'kPa' });
  expect(result.table.bad).toBe(54);
  expect(result.table.badRows[0]).toEqual({
    line: 23,
    field: 'Druck (kPa)',
    value: 'kaputt',
    remedy: 'number',
  });
  expect(result.figures!.events).toBe(1);
  expect(result.figures!.eventRecall).toBe(1);
  expect(result.figures!.auc).toBeGreaterThan(0.95);
  const again = await tried(text);
  expect(again.figures).toBeUndefined();
  expect(Buffer.from(again.scores.buffer).equals(Buffer.from(result.scores.buffer))).toBe(true);
  learned = result;
});

test('rows out of order are put in the order of their time', async () => {
  const lines = series(700, 600).split('\n');
  const result = await tried([lines[0], ...lines.slice(1).reverse()].join('\n'));
  expect(result.table.sorted).toBe(false);
  expect(result.table.timeAt(0)).toBe(Date.UTC(2024, 2, 1));
  expect(result.table.lineAt(0)).toBe(701);
});

test('the training part as told, and refused when it leaves nothing', async () => {
  const text = series(700, 600);
  expect((await tried(text, { trainRows: 300 })).trainRows).toBe(300);
  expect((await tried(text, { trainUntil: stamp(5 * 400) })).trainRows).toBe(400);
  await expect(tried(text, { trainRows: 700 })).rejects.toThrow(/--train-rows 700 leaves/);
  await expect(tried(text, { labelDelay: 60 })).rejects.toThrow(/name their column with --label/);
  await expect(tried(text, { trainUntil: 'soon' })).rejects.toThrow(/--train-until soon/);
});

test('scores.csv, report and terminal tell the same risks', async () => {
  const result = learned;
  for (const lang of ['en', 'zh'] as const) {
    const sentences = new Sentences(LANGUAGES[lang]!);
    const words = TRY_WORDS[lang];
    const html = reportOf(result, words, sentences);
    expect(html).toContain(`<html lang="${lang}">`);
    expect(html).not.toMatch(/(src|href)=|https?:/);
    expect(html.match(/<svg/g)!.length).toBeGreaterThanOrEqual(3);
    expect(html).toContain('kaputt');
    expect(html).not.toMatch(/NaN|undefined/);
    expect(asText(result, words, sentences)).toContain('kaputt');
  }
  const out = join(folder, 'scores.csv');
  await writeScores(out, result, new Sentences(LANGUAGES['en']!));
  const lines = (await readFile(out, 'utf8')).trimEnd().split('\n');
  expect(lines[0]).toBe('row,time,key,score,p_value,risk,top_reason');
  expect(lines).toHaveLength(1 + result.table.rows - result.trainRows);
  expect(lines.filter((line) => line.split(',')[5] === '1')).toHaveLength(result.risks.length);
  const json = JSON.parse(asJson(result, { out })) as Record<string, unknown>;
  expect(json).toMatchObject({ kind: 'sensors', badRows: 54, risks: result.risks.length, out });
  for (const figure of ['auc', 'ap', 'f1', 'farPercent', 'marPercent', 'eventRecall'])
    expect(typeof json[figure]).toBe('number');
});

test('what a file holds is text to the report, never markup', async () => {
  const text = series(300, 250).replace('timestamp,value', 'timestamp,<img src=x>');
  const result = await tried(text);
  const html = reportOf(result, TRY_WORDS.en, new Sentences(LANGUAGES['en']!));
  expect(html).toContain('&lt;img src=x&gt;');
  expect(html).not.toContain('<img');
});

test.each([
  ['1', true],
  ['true', true],
  ['attack', true],
  [2, true],
  ['0', false],
  ['0.0', false],
  ['Normal', false],
  ['否', false],
  [null, false],
])('a label %p marks: %p', (cell, marked) => {
  expect(isMarked(cell)).toBe(marked);
});
