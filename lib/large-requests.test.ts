import fc from 'fast-check';
import crcOfKafkajs from 'kafkajs/src/protocol/recordBatch/crc32C/index.js';
import createRequest from 'kafkajs/src/protocol/request.js';
import produce from 'kafkajs/src/protocol/requests/produce/index.js';
import { crc32c } from './crc32c.js';
import { withRoom, writeLargeRequestsOnce } from './large-requests.js';

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

/** one page of a topic's partition, as a checkpoint sends it */
const pageOf = (topic: string, key: string, value: Buffer) =>
  request([{ topic, partitions: [{ partition: 3, messages: [{ key, value }] }] }]);
const sent = async (asked: object, encode = produce.protocol) => {
  const made = encode({ version: 7 })(asked);
  return (await createRequest({ correlationId: 77, clientId: 'riskwire', request: made.request })).buffer;
};

test('a value with room around it is sent from where it lies, and lies there unchanged', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ maxLength: 249 }),
      fc.string({ maxLength: 1500 }),
      fc.nat(70_000),
      async (topic, key, more) => {
        const value = withRoom(70_000 + more).fill(more);
        const copy = Buffer.from(value);
        const theirs = await sent(pageOf(topic, key, copy), () => usual);
        const first = await sent(pageOf(topic, key, value));
        expect(Buffer.compare(first, theirs)).toBe(0);
        // A long name and a long key take more than the room there is.
        if (Buffer.byteLength(key) < 500) expect(first.buffer).toBe(value.buffer);
        // Sent again, while the first may be on its way.
        const second = await sent(pageOf(topic, key, value));
        expect(Buffer.compare(second, theirs)).toBe(0);
        expect(second.buffer).not.toBe(first.buffer);
        expect(Buffer.compare(value, copy)).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});

test('of several values no request is written around one', async () => {
  const value = withRoom(70_000).fill(1);
  const messages = [
    { key: 'a', value },
    { key: 'b', value: Buffer.alloc(10) },
  ];
  const data = request([{ topic: 't', partitions: [{ partition: 0, messages }] }]);
  const ours = await sent(data);
  expect(Buffer.compare(ours, await sent(data, () => usual))).toBe(0);
  expect(ours.buffer).not.toBe(value.buffer);
});

test('the checksum is Castagnoli’s', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(9), (bytes, from) => {
      const start = Math.min(from, bytes.length);
      expect(crc32c(bytes, start)).toBe(crcOfKafkajs(Buffer.from(bytes.subarray(start))));
    }),
  );
});
