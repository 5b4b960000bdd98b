import { gunzipSync } from 'node:zlib';
import { KafkaRefusal } from './errors.js';

/**
 * Record batches, version 2 (magic 2). Bytes: 0 base offset (8), 8 length (4), 12 leader epoch (4), 16 magic (1),
 * 17 CRC (4), 21 attributes (2), 23 last offset delta (4), 27 base timestamp (8), 35 max timestamp (8),
 * 43 producer id (8), 51 producer epoch (2), 53 base sequence (4), 57 record count (4), 61 records.
 * The CRC starts at the attributes, so a broker may set the offset and the epoch without touching it.
 */
const HEADER_BYTES = 61;
const LENGTH_ENDS_AT = 12;

export interface Batch {
  readonly bytes: Buffer;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly maxTimestamp: number;
}

export interface BatchHeader {
  readonly lastOffsetDelta: number;
  readonly maxTimestamp: number;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

/** Cuts what a producer sent for one partition into its batches. */
export function splitBatches(records: Buffer): Buffer[] {
  const batches: Buffer[] = [];
  for (let at = 0; at < records.length; ) {
    const left = records.length - at;
    const size = left >= HEADER_BYTES ? records.readInt32BE(at + 8) + LENGTH_ENDS_AT : 0;
    if (size < HEADER_BYTES || size > left)
      throw new KafkaRefusal('CORRUPT_MESSAGE', 'a record batch is cut short');
    if (records.readInt8(at + 16) !== 2)
      throw new KafkaRefusal('CORRUPT_MESSAGE', 'only record batches of version 2 are taken');
    batches.push(records.subarray(at, at + size));
    at += size;
  }
  if (batches.length === 0) throw new KafkaRefusal('CORRUPT_MESSAGE', 'there is no record batch');
  return batches;
}

export function headerOf(batch: Buffer): BatchHeader {
  return {
    lastOffsetDelta: batch.readInt32BE(23),
    maxTimestamp: Number(batch.readBigInt64BE(35)),
    producerId: batch.readBigInt64BE(43),
    producerEpoch: batch.readInt16BE(51),
    baseSequence: batch.readInt32BE(53),
  };
}

/** A copy of its own (what came from the network shares memory with other requests), at its place in the log. */
export function placed(batch: Buffer, firstOffset: number): Batch {
  const bytes = Buffer.from(batch);
  bytes.writeBigInt64BE(BigInt(firstOffset), 0);
  bytes.writeInt32BE(0, 12);
  const { lastOffsetDelta, maxTimestamp } = headerOf(bytes);
  return { bytes, firstOffset, lastOffset: firstOffset + lastOffsetDelta, maxTimestamp };
}

/**
 * The keys of a batch's records, each once; undefined when they can't be read here because the batch is compressed with
 * something else than gzip. Throws INVALID_RECORD for a record without a key.
 */
export function keysOf(batch: Buffer): Set<string> | undefined {
  const codec = batch.readInt16BE(21) & 7;
  if (codec > 1) return undefined;
  const count = batch.readInt32BE(57);
  const records = codec === 1 ? gunzipSync(batch.subarray(HEADER_BYTES)) : batch.subarray(HEADER_BYTES);
  const keys = new Set<string>();
  const at = { position: 0 };
  for (let left = count; left > 0; left -= 1) {
    const length = varint(records, at);
    const end = at.position + length;
    at.position += 1; // attributes
    varint(records, at); // timestamp delta
    varint(records, at); // offset delta
    const keyLength = varint(records, at);
    if (keyLength < 0) throw new KafkaRefusal('INVALID_RECORD', 'a record of a compacted topic has no key');
    keys.add(records.toString('latin1', at.position, at.position + keyLength));
    at.position = end;
  }
  return keys;
}

/** A zigzag-encoded number of variable length. Timestamp deltas may pass 2^32, so no bit operators for the value. */
function varint(bytes: Buffer, at: { position: number }): number {
  let raw = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = bytes[at.position++];
    if (byte === undefined) throw new KafkaRefusal('CORRUPT_MESSAGE', 'a record batch is cut short');
    raw += (byte & 0x7f) * factor;
    if (byte < 0x80) break;
  }
  return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
}
