import { emptyColumns, RecordColumns, withColumns } from './record-columns.js';

/** One record whose headers are these bytes. */
function recordWith(headers: Buffer): RecordColumns {
  const columns = emptyColumns(1);
  columns.keyStarts[0] = -1;
  columns.valueStarts[0] = -1;
  return withColumns(1, headers, columns);
}

test('headers are read where there are some', () => {
  const name = Buffer.from('trace');
  const one = Buffer.concat([Buffer.from([2, name.length << 1]), name, Buffer.from([2, 7])]);
  expect(recordWith(one).headers(0)).toEqual({ trace: Buffer.from([7]) });
  expect(recordWith(Buffer.from([0])).headers(0)).toBeUndefined();
  const message = { offset: '5', timestamp: '0', key: null, value: null, headers: { trace: 'a' } };
  expect(RecordColumns.of([message as never]).headers(0)).toEqual({ trace: 'a' });
});

test('a record that claims more headers than its bytes hold ends with them', () => {
  const many = Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f, 2, 0x61, 2, 0x62]);
  expect(recordWith(many).headers(0)).toEqual({ a: Buffer.from('b') });
});

test('headers may be named like what every object has, and be without a value', () => {
  const named = (name: string, value: number[]) => [name.length << 1, ...Buffer.from(name), ...value];
  const bytes = [6, ...named('toString', [2, 7]), ...named('__proto__', [2, 8]), ...named('trace', [1])];
  expect(Object.entries(recordWith(Buffer.from(bytes)).headers(0)!)).toEqual([
    ['toString', Buffer.from([7])],
    ['__proto__', Buffer.from([8])],
    ['trace', null],
  ]);
});
