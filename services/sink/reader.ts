import { ownCodec } from '../../lib/avro.js';
import type { Origin } from './batch.js';
import { jsonRow } from './json-row.js';
import type { Fields, Table } from './tables.js';

/** What a Kafka record turns out to be. */
export type Outcome =
  | { kind: 'rows'; rows: string[] }
  | { kind: 'tombstone' }
  | { kind: 'unread'; error: unknown };

export interface Reader {
  read(origin: Origin): Outcome;
  /** the record's fields, undefined when it can't be decoded */
  decode(origin: Origin): Fields | undefined;
}

/** Decodes the records of one table's topic and makes its rows of them. A bad record is a value, nothing is thrown. */
export function createReader(table: Table): Reader {
  const codec = ownCodec<Fields>(table.record);
  return {
    read({ partition, message }) {
      // a compacted topic's key was deleted: history keeps its rows
      if (message.value === null) return { kind: 'tombstone' };
      try {
        const rows = table.rows(codec.decode(message.value), { partition, offset: message.offset });
        return { kind: 'rows', rows: rows.map(jsonRow) };
      } catch (error) {
        return { kind: 'unread', error };
      }
    },
    decode({ message }) {
      try {
        return message.value === null ? undefined : codec.decode(message.value);
      } catch {
        return undefined; // read() has reported why
      }
    },
  };
}
