import type { Kafka } from 'kafkajs';
import { deadLetter, Undecodable } from '../../../lib/dead-letter-reasons.js';
import { EventDecoder, UNPREPARED } from '../../../lib/event-decoder.js';
import type { SchemaSource } from '../../../lib/schema-source.js';
import { TopicReader } from '../../../lib/topic-reader.js';
import { partitionCount } from '../../../lib/topics.js';
import type { Pipeline } from '../../../pipelines/loader.js';
import type { RecordedEvents } from '../../scorer/train.js';
import { CommandFailed } from '../exit.js';
import { SortedSpool } from './sorted-spool.js';
import { EVENTS_A_BATCH, Faults, type TrainingSource } from './source.js';

/**
 * What lies in a pipeline's topic now, in the order in which it arrived: partitions are read one by one and merged by
 * the time at which the broker took each message, through temporary files when there is more than fits. At most `most`
 * messages of a partition are taken, the first ones.
 */
export async function topicEvents(
  kafka: Kafka,
  pipeline: Pipeline,
  source: SchemaSource,
  most: number,
  onRead: (records: number) => void,
): Promise<TrainingSource> {
  const { topic } = pipeline;
  const partitions = await partitionCount(kafka, topic);
  if (partitions === 0)
    throw new CommandFailed(
      `there is no topic '${topic}' to learn ${pipeline.name} from: record events into it first, learn from files or ClickHouse, or from a stream that ships (--from stream)`,
    );
  const faults = new Faults();
  const spool = new SortedSpool();
  try {
    await readAll(kafka, pipeline, partitions, { most, spool, faults, onRead });
  } catch (error) {
    spool.close();
    throw error;
  }
  return {
    name: `topic ${topic}`,
    total: () => spool.records,
    faults,
    batches: decoded(spool, pipeline, source, faults),
    close: () => spool.close(),
  };
}

async function* decoded(
  spool: SortedSpool,
  pipeline: Pipeline,
  source: SchemaSource,
  faults: Faults,
): AsyncGenerator<RecordedEvents> {
  const decoder = new EventDecoder<object>({ reader: pipeline.schema, source });
  let part: { key: string; value: Buffer }[] = [];
  async function* decode(): AsyncGenerator<RecordedEvents> {
    await decoder.prepare(part.map(({ value }) => value));
    const keys: string[] = [];
    const events: object[] = [];
    for (const { key, value } of part) {
      const event = decoder.decode(value);
      // what can't be decoded is a dead letter to the scorer and nothing to learn from
      if (event === UNPREPARED)
        faults.note('unknownSchema', `a message of ${key}`, 'its schema is not known');
      else if (event instanceof Undecodable) faults.note(event.reason, `a message of ${key}`, event.detail);
      else {
        keys.push(key);
        events.push(event);
      }
    }
    part = [];
    yield { keys, events };
  }
  for (const record of spool.read()) {
    part.push(record);
    if (part.length === EVENTS_A_BATCH) yield* decode();
  }
  if (part.length > 0) yield* decode();
}

async function readAll(
  kafka: Kafka,
  { topic, entity }: Pipeline,
  partitions: number,
  options: { most: number; spool: SortedSpool; faults: Faults; onRead: (records: number) => void },
): Promise<void> {
  const { most, spool, faults, onRead } = options;
  const reader = await TopicReader.open(kafka);
  try {
    for (let partition = 0; partition < partitions; partition += 1) {
      let taken = 0;
      await reader.readPartition(topic, partition, {
        onRecord: ({ key, value, timestamp, offset }) => {
          if (taken >= most) return;
          taken += 1;
          const where = `offset ${offset} of partition ${partition}`;
          if (value === null) faults.note('noValue', where, deadLetter.noValue().detail);
          else if (key === null || key.length === 0)
            faults.note('nullKey', where, deadLetter.nullKey(entity).detail);
          // the fetch's buffer is large: what waits keeps its own bytes alone
          else spool.add({ time: Number(timestamp), key: key.toString(), value: Buffer.from(value) });
        },
        onProgress: () => onRead(spool.records),
      });
    }
  } finally {
    await reader.close();
  }
}
