import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatCount } from '../../services/cli/format.js';
import { CONTENDER_CORE } from '../machine.js';
import type { LoadtestOptions } from '../options.js';
import { changedDefinition } from '../processes/definitions.js';
import { type ScorerService, startScorerService } from '../processes/scorer-service.js';
import { onStage, type Stage } from '../stage.js';
import { type Feed, startFeed } from '../streams/feed.js';
import { writeStreamFile } from '../streams/stream-file.js';
import { formatTable } from '../table.js';
import { maximumRate } from './maximum.js';
import { type MemoryLook, memoryGrowth } from './memory.js';

const TOPIC = 'soak';
const LOOK_MS = 1000;
const MOST_UNANSWERED = 6;
/** payments that are written over and over, with ids and times that go on */
const MOST_PAYMENTS = 3_000_000;
/** seconds of work that wait in the topic at full rate, so that the scorer never waits for the feed */
const BACKLOG_SECONDS = 4;

/** The scorer under steady load for a long time: what its memory does, and whether it keeps up. */
export async function runSoak(options: LoadtestOptions): Promise<void> {
  await onStage({ apart: true }, async (stage) => {
    const maximum = await maximumRate(stage, options);
    const { kafka, folder, machine } = stage;
    const file = await paymentsFile(stage, options);
    await kafka.createTopic(TOPIC, {
      partitions: options.partitions,
      config: { 'retention.bytes': String(1 << 30), 'segment.bytes': String(128 << 20) },
    });
    const scorer = await startScorerService({
      brokers: kafka.brokers,
      folder,
      machine,
      cores: [CONTENDER_CORE],
      pipeline: 'transactions',
      env: {
        RISKWIRE_BACKEND: options.backend,
        RISKWIRE_PIPELINES_DIR: changedDefinition(join(folder, 'soak'), 'transactions', (definition) => {
          definition['topic'] = TOPIC;
        }),
      },
    });
    try {
      await scorer.ready();
      const minutes = options.soak ?? 0;
      const rate = options.rate * maximum;
      let fed = 0;
      const feed = startFeed(stage, {
        file,
        topic: TOPIC,
        events: Math.ceil(4 * maximum * 60 * (minutes + 1)),
        rate,
        onLook: ({ done }) => {
          fed = done;
        },
      });
      try {
        report(await load(scorer, feed, { options, rate, minutes, fed: () => fed, stage }), options, rate);
      } finally {
        await feed.stop();
      }
    } finally {
      await scorer.stop();
    }
  });
}

interface Soaked {
  readonly memory: MemoryLook[];
  readonly done: number;
  readonly seconds: number;
  readonly lag: number;
  readonly mostLag: number;
}

async function load(
  scorer: ScorerService,
  feed: Feed,
  {
    options,
    rate,
    minutes,
    fed,
    stage,
  }: { options: LoadtestOptions; rate: number; minutes: number; fed: () => number; stage: Stage },
): Promise<Soaked> {
  const { at: started } = await feed.started;
  const memory: MemoryLook[] = [];
  let before = { done: 0, at: started };
  let said = 0;
  let unanswered = 0;
  let done = 0;
  let lag = 0;
  let mostLag = 0;
  for (;;) {
    await Promise.race([sleep(LOOK_MS), feed.finished]);
    const look = await scorer.look();
    const bytes = scorer.residentBytes();
    if (look === undefined) {
      // One question can meet a connection that is just being closed; a scorer that has ended throws above.
      if (++unanswered >= MOST_UNANSWERED) throw new Error('the scorer no longer answers');
      continue;
    }
    unanswered = 0;
    const passed = (look.at - started) / 60_000;
    const speed = (1000 * (look.done - before.done)) / (look.at - before.at);
    before = look;
    done = look.done;
    lag = fed() - done;
    mostLag = Math.max(mostLag, lag);
    if (bytes !== undefined) memory.push({ minutes: passed, bytes });
    // At full rate the feed follows the scorer, a few seconds ahead of it.
    if (options.rate === 1)
      await feed.setRate(Math.max(rate / 20, speed + (BACKLOG_SECONDS * rate - lag) / BACKLOG_SECONDS));
    if (Math.floor(passed) > said) {
      said = Math.floor(passed);
      const size = bytes === undefined ? '' : `, ${formatCount(bytes / 2 ** 20)} MiB`;
      stage.say(
        `minute ${said} of ${minutes}: ${formatCount(speed)} events/s, ${formatCount(lag)} behind${size}`,
      );
    }
    if (passed >= minutes) return { memory, done, seconds: (look.at - started) / 1000, lag, mostLag };
  }
}

async function paymentsFile(stage: Stage, { events, cards }: LoadtestOptions): Promise<string> {
  // The measurement of the maximum has left one.
  const known = join(stage.folder, 'transactions.events');
  if (existsSync(known)) return known;
  stage.say('generating payments …');
  const file = join(stage.folder, 'soak.events');
  await writeStreamFile(file, { kind: 'payments', cards }, Math.min(events, MOST_PAYMENTS), () => undefined);
  return file;
}

function report(
  { memory, done, seconds, lag, mostLag }: Soaked,
  options: LoadtestOptions,
  rate: number,
): void {
  const eventsPerSecond = Math.round(done / seconds);
  const growth = memory.length > 0 ? memoryGrowth(memory) : undefined;
  const mebibytes = (bytes: number | undefined) => (bytes === undefined ? Number.NaN : bytes / 2 ** 20);
  const rows: [string, string][] = [
    ['events/s wanted', options.rate === 1 ? 'all' : formatCount(rate)],
    ['events/s', formatCount(eventsPerSecond)],
    ['events behind at the end (at most)', `${formatCount(lag)} (${formatCount(mostLag)})`],
    [`MiB at minute ${growth?.fromMinute.toFixed(1)}`, formatCount(mebibytes(growth?.from))],
    ['MiB at the end', formatCount(mebibytes(growth?.to))],
    ['MiB at most since', formatCount(mebibytes(growth?.most))],
    ['growth', growth ? `${(100 * growth.growth).toFixed(1)}%` : '–'],
  ];
  process.stdout.write(formatTable([`soak of ${options.soak} minutes`, ''], rows, options.markdown));
  if (options.json) {
    const figures = { minutes: options.soak, wanted: Math.round(rate), eventsPerSecond, lag, mostLag };
    process.stdout.write(`${JSON.stringify({ ...figures, rss: growth })}\n`);
  }
}
