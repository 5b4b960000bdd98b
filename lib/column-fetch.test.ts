import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import kafkajs, { type KafkaMessage } from 'kafkajs';
import Batch from 'kafkajs/src/consumer/batch.js';
import Decoder from 'kafkajs/src/protocol/decoder.js';
import encodeRecord from 'kafkajs/src/protocol/recordBatch/record/v0/index.js';
import decodeRecordBatch from 'kafkajs/src/protocol/recordBatch/v0/decoder.js';
import { RecordBatch } from 'kafkajs/src/protocol/recordBatch/v0/index.js';
import response from 'kafkajs/src/protocol/requests/fetch/v11/response.js';
import { decodeRecordSet, fetchInColumns } from './column-fetch.js';
import { packageRoot } from './paths.js';
import { RecordColumns } from './record-columns.js';

interface Written {
  key: Buffer | null;
  value: Buffer | null;
  timestamp: number;
  headers?: Record<string, unknown>;
}

const FIRST_TIME = 1_700_000_000_000;
const written: Written[] = [
  { key: Buffer.from('card-1'), value: Buffer.from('first'), timestamp: FIRST_TIME },
  { key: null, value: Buffer.alloc(300, 7), timestamp: FIRST_TIME + 70_000 },
  {
    key: Buffer.alloc(0),
    value: null,
    timestamp: FIRST_TIME - 5,
    headers: { trace: Buffer.from('a'), tags: [Buffer.from('b'), Buffer.from('c')] },
  },
  { key: Buffer.from('card-2'), value: Buffer.alloc(0), timestamp: FIRST_TIME + 3 },
];

/** A record batch as kafkajs writes it. */
async function batchOf(records: readonly Written[], firstOffset: number, compression = 0): Promise<Buffer> {
  const encoded = records.map((record, i) =>
    encodeRecord({ ...record, offsetDelta: i * 2, timestampDelta: record.timestamp - FIRST_TIME }),
  );
  const batch = await RecordBatch({
    compression,
    records: encoded,
    firstOffset,
    firstTimestamp: FIRST_TIME,
    maxTimestamp: FIRST_TIME + 70_000,
    lastOffsetDelta: (records.length - 1) * 2,
  });
  return Buffer.from(batch.buffer);
}

async function byKafkajs(set: Buffer): Promise<KafkaMessage[]> {
  const decoder = new Decoder(set);
  const all: KafkaMessage[] = [];
  while (decoder.canReadBytes(49)) {
    const { records } = await decodeRecordBatch(decoder);
    all.push(...(records as KafkaMessage[]));
  }
  return all;
}

const plain = ({ offset, timestamp, key, value, headers }: KafkaMessage) => ({
  offset,
  timestamp,
  key,
  value,
  headers,
});

describe.each([
  ['none', 0],
  ['gzip', 1],
])('batches with compression %s', (_name, codec) => {
  test('hold the records that kafkajs reads', async () => {
    const set = Buffer.concat([
      await batchOf(written, 100, codec),
      await batchOf(written.slice(0, 2), 2 ** 33, codec),
      await batchOf(written, 2 ** 33 + 4, 0),
    ]);
    const columns = (await decodeRecordSet(set))!;
    expect([...columns].map(plain)).toEqual((await byKafkajs(set)).map(plain));
    expect(columns.value(1)).toEqual(written[1]!.value);
    expect(columns.value(2)).toBeNull();
  });

  test('make a Batch of kafkajs that says the same as one of its own messages', async () => {
    const set = Buffer.concat([await batchOf(written, 100, codec), await batchOf(written, 108, codec)]);
    for (const asked of [90, 100, 101, 103, 108, 114, 115, 200]) {
      const data = { partition: 3, highWatermark: '300', abortedTransactions: [] };
      const messages = (await decodeRecordSet(set))!;
      const ours = new Batch('t', String(asked), { ...data, messages });
      const theirs = new Batch('t', String(asked), { ...data, messages: await byKafkajs(set) });
      expect(ours.messages).toBeInstanceOf(RecordColumns);
      expect([...ours.messages].map(plain)).toEqual(theirs.messages.map(plain));
      for (const ask of [
        'isEmpty',
        'isEmptyIncludingFiltered',
        'isEmptyDueToFiltering',
        'isEmptyControlRecord',
        'isEmptyDueToLogCompactedMessages',
        'firstOffset',
        'lastOffset',
        'offsetLag',
        'offsetLagLow',
      ] as const)
        expect([ask, ours[ask]()]).toEqual([ask, theirs[ask]()]);
      const last = theirs.messages.length - 1;
      expect(ours.messages[last]?.offset).toEqual(theirs.messages[last]?.offset);
    }
  });
});

test('a batch that is cut off at the end is left out', async () => {
  const whole = await batchOf(written, 100);
  const next = await batchOf(written, 108);
  const columns = await decodeRecordSet(Buffer.concat([whole, next.subarray(0, next.length - 3)]));
  expect(columns!.length).toBe(4);
});

test('a record that is longer than its batch is a fault, not a reading of what lies behind', async () => {
  const set = await batchOf(written, 100);
  set[61] = 0x7e; // the first record's length
  await expect(decodeRecordSet(set.subarray())).rejects.toThrow('longer than its batch');
});

test('control records are left to kafkajs', async () => {
  const set = await batchOf(written, 100);
  set[22] = set[22]! | 0x20;
  expect(await decodeRecordSet(set)).toBeUndefined();
});

describe('a fetch answer', () => {
  async function answer(topic: string, aborted = 0): Promise<Buffer> {
    const set = await batchOf(written, 100);
    const head = Buffer.alloc(4 + 2 + 4 + 4 + 2 + topic.length + 4);
    let at = head.writeInt32BE(1, 10);
    at = head.writeInt16BE(topic.length, at);
    at += head.write(topic, at);
    head.writeInt32BE(1, at);
    const partition = Buffer.alloc(4 + 2 + 24 + 4 + 16 * aborted + 4 + 4);
    partition.writeInt32BE(2, 0);
    partition.writeBigInt64BE(107n, 6);
    partition.writeBigInt64BE(107n, 14);
    partition.writeInt32BE(aborted, 30);
    partition.writeInt32BE(-1, 34 + 16 * aborted);
    partition.writeInt32BE(set.length, 38 + 16 * aborted);
    return Buffer.concat([head, partition, set]);
  }
  type Answer = {
    responses: { topicName: string; partitions: { messages: unknown; highWatermark: string }[] }[];
  };

  test('is read into columns for the topics that were named, and otherwise as kafkajs does', async () => {
    const before = (await response.decode(await answer('payments'))) as Answer;
    fetchInColumns('payments');
    const after = (await response.decode(await answer('payments'))) as Answer;
    expect(after.responses[0]!.partitions[0]!.messages).toBeInstanceOf(RecordColumns);
    const messages = after.responses[0]!.partitions[0]!.messages as RecordColumns;
    expect({
      ...after,
      responses: [
        {
          topicName: 'payments',
          partitions: [{ ...after.responses[0]!.partitions[0]!, messages: [...messages].map(plain) }],
        },
      ],
    }).toEqual({
      ...before,
      responses: [
        {
          topicName: 'payments',
          partitions: [
            {
              ...before.responses[0]!.partitions[0]!,
              messages: (before.responses[0]!.partitions[0]!.messages as KafkaMessage[]).map(plain),
            },
          ],
        },
      ],
    });
    for (const raw of [await answer('others'), await answer('payments', 1)]) {
      const other = (await response.decode(raw)) as Answer;
      expect(Array.isArray(other.responses[0]!.partitions[0]!.messages)).toBe(true);
    }
  });
});

test('kafkajs is the one whose inside this was written for', () => {
  const file = join(packageRoot(), 'node_modules/kafkajs/package.json');
  expect((JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version).toBe('2.2.4');
  expect(kafkajs.Kafka).toBeDefined();
});
