import fetchApi from 'kafkajs/src/protocol/requests/fetch/index.js';
import { FetchPacer, paceFetches } from './fetch-pace.js';

const pacer = () => new FetchPacer({ leastApart: 5, longestPause: 25, backlogBytes: 1 << 20 });

test('the first fetch is asked for at once, and the next ones some milliseconds apart', () => {
  const one = pacer();
  expect(one.wait(1000)).toBe(0);
  one.asked(1000);
  one.answered(1001, 200);
  expect(one.wait(1001)).toBe(4);
  one.asked(1005);
  one.answered(1405, 200);
  expect(one.wait(1405)).toBe(0);
});

test('after long work there is a pause as long, up to the bound', () => {
  const one = pacer();
  one.asked(1000);
  one.answered(1001, 100_000);
  expect(one.wait(1013)).toBe(12);
  one.asked(1025);
  one.answered(1026, 100_000);
  expect(one.wait(1126)).toBe(25);
});

test('behind a backlog there is none, also when another broker answers with little', () => {
  const one = pacer();
  one.asked(1000);
  one.answered(1001, 4 << 20);
  one.answered(1002, 200);
  expect(one.wait(1003)).toBe(0);
  expect(one.wait(1602)).toBe(0);
  one.asked(3005);
  one.answered(3006, 200);
  expect(one.wait(3006)).toBe(4);
});

test('fetches of the named topics wait on their way, others do not', async () => {
  paceFetches(['paced'], { leastApart: 60, longestPause: 60, backlogBytes: 1 << 20 });
  const fetchOf = (topic: string) =>
    fetchApi.protocol({ version: '11' })({
      maxWaitTime: 1,
      minBytes: 1,
      maxBytes: 1,
      topics: [{ topic, partitions: [] }],
    });
  const took = async (topic: string) => {
    const began = performance.now();
    await fetchOf(topic).request.encode();
    return performance.now() - began;
  };
  await took('paced');
  expect(await took('paced')).toBeGreaterThan(40);
  expect(await took('others')).toBeLessThan(40);
});
