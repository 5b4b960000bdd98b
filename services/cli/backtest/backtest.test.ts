import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ScoringModel } from '../../../detection/scoring.js';
import { createLog } from '../../../lib/log.js';
import { packageRoot } from '../../../lib/paths.js';
import { loadPipelines, type Pipeline } from '../../../pipelines/loader.js';
import { sourceOf } from '../../producer/sources.js';
import { loadModels } from '../../scorer/models.js';
import { compareRisks } from './compare.js';
import type { Replay } from './events.js';
import { relay } from './relay.js';
import { replayFiles, replaySource } from './replays.js';
import { type BacktestResult, parseResult, type RaisedRisk } from './result.js';
import { backtest } from './run.js';
import { backtestJson, backtestText } from './summary.js';

const EVENTS = 8000;
let folder: string;
let pipeline: Pipeline;
let model: ScoringModel;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'riskwire-backtest-'));
  const root = packageRoot();
  [pipeline] = (await loadPipelines(join(root, 'pipelines'), join(root, 'schemas'), ['transactions'])) as [
    Pipeline,
  ];
  const loaded = await loadModels([pipeline], {
    folder: join(root, 'models'),
    backend: 'wasm',
    batchEvents: 1024,
    log: createLog('test', { level: 'fatal', destination: process.stderr }),
  });
  model = loaded.models[0]!.model;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const stream = () => sourceOf('transactions', { examplesDir: join(packageRoot(), 'examples') });
const replayed = (replay: Replay, budget: number): Promise<BacktestResult> =>
  backtest({ pipeline, model, replay, budget, maxEntities: 50_000, onProgress: () => undefined });

test('the same input gives the same bytes, and a larger budget raises more', async () => {
  const first = await replayed(replaySource(stream(), pipeline, 2, EVENTS), 100);
  const second = await replayed(replaySource(stream(), pipeline, 2, EVENTS), 100);
  expect(JSON.stringify(second)).toBe(JSON.stringify(first));
  expect(first.events).toBe(EVENTS);
  const more = await replayed(replaySource(stream(), pipeline, 2, EVENTS), 2000);
  expect(more.risks.length).toBeGreaterThan(first.risks.length);
  const comparison = compareRisks(first.risks, more.risks, 'before');
  expect(comparison.same + comparison.onlyNow.length).toBe(more.risks.length);
  expect(comparison.same + comparison.onlyBefore.length).toBe(first.risks.length);
  expect(backtestText(more, comparison)).toContain(`${comparison.same} the same`);
  expect(JSON.parse(backtestJson(more, comparison))).toMatchObject({ risks: more.risks.length });
  expect(parseResult('x', JSON.stringify(first))).toEqual(first);
});

test('events in a file are scored as the stream they are from', async () => {
  const lines: string[] = [];
  for await (const { events } of stream().batches()) {
    for (const event of events) lines.push(JSON.stringify(event));
    if (lines.length >= 3000) break;
  }
  const file = join(folder, 'payments.jsonl');
  await writeFile(file, `${lines.slice(0, 3000).join('\n')}\nno json\n`);
  const fromFile = await replayed(replayFiles([file], pipeline, 2, 10_000), 3000);
  const fromStream = await replayed(replaySource(stream(), pipeline, 2, 3000), 3000);
  expect(fromFile.risks.length).toBeGreaterThan(0);
  expect(fromFile.risks).toEqual(fromStream.risks);
  expect(fromFile.left).toEqual({ json: 1 });
});

test('a file without the columns of the schema is refused by name', async () => {
  const file = join(folder, 'other.csv');
  await writeFile(file, 'a,b\n1,2\n');
  await expect(replayed(replayFiles([file], pipeline, 1, 10), 20)).rejects.toThrow(
    /no column 'card', 'time'/,
  );
});

test('what is the same, only before and only now', () => {
  const risk = (eventId: string, entity: string, severity = 'low'): RaisedRisk => ({
    id: eventId,
    eventId,
    entity,
    domain: 'all',
    eventTime: 1,
    score: 4,
    threshold: 3,
    severity,
    alert: true,
    reason: '',
  });
  const before = [risk('a', 'x'), risk('b', 'x'), risk('', 'y'), risk('', 'z')];
  const now = [risk('a', 'x', 'high'), risk('c', 'x'), risk('', 'y')];
  const { same, severityChanged, onlyBefore, onlyNow } = compareRisks(before, now, 'then');
  expect([same, severityChanged]).toEqual([2, 1]);
  expect(onlyBefore.map(({ eventId, entity }) => eventId || entity)).toEqual(['b', 'z']);
  expect(onlyNow.map(({ eventId }) => eventId)).toEqual(['c']);
});

test('a file that no backtest wrote is refused', () => {
  expect(() => parseResult('x.json', '{')).toThrow(/x.json is no JSON/);
  expect(() => parseResult('x.json', '{"format":2}')).toThrow(/not written by a backtest/);
});

test('a relay gives everything in order, hands on failures, and lets its source close when the taker leaves', async () => {
  const all: number[] = [];
  for await (const item of relay<number>(async (give) => {
    for (let i = 0; i < 5; i++) await give(i);
  }))
    all.push(item);
  expect(all).toEqual([0, 1, 2, 3, 4]);

  let closed = false;
  for await (const _ of relay<number>(async (give) => {
    try {
      for (let i = 0; ; i++) await give(i);
    } finally {
      closed = true;
    }
  }))
    break;
  expect(closed).toBe(true);

  const failing = relay<number>(async (give) => {
    await give(1);
    throw new Error('the broker is gone');
  });
  await expect(
    (async () => {
      for await (const _ of failing);
    })(),
  ).rejects.toThrow('the broker is gone');
});
