import kafkajs, { type IHeaders, type Kafka } from 'kafkajs';
import { ownCodec } from '../../../lib/avro.js';
import type { DeadLetter } from '../../../lib/dead-letter.js';
import { createProducer, sendBatches } from '../../../lib/kafka.js';
import {
  LETTER_HEADER,
  ORIGIN_HEADER,
  originHeader,
  READ_AT_HEADER,
  REPLAYED_HEADER,
} from '../../../lib/letter-headers.js';
import { TopicReader } from '../../../lib/topic-reader.js';
import type { Letter } from './selection.js';

export interface Replayed {
  readonly replayed: string[];
  /** with why */
  readonly left: { id: string; why: string }[];
}

/** so many go out before they are marked */
const TOGETHER = 500;
const LARGEST_FETCH = 16 << 20;

/**
 * Sends the original bytes, key and headers to the partition they came from, with the letter's id and the event's
 * first place in headers, then writes the letter again as replayed. Dying between the two, the letter is still open and
 * a second replay sends the event again: never lost, and twice at worst.
 *
 * The event gets a new offset and is scored where it now stands in the stream; what comes of it has the ids of its
 * first place, however often it is sent: one risk, or the same letter once more.
 */
export async function replayLetters(
  kafka: Kafka,
  deadLetterTopic: string,
  letters: readonly Letter[],
  now: () => number,
  onProgress: (done: number) => void = () => undefined,
): Promise<Replayed> {
  const codec = ownCodec<DeadLetter>('dead-letter');
  const producer = await createProducer(kafka);
  const reader = await TopicReader.open(kafka);
  const replayed: string[] = [];
  const left: Replayed['left'] = [];
  try {
    for (let from = 0; from < letters.length; from += TOGETHER) {
      const ready: { letter: Letter; value: Buffer | null }[] = [];
      for (const letter of letters.slice(from, from + TOGETHER)) {
        if (!letter.truncated) ready.push({ letter, value: letter.value });
        else {
          const value = await originalValue(reader, letter);
          if (value === undefined)
            left.push({ id: letter.id, why: 'its value was cut, and Kafka no longer keeps the message' });
          else ready.push({ letter, value });
        }
      }
      // In the order they were in: one topic after the other, each in the order of its letters.
      for (const topic of new Set(ready.map(({ letter }) => letter.topic))) {
        await sendBatches(
          producer,
          topic,
          ready
            .filter(({ letter }) => letter.topic === topic)
            .map(({ letter, value }) => ({
              key: letter.key,
              value,
              partition: letter.partition,
              headers: {
                ...headersOf(letter),
                [LETTER_HEADER]: letter.id,
                [ORIGIN_HEADER]: originHeader(letter, letter.messageTime),
              },
            })),
        );
      }
      const at = Buffer.from(new Date(now()).toISOString());
      await sendBatches(
        producer,
        deadLetterTopic,
        ready.map(({ letter }) => ({ key: letter.id, value: codec.encode(asReplayed(letter, at)) })),
      );
      replayed.push(...ready.map(({ letter }) => letter.id));
      onProgress(Math.min(letters.length, from + TOGETHER));
    }
  } finally {
    await Promise.all([producer.disconnect(), reader.close()]);
  }
  return { replayed, left };
}

function asReplayed({ replayedAt: _before, replayOf, readAt, ...letter }: Letter, at: Buffer): DeadLetter {
  const own = [{ name: REPLAYED_HEADER, value: at }];
  if (replayOf !== undefined) own.push({ name: LETTER_HEADER, value: Buffer.from(replayOf) });
  if (readAt !== letter.offset) own.push({ name: READ_AT_HEADER, value: Buffer.from(String(readAt)) });
  return { ...letter, headers: [...letter.headers, ...own] };
}

/** A name that came more than once keeps all its values; kafkajs writes no header without one. */
function headersOf({ headers }: Letter): IHeaders {
  const all = new Map<string, Buffer[]>();
  for (const { name, value } of headers) all.set(name, [...(all.get(name) ?? []), value ?? Buffer.alloc(0)]);
  return Object.fromEntries(
    [...all].map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
  );
}

/** The whole value of a message that its letter holds the beginning of only; undefined when Kafka keeps it no longer. */
async function originalValue(reader: TopicReader, letter: Letter): Promise<Buffer | null | undefined> {
  try {
    const [fetched] = await reader.fetcher.fetch(
      letter.topic,
      new Map([[letter.partition, BigInt(letter.readAt)]]),
      { maxBytes: LARGEST_FETCH, maxWaitMs: 100 },
    );
    return fetched?.records.find(({ offset }) => Number(offset) === letter.readAt)?.value;
  } catch (error) {
    if (error instanceof kafkajs.KafkaJSOffsetOutOfRange) return undefined;
    throw error;
  }
}
