import Decoder from 'kafkajs/src/protocol/decoder.js';
import { lookupCodecByAttributes } from 'kafkajs/src/protocol/message/compression/index.js';
import response from 'kafkajs/src/protocol/requests/fetch/v11/response.js';
import {
  type Columns,
  emptyColumns,
  type RecordColumns,
  VarintCursor,
  withColumns,
} from './record-columns.js';

/**
 * Fetch answers of named topics read into columns. kafkajs 2.2.4 makes for every record an object, two buffers, two
 * BigInts, two strings and a few more on the way, a third of what scoring an event costs in all; RecordColumns makes
 * none. Only the answers of version 11 are read so, which brokers since Kafka 2.3 are asked for; and what is rare is
 * left to kafkajs: aborted transactions, control records and the message formats from before Kafka 0.11. Then, as for
 * any other topic, the messages come as its objects, and whoever reads takes both.
 */
const topics = new Set<string>();
let decodeOthers: ((raw: Buffer) => Promise<unknown>) | undefined;

/** From now on, batches of the topic have RecordColumns for messages. Call it after everything else that replaces kafkajs' decoder. */
export function fetchInColumns(topic: string): void {
  topics.add(topic);
  if (decodeOthers !== undefined) return;
  decodeOthers = response.decode;
  response.decode = decodeAny;
}

async function decodeAny(raw: Buffer): Promise<unknown> {
  return (await decodeAnswer(raw)) ?? decodeOthers!(raw);
}

/** undefined when not all of it can be read into columns. */
async function decodeAnswer(raw: Buffer): Promise<unknown> {
  const decoder = new Decoder(raw);
  const clientSideThrottleTime = decoder.readInt32();
  const errorCode = decoder.readInt16();
  const sessionId = decoder.readInt32();
  const responses: { topicName: string; partitions: unknown[] }[] = [];
  for (let left = decoder.readInt32(); left > 0; left--) {
    const topicName = decoder.readString();
    if (!topics.has(topicName)) return undefined;
    const partitions: unknown[] = [];
    for (let more = decoder.readInt32(); more > 0; more--) {
      const partition = await decodePartition(decoder);
      if (partition === undefined) return undefined;
      partitions.push(partition);
    }
    responses.push({ topicName, partitions });
  }
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
}

async function decodePartition(decoder: Decoder): Promise<unknown> {
  const head = {
    partition: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    highWatermark: decoder.readInt64().toString(),
    lastStableOffset: decoder.readInt64().toString(),
    lastStartOffset: decoder.readInt64().toString(),
  };
  if (decoder.readInt32() > 0) return undefined;
  const preferredReadReplica = decoder.readInt32();
  const size = decoder.readInt32();
  if (size > 0 && !decoder.canReadBytes(size)) return undefined;
  const messages = size > 0 ? await decodeRecordSet(decoder.readBytes(size)) : [];
  return messages && { ...head, abortedTransactions: [], preferredReadReplica, messages };
}

/** where things stand in a record batch, counted from its first offset */
const LENGTH = 8;
const AFTER_LENGTH = 12;
const MAGIC = 16;
const ATTRIBUTES = 21;
const FIRST_TIME = 27;
const MAX_TIME = 35;
const COUNT = 57;
const RECORDS = 61;
const CODEC_BITS = 0x7;
const APPEND_TIME_BIT = 0x8;
const CONTROL_BIT = 0x20;

interface BatchRecords {
  readonly firstOffset: number;
  readonly firstTime: number;
  /** the broker's time of all records, where the topic has it so */
  readonly appendTime: number | undefined;
  readonly count: number;
  /** where its records lie in the bytes */
  start: number;
  end: number;
}

/** The records of the batches in a partition's answer; undefined for what kafkajs is to read. The last batch may be cut off. */
export async function decodeRecordSet(set: Buffer): Promise<RecordColumns | undefined> {
  const batches: BatchRecords[] = [];
  const parts: Buffer[] = [];
  let total = 0;
  let unpacked = 0;
  let packed = false;
  for (let at = 0; at + RECORDS <= set.length; ) {
    const end = at + AFTER_LENGTH + set.readInt32BE(at + LENGTH);
    if (set[at + MAGIC] !== 2) return undefined;
    if (end > set.length) break;
    const attributes = set.readInt16BE(at + ATTRIBUTES);
    if ((attributes & CONTROL_BIT) !== 0) return undefined;
    const count = Math.max(0, set.readInt32BE(at + COUNT));
    const codec = lookupCodecByAttributes(attributes);
    packed ||= (attributes & CODEC_BITS) !== 0;
    const records = set.subarray(at + RECORDS, end);
    const part = codec && count > 0 ? await codec.decompress(records) : records;
    batches.push({
      firstOffset: int64(set, at),
      firstTime: int64(set, at + FIRST_TIME),
      appendTime: (attributes & APPEND_TIME_BIT) === 0 ? undefined : int64(set, at + MAX_TIME),
      count,
      start: at + RECORDS,
      end,
    });
    parts.push(part);
    total += count;
    at = end;
  }
  if (packed) {
    batches.forEach((batch, index) => {
      batch.start = unpacked;
      unpacked += parts[index]!.length;
      batch.end = unpacked;
    });
  }
  const bytes = packed ? Buffer.concat(parts) : set;
  const columns = emptyColumns(total);
  let row = 0;
  for (const batch of batches) row = fill(columns, row, bytes, batch);
  return withColumns(total, bytes, columns);
}

function fill(columns: Columns, from: number, bytes: Buffer, batch: BatchRecords): number {
  const { offsets, times, keyStarts, keyEnds, valueStarts, valueEnds, headersAt } = columns;
  const { firstOffset, firstTime, appendTime, count } = batch;
  const cursor = new VarintCursor(bytes, batch.start);
  const to = from + count;
  for (let row = from; row < to; row++) {
    const size = cursor.next();
    const next = cursor.at + size;
    // Also false for the NaN that reading past the end gives.
    if (!(size >= 0 && next <= batch.end)) throw new CutOffRecord(row - from, batch.firstOffset);
    cursor.at += 1; // attributes, unused
    const sinceFirst = cursor.next();
    times[row] = appendTime ?? firstTime + sinceFirst;
    offsets[row] = firstOffset + cursor.next();
    const keySize = cursor.next();
    keyStarts[row] = keySize < 0 ? -1 : cursor.at;
    if (keySize > 0) cursor.at += keySize;
    keyEnds[row] = keySize < 0 ? -1 : cursor.at;
    const valueSize = cursor.next();
    valueStarts[row] = valueSize < 0 ? -1 : cursor.at;
    if (valueSize > 0) cursor.at += valueSize;
    valueEnds[row] = valueSize < 0 ? -1 : cursor.at;
    headersAt[row] = cursor.at;
    if (!(cursor.at < next)) throw new CutOffRecord(row - from, batch.firstOffset);
    cursor.at = next;
  }
  return to;
}

/** A record is longer than its batch. */
export class CutOffRecord extends Error {
  override readonly name = 'CutOffRecord';
  constructor(record: number, firstOffset: number) {
    super(
      `record ${record} of the batch at offset ${firstOffset} is longer than its batch: the log is damaged`,
    );
  }
}

function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}
