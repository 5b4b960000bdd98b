import { FetchPacer } from './fetch-pace.js';

const pacer = () => new FetchPacer({ leastApart: 5, longestPause: 25 });

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

test('behind a backlog there is none', () => {
  const one = pacer();
  one.asked(1000);
  one.answered(1001, 4 << 20);
  expect(one.wait(1002)).toBe(0);
  expect(one.wait(1102)).toBe(0);
});
