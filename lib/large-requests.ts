import Encoder from 'kafkajs/src/protocol/encoder.js';
import produce from 'kafkajs/src/protocol/requests/produce/index.js';
import { crc32c } from './crc32c.js';

/**
 * Large produce requests written once. kafkajs 2.2.4 copies a value some nine times on its way into a request, into
 * buffers that it fills with zeros first, and computes the checksum byte by byte: about 7 ns a byte, which for the
 * checkpoints of many entities is a sixth of what scoring costs. Here a request's records are laid into one buffer of
 * the right size; the bytes are the same ones. What is compressed, transactional or idempotent, has headers or
 * timestamps of its own, or is small, is left to kafkajs. A large value can spare itself this copy too: one that was made
 * with room around it (`withRoom`) has its request written around it.
 */
const LEAST_BYTES = 64 << 10;

/** room before a request's own bytes, for what kafkajs puts there: lengths, versions, the client's name */
const HEAD_ROOM = 1024;
/** room before a value: that, and what a request of one record says before its value */
const ROOM_BEFORE = 2 * HEAD_ROOM;
/** behind a value: its record's number of headers */
const ROOM_AFTER = 1;

/** memory of values that no request was written around yet */
const roomy = new WeakSet<ArrayBufferLike>();

/**
 * Memory for a large value, around which its request can be written. What stands there belongs to the first request;
 * one that is sent again copies the value, since the first may be on its way still.
 */
export function withRoom(bytes: number): Buffer {
  const all = Buffer.allocUnsafeSlow(ROOM_BEFORE + bytes + ROOM_AFTER);
  roomy.add(all.buffer);
  return all.subarray(ROOM_BEFORE, ROOM_BEFORE + bytes);
}

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
  putHeadsInPlace();
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

/** by how many bytes a request that kafkajs wants to put something before could do so in place */
const headRoom = new WeakMap<Encoder, number>();

/** kafkajs copies a request twice to put a head and a length before it; where there is room, they are put there. */
function putHeadsInPlace(): void {
  const { writeEncoder } = Encoder.prototype;
  Encoder.prototype.writeEncoder = function (this: Encoder, body: Encoder) {
    const room = body.offset < LEAST_BYTES ? undefined : headRoom.get(body);
    const head = this.offset;
    if (room === undefined || room < head) return writeEncoder.call(this, body);
    const whole = Buffer.from(body.buf.buffer, body.buf.byteOffset - head, head + body.offset);
    whole.set(this.buf.subarray(0, head));
    this.buf = whole;
    this.offset = whole.length;
    headRoom.set(this, room - head);
    return this;
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
  const bytes = memoryFor(size, request, topics[0]?.partitions[0]?.records[0]);
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
  headRoom.set(encoder, HEAD_ROOM);
  return encoder;
}

/** `size` bytes, all of which are to be written, with HEAD_ROOM before them; around the value of a lone record, where it has room. */
function memoryFor(size: number, { topicData }: ProduceRequest, first: EncodedRecord | undefined): Buffer {
  const value = first?.value;
  const lone =
    topicData.length === 1 &&
    topicData[0]!.partitions.length === 1 &&
    topicData[0]!.partitions[0]!.messages.length === 1;
  if (lone && value && roomy.has(value.buffer)) {
    const before = size - value.length - ROOM_AFTER;
    const start = value.byteOffset - before;
    if (start >= HEAD_ROOM && value.byteOffset + value.length + ROOM_AFTER <= value.buffer.byteLength) {
      roomy.delete(value.buffer);
      return Buffer.from(value.buffer, start, size);
    }
  }
  return Buffer.allocUnsafeSlow(HEAD_ROOM + size).subarray(HEAD_ROOM);
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
  if (part.buffer !== bytes.buffer) bytes.set(part, from);
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
