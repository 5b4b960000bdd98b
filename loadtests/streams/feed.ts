import { join } from 'node:path';
import { packageRoot } from '../../lib/paths.js';
import { within } from '../../lib/retry.js';
import { formatCount } from '../../services/cli/format.js';
import { startProgress } from '../../services/cli/progress.js';
import { type Look, lookIn } from '../looks.js';
import { type Child, startChild } from '../processes/child.js';
import type { Stage } from '../stage.js';
import type { Stream } from './stream.js';
import { writeStreamFile } from './stream-file.js';

export interface FeedOptions {
  readonly file: string;
  readonly topic: string;
  readonly events: number;
  /** events a second by schedule; 0: as fast as it goes */
  readonly rate: number;
  readonly cores?: readonly number[] | undefined;
  readonly onLook?: (look: Look) => void;
}

/** Event n is due at `at` + (n - from) / rate. */
export interface Schedule {
  /** epoch ms */
  readonly at: number;
  readonly from: number;
}

export interface Feed {
  readonly started: Promise<Schedule>;
  /** resolves when all are acked; rejects when it ended before */
  readonly finished: Promise<void>;
  /** from now on so many events a second */
  setRate(eventsPerSecond: number): Promise<Schedule>;
  stop(): Promise<void>;
}

/** how long the producer waits for company, by a schedule: as one does unless told otherwise since Kafka 4.0 (KIP-1030) */
const LINGER_MS = 5;
/** as fast as it goes */
const FAST_LINGER_MS = 20;
const STOP_MS = 5_000;
const START_MS = 60_000;

/** Feeds a topic from a file with Kafka's own Java client, which leaves most of a core to the others. */
export function startFeed(stage: Stage, options: FeedOptions): Feed {
  const { file, topic, events, rate, cores, onLook } = options;
  const lingerMs = rate > 0 ? LINGER_MS : FAST_LINGER_MS;
  const waiting: { resolve(schedule: Schedule): void; reject(error: Error): void }[] = [];
  const nextSchedule = (): Promise<Schedule> => {
    const next = new Promise<Schedule>((resolve, reject) => waiting.push({ resolve, reject }));
    const error = new Error(`feeding ${topic} did not begin within ${START_MS} ms`);
    const scheduled = within(next, START_MS, () => error);
    scheduled.catch(() => undefined);
    return scheduled;
  };
  const started = nextSchedule();
  let done = 0;
  const source = join(packageRoot(), 'loadtests', 'streams', 'Feed.java');
  const child: Child = startChild({
    name: `feed-${topic}`,
    command: 'java',
    args: [
      ...['-Xms512m', '-Xmx512m', '-XX:+UseSerialGC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'],
      ...['-cp', join(stage.kafka.jars, '*'), source],
      ...[stage.kafka.brokers.join(','), topic, file, String(events), String(rate), String(lingerMs)],
    ],
    folder: stage.folder,
    machine: stage.machine,
    cores,
    input: true,
    onLine(line) {
      const schedule = /^\{"from":(\d+),"start":(\d+)\}$/.exec(line);
      if (schedule) waiting.shift()?.resolve({ from: Number(schedule[1]), at: Number(schedule[2]) });
      const look = lookIn(line);
      if (look === undefined) return;
      done = look.done;
      onLook?.(look);
    },
  });
  let stopped = false;
  const finished = child.ended.then(() => {
    const error = new Error(
      `feeding ${topic} ${child.outcome()} after ${done} of ${events} events:\n${child.tail()}`,
    );
    for (const { reject } of waiting) reject(error);
    if (done < events && !stopped) throw error;
  });
  finished.catch(() => undefined);
  return {
    started,
    finished,
    setRate(eventsPerSecond) {
      const scheduled = nextSchedule();
      child.write(`${eventsPerSecond}\n`);
      return scheduled;
    },
    async stop() {
      stopped = true;
      await child.stop(STOP_MS);
    },
  };
}

/** Makes a topic and fills it ahead of time. */
export async function fillTopic(
  stage: Stage,
  {
    topic,
    partitions,
    events,
    stream,
  }: { topic: string; partitions: number; events: number; stream: Stream },
): Promise<void> {
  const file = join(stage.folder, `${topic}.events`);
  const progress = startProgress(`${topic}: ${formatCount(events)} events`);
  await writeStreamFile(file, stream, events, (done) => progress.update(done, events, 'generated'));
  await stage.kafka.createTopic(topic, { partitions });
  const feed = startFeed(stage, {
    file,
    topic,
    events,
    rate: 0,
    onLook: ({ done }) => progress.update(done, events, 'written'),
  });
  try {
    await feed.finished;
  } finally {
    await feed.stop();
  }
  progress.finish();
}
