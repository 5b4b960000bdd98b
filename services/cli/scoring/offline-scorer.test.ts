import { join } from 'node:path';
import { LabelLog } from '../../../detection/labels/label-log.js';
import type { ScoringModel } from '../../../detection/scoring.js';
import { createLog } from '../../../lib/log.js';
import { packageRoot } from '../../../lib/paths.js';
import { loadPipelines, type Pipeline } from '../../../pipelines/loader.js';
import { sourceOf } from '../../producer/sources.js';
import { loadModels } from '../../scorer/models.js';
import { type Feedback, OfflineScorer } from './offline-scorer.js';

const EVENTS = 6000;
let pipeline: Pipeline;
let model: ScoringModel;
const keys: string[] = [];
const events: Record<string, unknown>[] = [];
beforeAll(async () => {
  const root = packageRoot();
  [pipeline] = (await loadPipelines(join(root, 'pipelines'), join(root, 'schemas'), ['transactions'])) as [
    Pipeline,
  ];
  const { models } = await loadModels([pipeline], {
    folder: join(root, 'models'),
    backend: 'wasm',
    batchEvents: 1024,
    log: createLog('test', { level: 'fatal', destination: process.stderr }),
  });
  model = models[0]!.model;
  for await (const batch of sourceOf('transactions', { examplesDir: join(root, 'examples') }).batches()) {
    keys.push(...batch.keys);
    events.push(...(batch.events as Record<string, unknown>[]));
    if (events.length >= EVENTS) break;
  }
});

function scoresOf(feedback?: Feedback, remembered = 0): number[] {
  const scores: number[] = [];
  const limits = { budget: 20, partitions: 1, maxEntities: 50_000, feedback };
  const scorer = new OfflineScorer(pipeline, model, limits, ({ offset, score }) => {
    scores[offset] = score;
  });
  for (let i = 0; i < EVENTS; i++) {
    if (i < remembered) scorer.remember(events[i]!, keys[i]!, i);
    else scorer.take(events[i]!, keys[i]!, i);
  }
  scorer.flush();
  return scores;
}

const feedbackOf = (isRisk: (offset: number) => boolean): Feedback => ({
  settings: { secondary: ['terminal'], delay: 600, window: 86_400, late: 0, spells: {}, hold: 8192 },
  log: new LabelLog(),
  isRisk,
});

test('what is remembered is not scored, and is remembered', () => {
  const whole = scoresOf();
  const rest = scoresOf(undefined, 2000);
  expect(rest.slice(0, 2000).filter((score) => score !== undefined)).toEqual([]);
  expect(rest.filter((score) => score !== undefined)).toHaveLength(EVENTS - 2000);
  // the entities' pasts are there: without them the features of the first scored events would be those of strangers
  const strangers: number[] = [];
  const limits = { budget: 20, partitions: 1, maxEntities: 50_000 };
  const scorer = new OfflineScorer(pipeline, model, limits, ({ offset, score }) => {
    strangers[offset] = score;
  });
  for (let i = 2000; i < EVENTS; i++) scorer.take(events[i]!, keys[i]!, i);
  scorer.flush();
  const distance = (scores: number[]) =>
    whole.slice(2000, 3000).reduce((sum, score, i) => sum + Math.abs(score - scores[2000 + i]!), 0);
  expect(distance(rest)).toBeLessThan(distance(strangers));
});

test('labels come into the log with their delay, and change nothing before it', () => {
  const feedback = feedbackOf((offset) => offset % 50 === 0);
  const labelled = scoresOf(feedback);
  expect(feedback.log.size).toBeGreaterThanOrEqual(EVENTS / 50);
  const unlabelled = scoresOf(feedbackOf(() => false));
  const hour = 3_600_000;
  const first = Number(events[0]!['time']);
  const before = events.slice(0, EVENTS).findIndex((event) => Number(event['time']) >= first + hour);
  expect(before).toBeGreaterThan(100);
  expect(labelled.slice(0, before)).toEqual(unlabelled.slice(0, before));
});
