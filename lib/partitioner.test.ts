import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { keyedPartitioner, murmur2, partitionOf } from './partitioner.js';

const partitions = (count: number) =>
  Array.from({ length: count }, (_unused, partitionId) => ({
    partitionId,
    leader: 1,
    partitionErrorCode: 0,
    replicas: [],
    isr: [],
  }));

test.each([
  // org.apache.kafka.common.utils.UtilsTest
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
])('murmur2 of %s is what Java computes', (text, hash) => {
  expect(murmur2(Buffer.from(text)) | 0).toBe(hash);
});

test('a key goes where kafkajs and Java put it', () => {
  const theirs = kafkajs.Partitioners.DefaultPartitioner();
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'grapheme' }),
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      ),
      fc.integer({ min: 1, max: 64 }),
      (key, count) => {
        const message = { key, value: null };
        const expected = theirs({ topic: 't', partitionMetadata: partitions(count), message });
        expect(partitionOf(key, count)).toBe(expected);
        expect(keyedPartitioner()({ topic: 't', partitionMetadata: partitions(count), message })).toBe(
          expected,
        );
      },
    ),
  );
});

test('a given partition wins, and records without a key take turns', () => {
  const partition = keyedPartitioner();
  const ask = (message: object) =>
    partition({ topic: 't', partitionMetadata: partitions(3), message: { value: null, ...message } });
  expect(ask({ key: 'k', partition: 2 })).toBe(2);
  expect(new Set([ask({}), ask({}), ask({ key: null })])).toEqual(new Set([0, 1, 2]));
});

test('records without a key stay away from partitions that have no leader', () => {
  const partition = keyedPartitioner();
  const partitionMetadata = partitions(3).map((one) => ({ ...one, leader: one.partitionId === 1 ? 1 : -1 }));
  const chosen = Array.from({ length: 5 }, () =>
    partition({ topic: 't', partitionMetadata, message: { value: null } }),
  );
  expect(new Set(chosen)).toEqual(new Set([1]));
});
