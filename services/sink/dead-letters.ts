import type { IHeaders } from 'kafkajs';
import { AvroError } from '../../lib/avro.js';
import { faultCode, isRowFault } from '../../lib/clickhouse.js';
import type { DeadLetterReason } from '../../lib/dead-letter-reasons.js';
import { deadLetterId } from '../../lib/ids.js';
import { reasonOf } from '../../lib/retry.js';
import type { Origin } from './batch.js';
import type { Fields } from './tables.js';

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

/** so that a letter fits into a broker's usual largest message of 1 MiB */
const MAX_VALUE_BYTES = 900_000;
/** ClickHouse quotes the row that it refuses */
const MAX_DETAIL = 1_000;

/**
 * The letter for a record of our own topics that can't become a row.
 *
 * A dead letter that ClickHouse refuses goes back without the bytes that it holds, and one that is refused even so,
 * which is a letter about a letter, not at all (undefined): else it would go round for ever.
 */
export function letterOf(
  origin: Origin,
  error: unknown,
  record: Fields | undefined,
  deadLetters: string,
): DeadLetter | undefined {
  const { topic, partition, message } = origin;
  const refusedLetter = topic === deadLetters && isRowFault(error);
  if (refusedLetter && record?.['topic'] === deadLetters) return undefined;
  const pipeline = typeof record?.['pipeline'] === 'string' ? record['pipeline'] : '';
  const value = refusedLetter ? null : message.value;
  return {
    id: deadLetterId(pipeline, topic, partition, message.offset),
    pipeline,
    topic,
    partition,
    offset: Number(message.offset),
    messageTime: Number(message.timestamp),
    deadAt: Date.now(),
    ...explain(error),
    key: refusedLetter ? null : message.key,
    value: value?.subarray(0, MAX_VALUE_BYTES) ?? null,
    truncated: (message.value?.length ?? 0) > (value === null ? 0 : MAX_VALUE_BYTES),
    headers: refusedLetter ? [] : headersOf(message.headers ?? {}),
  };
}

function explain(error: unknown): Pick<DeadLetter, 'reason' | 'field' | 'detail'> {
  if (isRowFault(error)) {
    const detail = `ClickHouse refuses its row (${faultCode(error)}): ${reasonOf(error)}`.slice(
      0,
      MAX_DETAIL,
    );
    return { reason: 'refused', field: '', detail };
  }
  const what =
    error instanceof AvroError
      ? reasonOf(error)
      : `it does not hold what its schema says: ${reasonOf(error)}`;
  return { reason: 'malformed', field: '', detail: what.slice(0, MAX_DETAIL) };
}

function headersOf(headers: IHeaders): DeadLetter['headers'] {
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => ({
      name,
      value: one === undefined ? null : Buffer.from(one),
    })),
  );
}
