import type { Kafka } from 'kafkajs';
import { Undecodable } from '../../lib/dead-letter-reasons.js';
import { EventDecoder, UNPREPARED } from '../../lib/event-decoder.js';
import type { SchemaSource } from '../../lib/schema-source.js';
import { TopicReader } from '../../lib/topic-reader.js';
import { partitionCount } from '../../lib/topics.js';
import type { Pipeline } from '../../pipelines/loader.js';
import type { RecordedEvents } from '../scorer/train.js';
import { CommandFailed } from './exit.js';

interface Recorded {
  readonly key: string;
  readonly value: Buffer;
  readonly timestamp: number;
}

const BATCH = 1000;

/**
 * What lies in a pipeline's topic now, in the order in which it arrived: partitions are read one by one and merged by
 * the time at which the broker took each message. At most `most` messages of a partition are kept, the first ones.
 */
export async function* eventsFromTopic(
  kafka: Kafka,
  pipeline: Pipeline,
  source: SchemaSource,
  most: number,
  onRead: (records: number) => void,
): AsyncGenerator<RecordedEvents> {
  const { topic } = pipeline;
  const partitions = await partitionCount(kafka, topic);
  if (partitions === 0)
    throw new CommandFailed(
      `there is no topic '${topic}' to learn ${pipeline.name} from: record events into it first, or learn from a stream that ships (--from stream)`,
    );
  const recorded = await readAll(kafka, topic, partitions, most, onRead);
  const decoder = new EventDecoder<object>({ reader: pipeline.schema, source });
  for (let from = 0; from < recorded.length; from += BATCH) {
    const part = recorded.slice(from, from + BATCH);
    await decoder.prepare(part.map(({ value }) => value));
    const keys: string[] = [];
    const events: object[] = [];
    for (const { key, value } of part) {
      const event = decoder.decode(value);
      // what can't be decoded is a dead letter to the scorer and nothing to learn from
      if (event === UNPREPARED || event instanceof Undecodable) continue;
      keys.push(key);
      events.push(event);
    }
    yield { keys, events };
  }
}

async function readAll(
  kafka: Kafka,
  topic: string,
  partitions: number,
  most: number,
  onRead: (records: number) => void,
): Promise<Recorded[]> {
  const reader = await TopicReader.open(kafka);
  try {
    const recorded: Recorded[] = [];
    for (let partition = 0; partition < partitions; partition += 1) {
      let taken = 0;
      await reader.readPartition(topic, partition, {
        onRecord: ({ key, value, timestamp }) => {
          if (key === null || value === null || taken >= most) return;
          taken += 1;
          recorded.push({ key: key.toString(), value, timestamp: Number(timestamp) });
        },
        onProgress: () => onRead(recorded.length),
      });
    }
    // stable, so a partition's own order stays
    return recorded.sort((a, b) => a.timestamp - b.timestamp);
  } finally {
    await reader.close();
  }
}
