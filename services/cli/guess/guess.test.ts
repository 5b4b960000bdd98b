import type { TableRow } from '../../../lib/table-files/table.js';
import { profileColumns, wordsOf } from './columns.js';
import { LocalTime } from './local-time.js';
import { decimalSignOf, isMissing, parseNumber } from './numbers.js';
import { paceOf } from './pace.js';
import { guessRoles, type RoleHints } from './roles.js';
import { describeReading, readTime, timeReadingOf } from './times.js';

const local = new LocalTime();

/** The instant that a text is read as, in ISO, by a guess made from it and its neighbours. */
function read(text: string | number, zone = 'UTC', others: readonly (string | number)[] = []): string {
  const reading = timeReadingOf([text, ...others], true);
  if (reading === undefined) return 'none';
  const { ms } = readTime(text, reading, zone, local);
  return Number.isNaN(ms) ? 'NaN' : new Date(ms).toISOString();
}

test.each([
  ['2024-03-05 14:07:09', '2024-03-05T14:07:09.000Z'],
  ['2024-03-05T14:07:09.123456Z', '2024-03-05T14:07:09.123Z'],
  ['2024-03-05T14:07:09+08:00', '2024-03-05T06:07:09.000Z'],
  ['2024-03-05 14:07 -0530', '2024-03-05T19:37:00.000Z'],
  ['2024/3/5 4:07', '2024-03-05T04:07:00.000Z'],
  ['2024年3月5日 14:07:09', '2024-03-05T14:07:09.000Z'],
  ['2024年3月5日 下午2时07分', '2024-03-05T14:07:00.000Z'],
  ['25.03.2024 14:07', '2024-03-25T14:07:00.000Z'],
  ['03/25/2024 02:07 PM', '2024-03-25T14:07:00.000Z'],
  ['5 Mar 2024 14:07', '2024-03-05T14:07:00.000Z'],
  ['Mar 5, 2024 12:07 AM', '2024-03-05T00:07:00.000Z'],
  ['Tue, 05 Mar 2024 14:07:09 +0100', '2024-03-05T13:07:09.000Z'],
  ['05/Mar/2024:14:07:09 +0100', '2024-03-05T13:07:09.000Z'],
  ['20240305T140709', '2024-03-05T14:07:09.000Z'],
  ['20240305', '2024-03-05T00:00:00.000Z'],
  ['2024-03-05 14:07:09 Asia/Shanghai', '2024-03-05T06:07:09.000Z'],
  [1709647629, '2024-03-05T14:07:09.000Z'],
  ['1709647629123', '2024-03-05T14:07:09.123Z'],
  [1709647629123456, '2024-03-05T14:07:09.123Z'],
  ['2024-02-30 00:00', 'none'],
  ['2024-13-45 99:00', 'none'],
  ['pump 3', 'none'],
])('%p is %p', (text, iso) => {
  expect(read(text)).toBe(iso);
});

test('times without an offset are of the zone given, over changes of the clocks too', () => {
  expect(read('2024-07-01 12:00', 'Europe/Berlin')).toBe('2024-07-01T10:00:00.000Z');
  expect(read('2024-01-01 12:00', 'Europe/Berlin')).toBe('2024-01-01T11:00:00.000Z');
  // 02:30 does not exist on that day, and comes twice in autumn: the earlier
  expect(read('2024-03-31 02:30', 'Europe/Berlin')).toBe('2024-03-31T01:30:00.000Z');
  expect(read('2024-10-27 02:30', 'Europe/Berlin')).toBe('2024-10-27T00:30:00.000Z');
});

test('day or month first: by a day beyond twelve, else by the more even course', () => {
  expect(read('05.03.2024 00:00', 'UTC', ['25.03.2024 00:00'])).toBe('2024-03-05T00:00:00.000Z');
  expect(read('03/05/2024', 'UTC', ['03/06/2024', '03/07/2024'])).toBe('2024-03-05T00:00:00.000Z');
  const alone = timeReadingOf(['03/05/2024'], true)!;
  expect(describeReading(alone)).toMatch(/can't be told/);
});

test('a clock count is a time by its name alone', () => {
  const cells = Array.from({ length: 50 }, (_, i) => i * 60);
  expect(timeReadingOf(cells, true)?.relative).toBe(true);
  expect(timeReadingOf(cells, false)).toBeUndefined();
});

test.each([
  ['1,234.5', '.', 1234.5],
  ['1.234,5', ',', 1234.5],
  ['1 234,5', ',', 1234.5],
  ['-0,75', ',', -0.75],
  ['−3.5', '.', -3.5],
  ['12.5 %', '.', 12.5],
  ['€3.20', '.', 3.2],
  ['￥88', '.', 88],
  ['1e-3', '.', 0.001],
  ['3,5', '.', Number.NaN],
  ['12a', '.', Number.NaN],
  ['1.2.3', '.', Number.NaN],
] as const)('%p with %p for fractions is %p', (text, sign, value) => {
  expect(parseNumber(text, sign)).toBe(value);
});

test('the decimal sign by fractions that are no thousands', () => {
  expect(decimalSignOf(['3,5', '1,234'])).toBe(',');
  expect(decimalSignOf(['3.5', '1,234'])).toBe('.');
  expect(decimalSignOf(['1,234', '5'])).toBe('.');
  expect(isMissing('n/a')).toBe(true);
  expect(isMissing('0')).toBe(false);
});

function roles(
  columns: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  hints: RoleHints = {},
) {
  const table: TableRow[] = rows.map((cells, i) => ({ line: i + 2, cells }));
  return guessRoles(profileColumns(columns, table, local), hints, local);
}

const stamp = (minutes: number) => new Date(Date.UTC(2024, 2, 1) + minutes * 60_000).toISOString();

test('payments: key, number, categories, and what is kept out', () => {
  const rows = Array.from({ length: 300 }, (_, i) => [
    i,
    stamp(i * 7 + (i % 5)),
    4000 + (i % 40),
    900 + (i % 25),
    10 + (i % 37) * 1.5,
    ['chip', 'online'][i % 2]!,
    i,
    i % 50 === 0 ? 1 : 0,
  ]);
  const found = roles(
    [
      'TRANSACTION_ID',
      'TX_DATETIME',
      'CUSTOMER_ID',
      'TERMINAL_ID',
      'TX_AMOUNT',
      'channel',
      'TX_TIME_SECONDS',
      'TX_FRAUD',
    ],
    rows,
  );
  expect(found.time?.name).toBe('TX_DATETIME');
  expect(found.key?.name).toBe('CUSTOMER_ID');
  expect(found.numbers.map(({ name }) => name)).toEqual(['TX_AMOUNT']);
  expect(found.categories.map(({ name }) => name)).toEqual(['TERMINAL_ID', 'channel']);
  expect(found.left.map(({ name }) => name).sort()).toEqual([
    'TRANSACTION_ID',
    'TX_FRAUD',
    'TX_TIME_SECONDS',
  ]);
});

test('sensors in rows of their own: the key is what makes times differ', () => {
  const rows = Array.from({ length: 200 }, (_, i) => [
    stamp(Math.floor(i / 2) * 10),
    ['东', '西'][i % 2]!,
    20 + (i % 9) / 10,
  ]);
  const found = roles(['时间', '位置', '温度(°C)'], rows);
  expect(found.key?.name).toBe('位置');
  expect(paceOf(found, local)).toEqual({ gap: 600, regular: true });
});

test('one series has no key', () => {
  const rows = Array.from({ length: 200 }, (_, i) => [stamp(i * 5), 70 + (i % 13) / 7]);
  const found = roles(['timestamp', 'value'], rows);
  expect([found.key, found.numbers.map(({ name }) => name)]).toEqual([undefined, ['value']]);
});

test('a date and a clock in columns of their own are one time', () => {
  const rows = Array.from({ length: 100 }, (_, i) => [
    '10/03/2004',
    `${10 + Math.floor(i / 60)}.${String(i % 60).padStart(2, '0')}.00`,
    i % 17,
  ]);
  const found = roles(['Date', 'Time', 'CO'], rows);
  expect([found.time?.name, found.clock?.name]).toEqual(['Date', 'Time']);
});

test('flags win, and a column that is not there is named with those that are', () => {
  const rows = Array.from({ length: 100 }, (_, i) => [stamp(i), `m${i % 3}`, i % 11, i % 7]);
  const columns = ['time', 'machine', 'a', 'b'];
  const found = roles(columns, rows, { key: 'b', values: ['a'] });
  expect([found.key?.name, found.numbers.map(({ name }) => name)]).toEqual(['b', ['a']]);
  expect(() => roles(columns, rows, { key: 'nope' })).toThrow(/--key nope.*time, machine, a, b/);
  expect(() => roles(columns, rows, { values: ['machine'] })).toThrow(/no numbers, such as 'm0'/);
  expect(() => roles(columns, rows, { time: 'machine' })).toThrow(/can't be read as times/);
});

test('names are split where people split them', () => {
  expect(wordsOf('deviceId')).toEqual(['device', 'id']);
  expect(wordsOf('TX_AMOUNT (EUR)')).toEqual(['tx', 'amount', 'eur']);
});
