import type { Kafka } from 'kafkajs';
import { ownCodec } from '../../../lib/avro.js';
import type { DeadLetter } from '../../../lib/dead-letter.js';
import { TopicReader } from '../../../lib/topic-reader.js';
import { partitionCount } from '../../../lib/topics.js';
import { type Letter, letterFrom, type Selection, selects } from './selection.js';

export interface Found {
  /** the newest record of each id, oldest letter first */
  readonly letters: Letter[];
  /** records that could not be read as dead letters */
  readonly unreadable: number;
}

/**
 * Reads the letters that the topic keeps (30 days by default; ClickHouse has them for 90). A letter that was written
 * again, after a crash or a replay, counts as its newest record.
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
            // A scorer that reads a stretch again after a crash writes its letters again: they stay replayed.
            const before = newest.get(letter.id)?.replayedAt;
            newest.set(letter.id, { ...letter, replayedAt: letter.replayedAt ?? before });
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
