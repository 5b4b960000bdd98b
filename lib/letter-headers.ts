import type { IHeaders } from 'kafkajs';

/** On a replayed message: the id of the letter that it was. */
export const LETTER_HEADER = 'riskwire-dead-letter';
/** On a replayed message: where it stood first, and when; see Origin. */
export const ORIGIN_HEADER = 'riskwire-origin';
/** On a letter: when it was replayed (ISO 8601). */
export const REPLAYED_HEADER = 'riskwire-replayed';
/** On a letter of a replayed message: the offset at which it died this time. */
export const READ_AT_HEADER = 'riskwire-read-at';

export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** Where a replayed message stood first, in the same partition. All ids are derived from it, so a replay keeps them. */
export interface Origin {
  readonly offset: number;
  /** the time of the first message, epoch ms */
  readonly time: number;
}

const FORM = /^([\w.-]{1,249})\/(\d{1,10})\/(\d{1,16})\/(-?\d{1,16})$/;
const LONGEST = 300;

export function originHeader({ topic, partition, offset }: Place, time: number): Buffer {
  return Buffer.from(`${topic}/${partition}/${offset}/${time}`);
}

/**
 * The origin that a message claims; undefined where it claims none, or one that can't be: of another topic or
 * partition, not before the message itself, or no such text at all. Then the message is known by its own place.
 * So whoever may write to a partition can take the ids of an earlier event of that partition, and of nothing else.
 * @param place where the message was read
 */
export function originOf(headers: IHeaders | undefined, place: Place): Origin | undefined {
  const header = headers?.[ORIGIN_HEADER];
  // Twice is no claim; null is what kafkajs gives for a header without a value.
  if (header === undefined || header === null || Array.isArray(header) || header.length > LONGEST)
    return undefined;
  const [, topic, partition, offset, time] = FORM.exec(header.toString()) ?? [];
  if (topic !== place.topic || Number(partition) !== place.partition) return undefined;
  const origin = { offset: Number(offset), time: Number(time) };
  return origin.offset < place.offset && Number.isSafeInteger(origin.time) ? origin : undefined;
}
