import type { IHeaders, KafkaMessage } from 'kafkajs';

/**
 * The records of one partition in columns over the bytes that they came in: no object, string or buffer a record.
 * A null key or value has the start -1. Offsets and times are whole numbers below 2^53.
 */
export class RecordColumns implements Iterable<KafkaMessage> {
  /** kafkajs looks at the first and the last record of what it fetched; these two are there, the others by `at` */
  readonly [index: number]: KafkaMessage;

  constructor(
    readonly length: number,
    readonly bytes: Buffer,
    readonly offsets: Float64Array,
    /** epoch ms */
    readonly times: Float64Array,
    readonly keyStarts: Int32Array,
    readonly keyEnds: Int32Array,
    readonly valueStarts: Int32Array,
    readonly valueEnds: Int32Array,
    /** where the number of headers stands; -1 where `messages` has them */
    private readonly headersAt: Int32Array,
    private readonly messages?: readonly KafkaMessage[],
  ) {
    const ends = this as { [index: number]: KafkaMessage };
    if (length > 0) ends[0] = this.at(0);
    if (length > 1) ends[length - 1] = this.at(length - 1);
  }

  /** Messages that came as objects. */
  static of(messages: readonly KafkaMessage[]): RecordColumns {
    const count = messages.length;
    const parts: Buffer[] = [];
    const columns = emptyColumns(count);
    let end = 0;
    const put = (part: Buffer | null | undefined, starts: Int32Array, ends: Int32Array, row: number) => {
      if (part === null || part === undefined) {
        starts[row] = -1;
        ends[row] = -1;
        return;
      }
      starts[row] = end;
      end += part.length;
      ends[row] = end;
      parts.push(part);
    };
    messages.forEach((message, row) => {
      columns.offsets[row] = Number(message.offset);
      columns.times[row] = Number(message.timestamp);
      put(message.key, columns.keyStarts, columns.keyEnds, row);
      put(message.value, columns.valueStarts, columns.valueEnds, row);
    });
    columns.headersAt.fill(-1);
    return withColumns(count, Buffer.concat(parts), columns, messages);
  }

  /** A record as kafkajs would give it. */
  at(row: number): KafkaMessage {
    const given = this.messages?.[row];
    if (given !== undefined) return given;
    const message = {
      magicByte: 2,
      attributes: 0,
      timestamp: String(this.times[row]),
      offset: String(this.offsets[row]),
      key: this.#part(this.keyStarts[row]!, this.keyEnds[row]!),
      value: this.#part(this.valueStarts[row]!, this.valueEnds[row]!),
      headers: headersOf(this.bytes, this.headersAt[row]!),
      isControlRecord: false,
    };
    return message as unknown as KafkaMessage;
  }

  /** undefined, and nothing is read, where a record has none, as most. */
  headers(row: number): IHeaders | undefined {
    const given = this.messages?.[row];
    if (given !== undefined) return given.headers;
    const at = this.headersAt[row]!;
    return this.bytes[at] === 0 ? undefined : headersOf(this.bytes, at);
  }

  value(row: number): Buffer | null {
    return this.#part(this.valueStarts[row]!, this.valueEnds[row]!);
  }

  #part(start: number, end: number): Buffer | null {
    return start < 0 ? null : this.bytes.subarray(start, end);
  }

  *[Symbol.iterator](): Iterator<KafkaMessage> {
    for (let row = 0; row < this.length; row++) yield this.at(row);
  }

  /**
   * What kafkajs' Batch asks of an array of messages: it leaves out what lies before the offset that was asked for, and
   * control records, of which there are none here. So the records that pass are the last ones, and are found by halving.
   */
  filter(passes: (message: KafkaMessage) => boolean): RecordColumns {
    let low = 0;
    let high = this.length;
    while (low < high) {
      // Most often all pass, so the first is looked at first.
      const middle = low === 0 && high === this.length ? 0 : (low + high) >>> 1;
      if (passes(this.at(middle))) high = middle;
      else low = middle + 1;
    }
    return low === 0 ? this : this.#from(low);
  }

  some(matches: (message: KafkaMessage) => boolean): boolean {
    for (let row = 0; row < this.length; row++) if (matches(this.at(row))) return true;
    return false;
  }

  #from(row: number): RecordColumns {
    return new RecordColumns(
      this.length - row,
      this.bytes,
      this.offsets.subarray(row),
      this.times.subarray(row),
      this.keyStarts.subarray(row),
      this.keyEnds.subarray(row),
      this.valueStarts.subarray(row),
      this.valueEnds.subarray(row),
      this.headersAt.subarray(row),
      this.messages?.slice(row),
    );
  }
}

export interface Columns {
  readonly offsets: Float64Array;
  readonly times: Float64Array;
  readonly keyStarts: Int32Array;
  readonly keyEnds: Int32Array;
  readonly valueStarts: Int32Array;
  readonly valueEnds: Int32Array;
  readonly headersAt: Int32Array;
}

export function emptyColumns(count: number): Columns {
  return {
    offsets: new Float64Array(count),
    times: new Float64Array(count),
    keyStarts: new Int32Array(count),
    keyEnds: new Int32Array(count),
    valueStarts: new Int32Array(count),
    valueEnds: new Int32Array(count),
    headersAt: new Int32Array(count),
  };
}

export function withColumns(
  count: number,
  bytes: Buffer,
  columns: Columns,
  messages?: readonly KafkaMessage[],
): RecordColumns {
  const { offsets, times, keyStarts, keyEnds, valueStarts, valueEnds, headersAt } = columns;
  return new RecordColumns(
    count,
    bytes,
    offsets,
    times,
    keyStarts,
    keyEnds,
    valueStarts,
    valueEnds,
    headersAt,
    messages,
  );
}

/** Zig-zag varints of records, read one after the other. */
export class VarintCursor {
  constructor(
    readonly bytes: Buffer,
    public at = 0,
  ) {}

  next(): number {
    const { bytes } = this;
    let byte = bytes[this.at++]!;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    let scale = 128;
    do {
      byte = bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80 && scale < 2 ** 63);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

/** As kafkajs has them: a name that comes twice has a list of values, one without a value null. */
function headersOf(bytes: Buffer, at: number): IHeaders {
  // Nothing is inherited: a producer may name a header like what every object has.
  const headers: IHeaders = Object.create(null);
  if (at < 0) return headers;
  const cursor = new VarintCursor(bytes, at);
  const part = (): Buffer | null => {
    const size = cursor.next();
    if (size < 0) return null;
    cursor.at += size;
    return bytes.subarray(cursor.at - size, cursor.at);
  };
  // What says that there are more than its bytes hold is read as far as they go.
  for (let left = cursor.next(); left > 0 && cursor.at < bytes.length; left--) {
    const name = part()?.toString('utf8') ?? '';
    const value = part() as Buffer;
    const before = headers[name];
    headers[name] =
      before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return headers;
}
