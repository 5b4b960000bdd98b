import Encoder from 'kafkajs/src/protocol/encoder.js';
import produce from 'kafkajs/src/protocol/requests/produce/index.js';
import { crc32c } from './crc32c.js';

/**
 * Large produce requests written once. kafkajs 2.2.4 copies a value some nine times on its way into a request, into
 * buffers that it fills with zeros first, and computes the checksum byte by byte: about 7 ns a byte, which for the
 * checkpoints of many entities is a sixth of what scoring costs. Here a request's records are laid into one buffer of
 * the right size; the bytes are the same ones. What is compressed, transactional or idempotent, has headers or
 * timestamps of its own, or is small, is left to kafkajs.
 */
const LEAST_BYTES = 64 << 10;

interface ProduceRequest {
  readonly acks: number;
  readonly timeout: number;
  readonly compression?: number;
  readonly transactionalId?: string | null;
  readonly producerId?: unknown;
  readonly producerEpoch?: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly PartitionRecords[];
  }[];
}

interface PartitionRecords {
  readonly partition: number;
  readonly firstSequence?: number;
  readonly messages: readonly {
    readonly key?: string | Buffer | null;
    readonly value: string | Buffer | null;
    readonly timestamp?: string;
    readonly headers?: object;
  }[];
}

let installed = false;

/** From now on, for every producer of the process. */
export function writeLargeRequestsOnce(): void {
  if (installed) return;
  installed = true;
  const { protocol } = produce;
  produce.protocol = (version) => {
    const make = protocol(version);
    return (asked) => {
      const made = make(asked);
      const request = asked as unknown as ProduceRequest;
      if (!isPlain(request)) return made;
      return { ...made, request: { ...made.request, encode: async () => encodeOnce(request, Date.now()) } };
    };
  };
}

function isPlain({ compression = 0, transactionalId, producerId, topicData }: ProduceRequest): boolean {
  if (compression !== 0 || (transactionalId ?? null) !== null) return false;
  if (producerId !== undefined && String(producerId) !== '-1') return false;
  let bytes = 0;
  for (const { partitions } of topicData) {
    for (const { messages } of partitions) {
      for (const { value, timestamp, headers } of messages) {
        if ((timestamp ?? null) !== null || Object.keys(headers ?? {}).length > 0) return false;
        bytes += value?.length ?? 0;
      }
    }
  }
  return bytes >= LEAST_BYTES;
}

/** before the records of a batch, behind its length */
const BATCH_HEAD = 49;

/** @param now the records' time, epoch ms */
export function encodeOnce(request: ProduceRequest, now: number): Encoder {
  const topics = request.topicData.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((one) => ({ ...one, records: one.messages.map(recordOf) })),
  }));
  let size = 2 + 2 + 4 + 4;
  for (const { topic, partitions } of topics) {
    size += 2 + Buffer.byteLength(topic) + 4;
    for (const { records } of partitions) size += 4 + 4 + 12 + BATCH_HEAD + sizeOf(records);
  }
  // Every byte is written.
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = bytes.writeInt16BE(-1, 0);
  at = bytes.writeInt16BE(request.acks, at);
  at = bytes.writeInt32BE(request.timeout, at);
  at = bytes.writeInt32BE(topics.length, at);
  for (const { topic, partitions } of topics) {
    at = bytes.writeInt16BE(Buffer.byteLength(topic), at);
    at += bytes.write(topic, at);
    at = bytes.writeInt32BE(partitions.length, at);
    for (const { partition, firstSequence = 0, records } of partitions) {
      at = bytes.writeInt32BE(partition, at);
      at = bytes.writeInt32BE(12 + BATCH_HEAD + sizeOf(records), at);
      at = writeBatch(bytes, at, records, request.producerEpoch ?? 0, firstSequence, now);
    }
  }
  const encoder = new Encoder(1);
  encoder.buf = bytes;
  encoder.offset = at;
  return encoder;
}

interface EncodedRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** of what follows its length */
  readonly size: number;
}

function recordOf({ key, value }: PartitionRecords['messages'][number], offsetDelta: number): EncodedRecord {
  const one = { key: bufferOf(key), value: bufferOf(value) };
  // Attributes, time, offset, key, value, number of headers.
  return { ...one, size: 2 + varintSize(offsetDelta) + partSize(one.key) + partSize(one.value) + 1 };
}

function bufferOf(part: string | Buffer | null | undefined): Buffer | null {
  return typeof part === 'string' ? Buffer.from(part) : (part ?? null);
}

function partSize(part: Buffer | null): number {
  return part === null ? 1 : varintSize(part.length) + part.length;
}

function sizeOf(records: readonly EncodedRecord[]): number {
  return records.reduce((sum, { size }) => sum + varintSize(size) + size, 0);
}

function writeBatch(
  bytes: Buffer,
  start: number,
  records: readonly EncodedRecord[],
  epoch: number,
  firstSequence: number,
  now: number,
): number {
  let at = bytes.writeBigInt64BE(0n, start);
  at = bytes.writeInt32BE(BATCH_HEAD + sizeOf(records), at);
  at = bytes.writeInt32BE(0, at);
  at = bytes.writeInt8(2, at);
  const checksumAt = at;
  at = bytes.writeInt16BE(0, at + 4);
  at = bytes.writeInt32BE(records.length - 1, at);
  at = bytes.writeBigInt64BE(BigInt(now), at);
  at = bytes.writeBigInt64BE(BigInt(now), at);
  at = bytes.writeBigInt64BE(-1n, at);
  at = bytes.writeInt16BE(epoch, at);
  at = bytes.writeInt32BE(firstSequence, at);
  at = bytes.writeInt32BE(records.length, at);
  for (let i = 0; i < records.length; i++) {
    const { key, value, size } = records[i]!;
    at = writeVarint(bytes, at, size);
    bytes[at++] = 0;
    bytes[at++] = 0;
    at = writeVarint(bytes, at, i);
    at = writePart(bytes, at, key);
    at = writePart(bytes, at, value);
    bytes[at++] = 0;
  }
  bytes.writeUInt32BE(crc32c(bytes, checksumAt + 4, at), checksumAt);
  return at;
}

function writePart(bytes: Buffer, at: number, part: Buffer | null): number {
  if (part === null) return writeVarint(bytes, at, -1);
  const from = writeVarint(bytes, at, part.length);
  bytes.set(part, from);
  return from + part.length;
}

function zigZag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

function varintSize(value: number): number {
  let size = 1;
  for (let left = zigZag(value); left >= 128; left >>>= 7) size++;
  return size;
}

function writeVarint(bytes: Buffer, start: number, value: number): number {
  let at = start;
  let left = zigZag(value);
  for (; left >= 128; left >>>= 7) bytes[at++] = (left & 0x7f) | 0x80;
  bytes[at++] = left;
  return at;
}
