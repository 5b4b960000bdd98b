import type { KafkaMessage } from 'kafkajs';
import type { Undecodable } from '../../lib/dead-letter-reasons.js';
import { deadLetterId } from '../../lib/ids.js';
import type { Pipeline } from '../../pipelines/loader.js';

/** A record of schemas/dead-letter.avsc. */
export interface DeadLetter {
  id: string;
  pipeline: string;
  topic: string;
  partition: number;
  offset: number;
  messageTime: number;
  deadAt: number;
  reason: string;
  field: string;
  detail: string;
  key: Buffer | null;
  value: Buffer | null;
  truncated: boolean;
  headers: { name: string; value: Buffer | null }[];
}

/** Keeps the message with all that is needed to replay it: its bytes, key, headers and where it came from. */
export function buildDeadLetter(
  pipeline: Pipeline,
  partition: number,
  message: KafkaMessage,
  rejection: Undecodable,
  now: number,
  mostBytes: number,
): DeadLetter {
  const truncated = message.value !== null && message.value.length > mostBytes;
  return {
    id: deadLetterId(pipeline.name, pipeline.topic, partition, message.offset),
    pipeline: pipeline.name,
    topic: pipeline.topic,
    partition,
    offset: Number(message.offset),
    messageTime: Number(message.timestamp),
    deadAt: now,
    reason: rejection.reason,
    field: rejection.field,
    detail: rejection.detail,
    key: message.key ?? null,
    value: truncated ? message.value!.subarray(0, mostBytes) : message.value,
    truncated,
    headers: Object.entries(message.headers ?? {}).flatMap(([name, values]) =>
      (Array.isArray(values) ? values : [values]).map((value) => ({
        name,
        value: value === undefined ? null : Buffer.from(value),
      })),
    ),
  };
}
