import { Random } from '../../pipelines/random.js';
import { createFlowBench, messagesOf, payments, type Sent, Topics } from './flow-bench.js';

/** FUZZ_RECORDS=1000000 is what docs/reliability.md shows. */
const RECORDS = Number(process.env['FUZZ_RECORDS'] ?? 60_000);

/** What bad wires, bad writers and bad people make of a record. */
function mutate({ key, value }: Sent, random: Random): Sent {
  const bytes = Buffer.from(value!);
  switch (random.below(9)) {
    case 0: // as it was
      return { key, value };
    case 1: // one bit
      bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      return { key, value: bytes };
    case 2: // some bytes, behind the framing
      for (let n = random.below(8); n >= 0; n--)
        bytes[10 + random.below(bytes.length - 10)] = random.below(256);
      return { key, value: bytes };
    case 3: // cut off
      return { key, value: bytes.subarray(0, random.below(bytes.length)) };
    case 4: // more behind it
      return { key, value: Buffer.concat([bytes, bytes.subarray(0, random.below(30))]) };
    case 5: // random from the first byte
      return { key, value: Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256))) };
    case 6: // a registry's framing with an id that nobody gave
      return {
        key,
        value: Buffer.concat([Buffer.from([0, 0, 0, random.below(256), 1]), bytes.subarray(10)]),
      };
    case 7: // nothing, or nobody
      return random.unit() < 0.5 ? { key, value: null } : { key: Buffer.alloc(0), value };
    default: // a long run of one byte, as from a disk that failed
      bytes.fill(random.below(256), 10 + random.below(bytes.length - 10));
      return { key, value: bytes };
  }
}

test('mutated records never stop the stream, and each is scored, dropped by rule or a dead letter', async () => {
  const bench = await createFlowBench();
  const topics = new Topics();
  const open = bench.open(topics);
  await open.restore();
  const random = new Random(RECORDS, 5);
  let done = 0;
  for await (const { sent, newest } of payments(RECORDS, 11)) {
    const mutated = sent.map((one) => mutate(one, random));
    const messages = messagesOf(mutated, newest).map((message, index) => ({
      ...message,
      offset: String(done + index),
    }));
    await open.flow.process(messages, async () => true);
    done += sent.length;
  }
  await open.flow.close();
  const { read, dropped, dead } = await open.counts();
  process.stdout.write(
    `${read} read: ${topics.scores.size} scored, ${dropped} dropped, ${dead} dead letters\n`,
  );
  expect(read).toBe(RECORDS);
  expect(topics.letters.size).toBe(dead);
  expect(topics.scores.size + dropped + dead).toBe(RECORDS);
  // enough of each, or little was tried
  expect(Math.min(topics.scores.size, dead)).toBeGreaterThan(RECORDS / 20);
  expect(dropped).toBeGreaterThan(0);
  expect([...topics.scores.values()].every(Number.isFinite)).toBe(true);
  const reasons = new Set([...topics.letters.values()].map(({ reason }) => reason));
  expect(reasons.size).toBeGreaterThanOrEqual(4);
}, 600_000);

test('a key that is longer than a checkpoint has room for is a dead letter, and the state stays readable', async () => {
  const bench = await createFlowBench();
  const topics = new Topics();
  const sent: Sent[] = [];
  let newest = 0;
  for await (const some of payments(500, 5)) {
    sent.push(...some.sent);
    newest = some.newest;
  }
  sent.splice(100, 0, { key: Buffer.alloc(70_000, 'k'), value: sent[100]!.value });
  const open = bench.open(topics);
  await open.restore();
  await open.flow.process(messagesOf(sent, newest), async () => true);
  await open.flow.close();
  expect([...topics.letters.values()].map(({ reason, field }) => [reason, field])).toEqual([
    ['tooLarge', 'key'],
  ]);
  const again = bench.open(topics);
  await again.restore();
  expect(again.flow.entities).toBe(open.flow.entities);
  expect(again.flow.next).toBe(501n);
  for (const { flow } of [open, again]) flow.leave();
}, 60_000);
