import { gzipSync } from 'node:zlib';
import { type LogLimits, PartitionLog } from './partition-log.js';

function varint(value: number): number[] {
  let raw = value >= 0 ? value * 2 : -value * 2 - 1;
  const bytes: number[] = [];
  for (; raw >= 0x80; raw = Math.floor(raw / 128)) bytes.push((raw & 0x7f) | 0x80);
  return [...bytes, raw];
}

interface BatchOptions {
  gzip?: boolean;
  producerId?: number;
  sequence?: number;
  timestamp?: number;
  valueBytes?: number;
}

/** A record batch as a producer sends it; a null key is written as one. */
function batch(keys: (string | null)[], options: BatchOptions = {}): Buffer {
  const { gzip = false, producerId = -1, sequence = -1, timestamp = 0, valueBytes = 10 } = options;
  const plain = Buffer.concat(
    keys.map((key, place) => {
      const value = Buffer.alloc(valueBytes, 'v');
      const body = Buffer.concat([
        Buffer.from([0, ...varint(0), ...varint(place), ...varint(key === null ? -1 : key.length)]),
        Buffer.from(key ?? ''),
        Buffer.from(varint(value.length)),
        value,
        Buffer.from(varint(0)),
      ]);
      return Buffer.concat([Buffer.from(varint(body.length)), body]);
    }),
  );
  const records = gzip ? gzipSync(plain) : plain;
  const header = Buffer.alloc(61);
  header.writeInt32BE(49 + records.length, 8);
  header.writeInt8(2, 16);
  header.writeInt16BE(gzip ? 1 : 0, 21);
  header.writeInt32BE(keys.length - 1, 23);
  header.writeBigInt64BE(BigInt(timestamp), 35);
  header.writeBigInt64BE(BigInt(producerId), 43);
  header.writeInt16BE(producerId < 0 ? -1 : 0, 51);
  header.writeInt32BE(sequence, 53);
  header.writeInt32BE(keys.length, 57);
  return Buffer.concat([header, records]);
}

function newLog(limits: Partial<LogLimits> = {}): PartitionLog {
  return new PartitionLog({ retentionBytes: 1e9, maxBatchBytes: 1e6, compact: false, ...limits });
}

const offsetsOf = (batches: readonly Buffer[]) => batches.map((bytes) => Number(bytes.readBigInt64BE(0)));
const refusal = (type: string) => expect.objectContaining({ type });

describe('PartitionLog', () => {
  test('gives offsets in order and reads whole batches from the one that holds an offset', () => {
    const log = newLog();
    expect(log.append(batch(['a', 'b', 'c']))).toBe(0);
    expect(log.append(batch(['d', 'e']))).toBe(3);
    expect(log.append(Buffer.concat([batch(['f']), batch(['g'])]))).toBe(5);
    expect(log.endOffset).toBe(7);
    expect(offsetsOf(log.read(1, 1e6))).toEqual([0, 3, 5, 6]);
    expect(offsetsOf(log.read(4, 1))).toEqual([3]);
    expect(log.read(7, 1e6)).toEqual([]);
    expect(() => log.read(8, 1)).toThrow(refusal('OFFSET_OUT_OF_RANGE'));
  });

  test('drops the oldest batches beyond its size, and never the newest', () => {
    const one = batch(['a'], { valueBytes: 1_000 }).length;
    const log = newLog({ retentionBytes: 3 * one });
    for (let count = 0; count < 5; count += 1) log.append(batch(['a'], { valueBytes: 1_000 }));
    expect([log.startOffset, log.endOffset, log.sizeBytes]).toEqual([2, 5, 3 * one]);
    expect(() => log.read(1, 1)).toThrow(refusal('OFFSET_OUT_OF_RANGE'));
    log.append(batch(['large'], { valueBytes: 9_000 }));
    expect(offsetsOf(log.read(log.startOffset, 1e6))).toEqual([5]);
  });

  test.each([false, true])('keeps the newest record of each key when compacted (gzip: %s)', (gzip) => {
    const log = newLog({ compact: true, retentionBytes: 1 });
    log.append(batch(['a', 'b'], { gzip }));
    log.append(batch(['c'], { gzip }));
    log.append(batch(['a'], { gzip }));
    expect(offsetsOf(log.read(0, 1e6))).toEqual([0, 2, 3]);
    log.append(batch(['b', 'a'], { gzip }));
    expect(offsetsOf(log.read(0, 1e6))).toEqual([2, 4]);
    expect(log.startOffset).toBe(0);
  });

  test('refuses what a compacted log can’t keep: a record without a key', () => {
    const log = newLog({ compact: true });
    expect(() => log.append(batch([null]))).toThrow(refusal('INVALID_RECORD'));
    expect(log.endOffset).toBe(0);
  });

  test('takes an idempotent producer’s repeat once and refuses a gap', () => {
    const log = newLog();
    const first = batch(['a', 'b'], { producerId: 7, sequence: 0 });
    expect(log.append(first)).toBe(0);
    expect(log.append(batch(['c'], { producerId: 7, sequence: 2 }))).toBe(2);
    expect(log.append(first)).toBe(0);
    expect(log.endOffset).toBe(3);
    expect(() => log.append(batch(['x'], { producerId: 7, sequence: 9 }))).toThrow(
      refusal('OUT_OF_ORDER_SEQUENCE_NUMBER'),
    );
    expect(log.append(batch(['d'], { producerId: 8, sequence: 0 }))).toBe(3);
  });

  test('refuses batches that are cut short, of an old version or too large', () => {
    const log = newLog({ maxBatchBytes: 500 });
    const good = batch(['a']);
    const old = Buffer.from(good);
    old.writeInt8(1, 16);
    expect(() => log.append(good.subarray(0, good.length - 1))).toThrow(refusal('CORRUPT_MESSAGE'));
    expect(() => log.append(old)).toThrow(refusal('CORRUPT_MESSAGE'));
    expect(() => log.append(Buffer.concat([good, batch(['b'], { valueBytes: 600 })]))).toThrow(
      refusal('MESSAGE_TOO_LARGE'),
    );
    expect(log.endOffset).toBe(0);
  });

  test('finds offsets by time and deletes records before an offset', () => {
    const log = newLog();
    for (const timestamp of [100, 200, 300]) log.append(batch(['a', 'b'], { timestamp }));
    expect(log.offsetAt(150)).toEqual({ offset: 2, timestamp: 200 });
    expect(log.offsetAt(301)).toBeUndefined();
    expect(log.deleteBefore(4)).toBe(4);
    expect(offsetsOf(log.read(4, 1e6))).toEqual([4]);
    expect(log.deleteBefore(-1)).toBe(6);
    expect(log.read(6, 1)).toEqual([]);
  });
});
