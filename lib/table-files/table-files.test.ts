import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { csvRows, isHeader, separatorOf } from './csv.js';
import { openTable } from './open.js';
import { isBroken, type TableFile, type TableItem } from './table.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'riskwire-table-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

async function itemsOf(file: TableFile): Promise<TableItem[]> {
  const items: TableItem[] = [];
  for await (const batch of file.rows()) items.push(...batch);
  return items;
}

async function rowsOf(lines: readonly string[], columns: number): Promise<TableItem[]> {
  const items: TableItem[] = [];
  for await (const batch of csvRows([lines], ';', columns, false)) items.push(...batch);
  return items;
}

test.each([
  ['a,b,c\n1,2,3\n4,5,6', ','],
  ['zeit;wert\n2024-01-01;3,5\n2024-01-02;4,25', ';'],
  ['a\tb\n1\t2', '\t'],
  ['a|b\n1|2', '|'],
  ['only\n1\n2', ','],
])('the separator of %j is %j', (text, separator) => {
  expect(separatorOf(text.split('\n'))).toBe(separator);
});

test('a header has names, data has numbers or times', () => {
  expect(isHeader(['时间', '温度(°C)'])).toBe(true);
  expect(isHeader(['timestamp', 'value'])).toBe(true);
  expect(isHeader(['2024-01-01 00:00', 'x'])).toBe(false);
  expect(isHeader(['a', '3,5'])).toBe(false);
  expect(isHeader(['a', 'a'])).toBe(false);
});

test('quoted fields over several lines are one row, with the line where they begin', async () => {
  const items = await rowsOf(['1;"a', 'b; c";2', '3;d;4'], 3);
  expect(items).toEqual([
    { line: 1, cells: ['1', 'a\nb; c', '2'] },
    { line: 3, cells: ['3', 'd', '4'] },
  ]);
});

test('a quote that nobody closes breaks its own row and no other', async () => {
  const lines = Array.from({ length: 3000 }, (_, i) => `${i};x;${i}`);
  for (const at of [10, 700, 1499, 2999]) lines[at] = `${at};"x;${at}`;
  const items = await rowsOf(lines, 3);
  expect(items).toHaveLength(3000);
  expect(items.filter(isBroken).map(({ line, fault }) => [line, fault])).toEqual([
    [11, 'quote'],
    [701, 'quote'],
    [1500, 'quote'],
    [3000, 'quote'],
  ]);
});

test('rows with other numbers of fields are broken and counted', async () => {
  const items = await rowsOf(['1;2;3', '1;2', '', '1;2;3;4'], 3);
  expect(items.filter(isBroken)).toEqual([
    { line: 2, fault: 'fields', fields: 2, text: '1;2' },
    { line: 4, fault: 'fields', fields: 4, text: '1;2;3;4' },
  ]);
});

test('gzip, byte order marks and Windows line ends', async () => {
  const csv = '\ufeff时间;值\r\n2024-01-01;1,5\r\n2024-01-02;2,5\r\n';
  for (const [name, bytes] of [
    ['plain.csv', Buffer.from(csv)],
    ['packed.csv', gzipSync(csv)],
    ['wide.csv', Buffer.from(csv, 'utf16le')],
  ] as const) {
    const file = await openTable(await fileOf(name, bytes));
    expect(file.columns).toEqual(['时间', '值']);
    expect((await itemsOf(file)).map((item) => !isBroken(item) && item.cells[1])).toEqual(['1,5', '2,5']);
  }
});

test('Chinese in GB 18030 and German in Windows-1252 are told apart', async () => {
  const gb = Buffer.from([0xca, 0xb1, 0xbc, 0xe4, 0x2c, 0xd6, 0xb5, 0x0a, 0x31, 0x2c, 0x32, 0x0a]);
  const chinese = await openTable(await fileOf('gb.csv', gb));
  expect([chinese.encoding, chinese.columns]).toEqual(['gb18030', ['时间', '值']]);
  const latin = await openTable(await fileOf('latin.csv', Buffer.from('größe,tür\n1,2\n', 'latin1')));
  expect([latin.encoding, latin.columns]).toEqual(['windows-1252', ['größe', 'tür']]);
});

test('JSON lines: objects within objects are columns, what is no object is broken', async () => {
  const file = await openTable(
    await fileOf('x.jsonl', '{"a":1,"b":{"c":"x"}}\n{"a":2,\n[1]\n{"b":{"c":null},"a":3}\n'),
  );
  expect(file.columns).toEqual(['a', 'b.c']);
  expect(await itemsOf(file)).toEqual([
    { line: 1, cells: [1, 'x'] },
    { line: 2, fault: 'json', text: '{"a":2,' },
    { line: 3, fault: 'json', text: '[1]' },
    { line: 4, cells: [3, null] },
  ]);
});

test.each(['snappy', 'zstd', 'gzip'])('Parquet packed with %s', async (codec) => {
  const file = await openTable(join(__dirname, 'fixtures', `readings-${codec}.parquet`));
  expect(file.format).toBe('parquet');
  expect(file.columns).toEqual(['time', 'site', 'value', 'count']);
  const items = await itemsOf(file);
  expect(items).toHaveLength(300);
  expect(items[1]).toEqual({ line: 2, cells: [new Date('2024-01-01T00:01:00Z'), 'b', 1.5, 1] });
  expect(items[2]).toEqual({ line: 3, cells: [new Date('2024-01-01T00:02:00Z'), 'c', null, 2] });
});

test('what is no table is refused with what to do', async () => {
  const refused = async (name: string, content: string | Uint8Array) =>
    openTable(await fileOf(name, content)).then(
      () => 'taken',
      (error: Error) => error.message,
    );
  expect(await refused('empty.csv', '')).toMatch(/empty/);
  expect(await refused('array.json', '[\n{"a":1}\n]')).toMatch(/jq -c/);
  expect(await refused('binary.xls', Uint8Array.from([208, 207, 0, 0, 10, 0, 1]))).toMatch(/binary/);
  expect(await refused('cut.parquet', 'PAR1 and nothing else')).toMatch(/copied whole/);
  await expect(openTable(join(folder, 'none.csv'))).rejects.toThrow(/no file/);
});
