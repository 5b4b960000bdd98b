import type { Kafka } from 'kafkajs';
import { Undecodable } from '../../../lib/dead-letter-reasons.js';
import { EventDecoder, UNPREPARED } from '../../../lib/event-decoder.js';
import type { SchemaSource } from '../../../lib/schema-source.js';
import { TopicReader } from '../../../lib/topic-reader.js';
import { partitionCount } from '../../../lib/topics.js';
import { CommandFailed } from '../exit.js';
import type { SampleEvent } from './propose.js';

export interface RawEvent {
  readonly key: string;
  readonly value: Buffer;
}

/** Thrown by the reader's own callback to end a partition early; never leaves this file. */
class Enough extends Error {}

/** The first events of a topic, a share from each partition. */
export async function rawSample(kafka: Kafka, topic: string, most: number): Promise<RawEvent[]> {
  const partitions = await partitionCount(kafka, topic);
  if (partitions === 0)
    throw new CommandFailed(
      `there is no topic '${topic}'; check the name and --brokers, or propose from a schema alone (--schema)`,
    );
  const each = Math.ceil(most / partitions);
  const reader = await TopicReader.open(kafka);
  const events: RawEvent[] = [];
  try {
    for (let partition = 0; partition < partitions; partition++) {
      let taken = 0;
      await reader
        .readPartition(topic, partition, {
          onRecords: async (records) => {
            for (const { key, value } of records) {
              if (taken >= each) throw new Enough();
              if (key === null || value === null) continue;
              taken++;
              events.push({ key: key.toString(), value });
            }
          },
        })
        .catch((error: unknown) => {
          if (!(error instanceof Enough)) throw error;
        });
    }
  } finally {
    await reader.close();
  }
  return events;
}

export async function decodeSample(
  raw: readonly RawEvent[],
  schema: unknown,
  source: SchemaSource,
): Promise<{ sample: SampleEvent[]; undecodable: number }> {
  const decoder = new EventDecoder({ reader: schema, source });
  await decoder.prepare(raw.map(({ value }) => value));
  const sample: SampleEvent[] = [];
  for (const { key, value } of raw) {
    const event = decoder.decode(value);
    if (event === UNPREPARED || event instanceof Undecodable) continue;
    sample.push({ key, event });
  }
  return { sample, undecodable: raw.length - sample.length };
}
