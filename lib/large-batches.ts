import Decoder from 'kafkajs/src/protocol/decoder.js';
import decodeRecordBatch from 'kafkajs/src/protocol/recordBatch/v0/decoder.js';
import response from 'kafkajs/src/protocol/requests/fetch/v11/response.js';

/**
 * kafkajs 2.2.4 spreads a batch's records into the arguments of one call, which overflows the stack at some 120,000
 * records: its consumer ends for good then, and again after every restart. Packed well, so many fit into one batch of
 * usual size. Where its own decoder fails like that, the answer is decoded here once more, record by record. This is
 * the fetch answer of version 11, which brokers since Kafka 2.3 are asked for.
 */
const decodeUsually = response.decode;

export function acceptLargeBatches(): void {
  response.decode = decodeAny;
}

async function decodeAny(raw: Buffer): Promise<unknown> {
  try {
    return await decodeUsually(raw);
  } catch (error) {
    if (error instanceof RangeError) return decodeAnswer(new Decoder(raw));
    throw error;
  }
}

async function decodeAnswer(decoder: Decoder): Promise<unknown> {
  const clientSideThrottleTime = decoder.readInt32();
  const errorCode = decoder.readInt16();
  const sessionId = decoder.readInt32();
  const responses = await decoder.readArrayAsync(async (topic) => ({
    topicName: topic.readString(),
    partitions: await topic.readArrayAsync(decodePartition),
  }));
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
}

async function decodePartition(decoder: Decoder): Promise<unknown> {
  return {
    partition: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    highWatermark: decoder.readInt64().toString(),
    lastStableOffset: decoder.readInt64().toString(),
    lastStartOffset: decoder.readInt64().toString(),
    abortedTransactions: decoder.readArray((one) => ({
      producerId: one.readInt64().toString(),
      firstOffset: one.readInt64().toString(),
    })),
    preferredReadReplica: decoder.readInt32(),
    messages: await decodeRecords(decoder),
  };
}

/** first offset, length, leader epoch, magic, CRC, attributes and so on, before a batch's records */
const BATCH_HEADER = 49;

async function decodeRecords(decoder: Decoder): Promise<unknown[]> {
  const size = decoder.readInt32();
  if (size <= 0 || !decoder.canReadBytes(size)) return [];
  const batches = new Decoder(decoder.readBytes(size));
  const all: unknown[] = [];
  while (batches.canReadBytes(BATCH_HEADER)) {
    try {
      const { records } = await decodeRecordBatch(batches);
      for (const record of records) all.push(record);
    } catch (error) {
      // The last batch of an answer may be cut off.
      if (error instanceof Error && error.name === 'KafkaJSPartialMessageError') break;
      throw error;
    }
  }
  return all;
}
