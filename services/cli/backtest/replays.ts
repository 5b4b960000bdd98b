import type { Kafka } from 'kafkajs';
import { Undecodable } from '../../../lib/dead-letter-reasons.js';
import { EventDecoder, UNPREPARED } from '../../../lib/event-decoder.js';
import { partitionOf } from '../../../lib/partitioner.js';
import type { SchemaSource } from '../../../lib/schema-source.js';
import { openTable } from '../../../lib/table-files/open.js';
import { isBroken } from '../../../lib/table-files/table.js';
import { TopicReader } from '../../../lib/topic-reader.js';
import { partitionCount } from '../../../lib/topics.js';
import type { Pipeline } from '../../../pipelines/loader.js';
import type { EventSource } from '../../../pipelines/source.js';
import { CommandFailed } from '../exit.js';
import { isBadRow, type RowEvent, RowEvents } from '../rows/row-events.js';
import type { Replay, ReplayBatch, ReplayEvent } from './events.js';
import { relay } from './relay.js';

/** Lays events without partitions of their own into some, by key, as a producer would. */
class Partitions {
  readonly #next: number[];

  constructor(readonly count: number) {
    this.#next = new Array<number>(count).fill(0);
  }

  *batches(events: readonly Omit<ReplayEvent, 'offset'>[]): Generator<ReplayBatch> {
    const by: ReplayEvent[][] = Array.from({ length: this.count }, () => []);
    for (const event of events) {
      const partition = partitionOf(event.key, this.count);
      by[partition]!.push({ ...event, offset: this.#next[partition]! });
      this.#next[partition] = this.#next[partition]! + 1;
    }
    for (const [partition, own] of by.entries()) if (own.length > 0) yield { partition, events: own };
  }
}

/** A stream that ships, or any other source. */
export function replaySource(
  source: EventSource,
  pipeline: Pipeline,
  partitions: number,
  most: number,
): Replay {
  return {
    source: `stream ${source.pipeline}`,
    topic: pipeline.topic,
    partitions,
    left: {},
    async *batches() {
      const into = new Partitions(partitions);
      for await (const { position, keys, events } of source.batches()) {
        const part = events.slice(0, Math.max(0, most - position));
        yield* into.batches(
          part.map((event, i) => ({
            key: keys[i]!,
            event: event as Record<string, unknown>,
            timestamp: Number.NaN,
          })),
        );
        if (part.length < events.length) return;
      }
    },
  };
}

/** Files of rows whose columns are named like the schema's fields. */
export function replayFiles(
  paths: readonly string[],
  pipeline: Pipeline,
  partitions: number,
  most: number,
): Replay {
  const left: Record<string, number> = {};
  return {
    source: `files ${paths.map((path) => path.split(/[\\/]/).pop()).join(', ')}`,
    topic: pipeline.topic,
    partitions,
    left,
    async *batches() {
      const into = new Partitions(partitions);
      let taken = 0;
      for (const path of paths) {
        const file = await openTable(path);
        const reader = new RowEvents(path, file.columns, pipeline);
        for await (const items of file.rows()) {
          const events: Omit<ReplayEvent, 'offset'>[] = [];
          for (const item of items) {
            if (taken >= most) break;
            const read = isBroken(item) ? undefined : reader.read(item.cells);
            const why = isBroken(item) ? item.fault : isBadRow(read!) ? read.reason : undefined;
            if (why !== undefined) left[why] = (left[why] ?? 0) + 1;
            else {
              events.push({ ...(read as RowEvent), timestamp: Number.NaN });
              taken++;
            }
          }
          yield* into.batches(events);
          if (taken >= most) return;
        }
      }
    },
  };
}

/** A topic as it lies there now: partition by partition, since a scorer's partitions know nothing of each other. */
export async function replayTopic(
  kafka: Kafka,
  pipeline: Pipeline,
  source: SchemaSource,
  most: number,
): Promise<Replay> {
  const { topic } = pipeline;
  const partitions = await partitionCount(kafka, topic);
  if (partitions === 0)
    throw new CommandFailed(
      `there is no topic '${topic}' to replay; name files, or replay the stream that ships (--stream)`,
    );
  const left: Record<string, number> = {};
  return {
    source: `topic ${topic}`,
    topic,
    partitions,
    left,
    batches: () =>
      relay<ReplayBatch>(async (give) => {
        const decoder = new EventDecoder({ reader: pipeline.schema, source });
        const reader = await TopicReader.open(kafka);
        try {
          for (let partition = 0; partition < partitions; partition++) {
            let taken = 0;
            await reader.readPartition(topic, partition, {
              onRecords: async (records) => {
                const wanted = records.slice(0, Math.max(0, most - taken));
                taken += wanted.length;
                await decoder.prepare(wanted.map(({ value }) => value));
                const events: ReplayEvent[] = [];
                for (const { key, value, offset, timestamp } of wanted) {
                  const event = key === null || key.length === 0 ? 'nullKey' : decoder.decode(value);
                  if (event === UNPREPARED) left['unknownSchema'] = (left['unknownSchema'] ?? 0) + 1;
                  else if (typeof event === 'string' || event instanceof Undecodable) {
                    const reason = typeof event === 'string' ? event : event.reason;
                    left[reason] = (left[reason] ?? 0) + 1;
                  } else
                    events.push({
                      key: key!.toString(),
                      event,
                      offset: Number(offset),
                      timestamp: Number(timestamp),
                    });
                }
                if (events.length > 0) await give({ partition, events });
              },
            });
          }
        } finally {
          await reader.close();
        }
      }),
  };
}
