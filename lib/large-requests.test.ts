import fc from 'fast-check';
import crcOfKafkajs from 'kafkajs/src/protocol/recordBatch/crc32C/index.js';
import produce from 'kafkajs/src/protocol/requests/produce/index.js';
import { crc32c } from './crc32c.js';
import { writeLargeRequestsOnce } from './large-requests.js';

const NOW = 1_700_000_000_123;
const usual = produce.protocol({ version: 7 });

beforeAll(() => {
  jest.useFakeTimers({ now: NOW });
  writeLargeRequestsOnce();
});
afterAll(() => jest.useRealTimers());

const part = fc.option(
  fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.string(),
  ),
);
const message = fc.record({ key: part, value: part });
const large = fc.nat(70_000).map((size) => ({ key: 'page', value: Buffer.alloc(70_000 + size, size) }));
const partition = fc.record({
  partition: fc.nat(100),
  firstSequence: fc.constantFrom(undefined, 0, 7),
  messages: fc.tuple(large, fc.array(message, { maxLength: 150 })).map(([one, more]) => [one, ...more]),
});
const topicData = fc.array(
  fc.record({
    topic: fc.string({ maxLength: 20 }),
    partitions: fc.array(partition, { minLength: 1, maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 2 },
);
const request = (data: object, more: object = {}) => ({
  acks: -1,
  timeout: 30_000,
  compression: 0,
  topicData: data,
  ...more,
});

test('a large request has the bytes that kafkajs writes', async () => {
  await fc.assert(
    fc.asyncProperty(topicData, async (data) => {
      const ours = produce.protocol({ version: 7 })(request(data));
      const theirs = usual(request(data));
      expect(ours.request.encode).not.toBe(theirs.request.encode);
      expect(
        Buffer.compare((await ours.request.encode()).buffer, (await theirs.request.encode()).buffer),
      ).toBe(0);
    }),
    { numRuns: 40 },
  );
});

const page = Buffer.alloc(100_000, 1);
test.each([
  ['compressed', { compression: 1 }, {}],
  ['transactional', { transactionalId: 't' }, {}],
  ['idempotent', { producerId: 12 }, {}],
  ['with headers', {}, { headers: { trace: 'a' } }],
  ['with times', {}, { timestamp: '1700000000000' }],
  ['small', {}, { value: page.subarray(0, 100) }],
])('what is %s is left to kafkajs', async (_name, more, content) => {
  const data = [
    { topic: 't', partitions: [{ partition: 0, messages: [{ key: null, value: page, ...content }] }] },
  ];
  const asked = request(data, more);
  const ours = (await produce.protocol({ version: 7 })(asked).request.encode()).buffer;
  const theirs = (await usual(asked).request.encode()).buffer;
  // gzip's output holds no time; the rest is the same code.
  expect(ours.equals(theirs)).toBe(true);
  expect(String(produce.protocol({ version: 7 })(asked).request.encode)).toBe(
    String(usual(asked).request.encode),
  );
});

test('the checksum is Castagnoli’s', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(9), (bytes, from) => {
      const start = Math.min(from, bytes.length);
      expect(crc32c(bytes, start)).toBe(crcOfKafkajs(Buffer.from(bytes.subarray(start))));
    }),
  );
});
