import type { Kafka } from 'kafkajs';
import { ownCodec } from '../../../lib/avro.js';
import type { DeadLetter } from '../../../lib/dead-letter.js';
import { TopicReader } from '../../../lib/topic-reader.js';
import { partitionCount } from '../../../lib/topics.js';
import { type Letter, letterFrom, newerOf, type Selection, selects } from './selection.js';

export interface Found {
  /** one of each id, see newerOf, oldest letter first */
  readonly letters: Letter[];
  /** records that could not be read as dead letters */
  readonly unreadable: number;
}

/**
 * Reads the letters that the topic keeps (30 days by default; ClickHouse has them for 90).
 */
export async function readLetters(kafka: Kafka, topic: string, selection: Selection): Promise<Found> {
  const codec = ownCodec<DeadLetter>('dead-letter');
  const newest = new Map<string, Letter>();
  let unreadable = 0;
  const reader = await TopicReader.open(kafka);
  try {
    const partitions = await partitionCount(kafka, topic);
    for (let partition = 0; partition < partitions; partition++) {
      await reader.readPartition(topic, partition, {
        onRecord: ({ value }) => {
          if (value === null) return;
          try {
            const letter = letterFrom(codec.decode(value));
            newest.set(letter.id, newerOf(newest.get(letter.id), letter));
          } catch {
            // counted and told: one foreign record must not keep the others from being listed
            unreadable++;
          }
        },
      });
    }
  } finally {
    await reader.close();
  }
  const letters = [...newest.values()].filter((letter) => selects(selection, letter));
  return { letters: letters.sort((a, b) => a.deadAt - b.deadAt || a.offset - b.offset), unreadable };
}
