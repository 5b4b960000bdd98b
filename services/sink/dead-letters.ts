import { AvroError } from '../../lib/avro.js';
import { faultCode, isRowFault } from '../../lib/clickhouse.js';
import { type DeadLetter, deadLetterOf } from '../../lib/dead-letter.js';
import { reasonOf } from '../../lib/retry.js';
import type { Origin } from './batch.js';
import type { Fields } from './tables.js';

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
  const letter = deadLetterOf(
    { pipeline, topic, partition, message, deadAt: Date.now() },
    explain(error),
    refusedLetter ? 0 : MAX_VALUE_BYTES,
  );
  return refusedLetter ? { ...letter, key: null, value: null, headers: [] } : letter;
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
