import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { DeadLetterReason } from './dead-letter-reasons.js';
import { deadLetterId } from './ids.js';
import { originOf, READ_AT_HEADER, REPLAYED_HEADER } from './letter-headers.js';

/** A record of schemas/dead-letter.avsc. */
export interface DeadLetter {
  id: string;
  pipeline: string;
  topic: string;
  partition: number;
  offset: number;
  messageTime: number;
  deadAt: number;
  reason: DeadLetterReason;
  field: string;
  detail: string;
  key: Buffer | null;
  value: Buffer | null;
  truncated: boolean;
  headers: { name: string; value: Buffer | null }[];
}

/** Where a message was read, and when it was set aside (epoch ms). */
export interface DeadOrigin {
  readonly pipeline: string;
  readonly topic: string;
  readonly partition: number;
  readonly message: KafkaMessage;
  readonly deadAt: number;
}

/**
 * Keeps a message with all that is needed to replay it: its bytes (the first `mostBytes` of them), key, headers, and
 * where it came from. A replayed message that dies again gives the letter that it was: its id, place and time are those
 * of its origin, and the header READ_AT_HEADER says where it stood this time.
 */
export function deadLetterOf(
  { pipeline, topic, partition, message, deadAt }: DeadOrigin,
  why: Pick<DeadLetter, 'reason' | 'field' | 'detail'>,
  mostBytes: number,
): DeadLetter {
  const { value } = message;
  const readAt = Number(message.offset);
  const origin = originOf(message.headers, { topic, partition, offset: readAt });
  const offset = origin?.offset ?? readAt;
  const headers = headersOf(message.headers ?? {});
  if (origin !== undefined) headers.push({ name: READ_AT_HEADER, value: Buffer.from(String(readAt)) });
  return {
    id: deadLetterId(pipeline, topic, partition, offset),
    pipeline,
    topic,
    partition,
    offset,
    messageTime: origin?.time ?? Number(message.timestamp),
    deadAt,
    reason: why.reason,
    field: why.field,
    detail: why.detail,
    key: message.key ?? null,
    value: value?.subarray(0, mostBytes) ?? null,
    truncated: (value?.length ?? 0) > mostBytes,
    headers,
  };
}

/** Without what is said of letters, which a message can't say of itself. */
function headersOf(headers: IHeaders): DeadLetter['headers'] {
  return Object.entries(headers).flatMap(([name, values]) => {
    if (name === REPLAYED_HEADER || name === READ_AT_HEADER) return [];
    const all: unknown[] = Array.isArray(values) ? values : [values];
    return all
      .filter(isHeaderValue)
      .map((value) => ({ name, value: value === null ? null : Buffer.from(value) }));
  });
}

/**
 * kafkajs gives null for a header without a value, and takes what every object has of a name (`toString`) for the first
 * of its values: whatever a producer names its headers, its letter must not fail.
 */
function isHeaderValue(value: unknown): value is string | Buffer | null {
  return value === null || typeof value === 'string' || Buffer.isBuffer(value);
}
