import type { DeadLetter } from '../../../lib/dead-letter.js';
import {
  LETTER_HEADER,
  ORIGIN_HEADER,
  READ_AT_HEADER,
  REPLAYED_HEADER,
} from '../../../lib/letter-headers.js';
import { letterFrom, newerOf, selects } from './selection.js';

const record: DeadLetter = {
  id: 'dlt_1',
  pipeline: 'transactions',
  topic: 'payments',
  partition: 2,
  offset: 100,
  messageTime: 1_000,
  deadAt: 5_000,
  reason: 'malformed',
  field: '',
  detail: 'it ends early',
  key: Buffer.from('card-1'),
  value: Buffer.from([1, 2]),
  truncated: false,
  headers: [{ name: 'trace', value: Buffer.from('t') }],
};

test('every bound that is given must hold, ends of offsets included, the end of time not', () => {
  const letter = letterFrom(record);
  expect(selects({}, letter)).toBe(true);
  expect(
    selects({ reason: 'malformed', pipeline: 'transactions', topic: 'payments', partition: 2 }, letter),
  ).toBe(true);
  expect(selects({ fromOffset: 100, toOffset: 100 }, letter)).toBe(true);
  expect(selects({ fromOffset: 101 }, letter)).toBe(false);
  expect(selects({ toOffset: 99 }, letter)).toBe(false);
  expect(selects({ from: 5_000, to: 5_001 }, letter)).toBe(true);
  expect(selects({ to: 5_000 }, letter)).toBe(false);
  expect(selects({ reason: 'tooLarge' }, letter)).toBe(false);
  expect(selects({ partition: 1 }, letter)).toBe(false);
  expect(selects({ ids: ['dlt_2'] }, letter)).toBe(false);
  expect(selects({ replayed: false }, letter)).toBe(true);
  expect(selects({ replayed: true }, letter)).toBe(false);
});

test('headers of our own say what came of the letter and are none of the message', () => {
  const letter = letterFrom({
    ...record,
    headers: [
      ...record.headers,
      { name: LETTER_HEADER, value: Buffer.from('dlt_0') },
      { name: ORIGIN_HEADER, value: Buffer.from('payments/2/100/1000') },
      { name: READ_AT_HEADER, value: Buffer.from('140') },
      { name: REPLAYED_HEADER, value: Buffer.from('2026-03-01T00:00:00.000Z') },
    ],
  });
  expect(letter.headers).toEqual(record.headers);
  expect(letter.replayOf).toBe('dlt_0');
  expect(letter.readAt).toBe(140);
  expect(letterFrom(record).readAt).toBe(100);
  expect(letter.replayedAt).toBe(Date.UTC(2026, 2, 1));
  expect(selects({ replayed: true }, letter)).toBe(true);
});

describe('of two records of a letter', () => {
  const died = letterFrom(record);
  const replayed = { ...died, replayedAt: 7_000 };
  const diedAgain = { ...died, readAt: 140 };

  test('a death that is written again after a crash stays replayed', () => {
    expect(newerOf(undefined, died).replayedAt).toBeUndefined();
    expect(newerOf(died, replayed).replayedAt).toBe(7_000);
    expect(newerOf(replayed, died).replayedAt).toBe(7_000);
  });

  test('a later death opens it, also when the mark of the replay comes after that', () => {
    expect(newerOf(replayed, diedAgain)).toBe(diedAgain);
    expect(newerOf(diedAgain, replayed)).toBe(diedAgain);
    expect(newerOf(diedAgain, died)).toBe(diedAgain);
    expect(newerOf(diedAgain, { ...diedAgain, replayedAt: 9_000 }).replayedAt).toBe(9_000);
  });
});
