import type { IHeaders, KafkaMessage } from 'kafkajs';
import { deadLetterOf } from './dead-letter.js';
import { ORIGIN_HEADER, originHeader, READ_AT_HEADER, REPLAYED_HEADER } from './letter-headers.js';

const place = { topic: 'payments', partition: 3 };

function letterWith(headers: unknown) {
  const message = { key: null, value: Buffer.from('?'), offset: '900', timestamp: '5000', headers };
  return deadLetterOf(
    { pipeline: 'p', ...place, message: message as unknown as KafkaMessage, deadAt: 1 },
    { reason: 'malformed', field: '', detail: 'it ends early' },
    100,
  );
}

/** name and value of each, in their order */
const headersOf = (headers: unknown) =>
  letterWith(headers).headers.map(({ name, value }) => [name, value?.toString() ?? null]);

test('a header without a value is kept as one', () => {
  expect(headersOf({ trace: null, tag: [Buffer.from('x'), null] })).toEqual([
    ['trace', null],
    ['tag', 'x'],
    ['tag', null],
  ]);
});

test('what kafkajs takes for the first value of a name that every object has is left out', () => {
  const headers: IHeaders = Object.fromEntries(
    ['toString', 'constructor', '__proto__'].map((name) => [
      name,
      [({} as Record<string, never>)[name]!, Buffer.from(name)],
    ]),
  );
  expect(headersOf(headers)).toEqual([
    ['toString', 'toString'],
    ['constructor', 'constructor'],
    ['__proto__', '__proto__'],
  ]);
});

test('a replayed message that dies again is the letter that it was, and says where it died', () => {
  const first = letterWith({});
  const again = letterWith({ [ORIGIN_HEADER]: originHeader({ ...place, offset: 41 }, 1234) });
  expect(first).toMatchObject({ offset: 900, messageTime: 5000, headers: [] });
  expect(again).toMatchObject({ offset: 41, messageTime: 1234 });
  expect(again.headers).toContainEqual({ name: READ_AT_HEADER, value: Buffer.from('900') });
});

test('a message says nothing of letters', () => {
  expect(headersOf({ [READ_AT_HEADER]: '7', [REPLAYED_HEADER]: 'now', trace: 'a' })).toEqual([
    ['trace', 'a'],
  ]);
});
