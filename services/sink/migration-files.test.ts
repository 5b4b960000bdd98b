import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../lib/paths.js';
import { readMigrations, splitStatements } from './migration-files.js';

test('a statement ends with ; at the end of a line, and nowhere else', () => {
  const text =
    "-- first; second;\nSELECT ';' AS a,\n  1; \n\nSELECT 2; SELECT 3;\n-- a comment; at the end;\n";
  expect(splitStatements(text)).toEqual(["SELECT ';' AS a,\n  1", 'SELECT 2; SELECT 3']);
});

test('a last statement needs no ;', () => {
  expect(splitStatements('SELECT 1;\nSELECT 2\n-- end')).toEqual(['SELECT 1', 'SELECT 2\n-- end']);
});

describe('a folder of migrations', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'riskwire-migrations-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  test('is read in the order of its numbers', async () => {
    await writeFile(join(dir, '0010_b.sql'), 'SELECT 2;');
    await writeFile(join(dir, '0002_a.sql'), 'SELECT 1;');
    expect((await readMigrations(dir)).map(({ version, name }) => [version, name])).toEqual([
      [2, '0002_a.sql'],
      [10, '0010_b.sql'],
    ]);
  });

  test('has the same checksum whatever its line ends', async () => {
    await writeFile(join(dir, '0001_a.sql'), 'SELECT\n1;\n');
    const [unix] = await readMigrations(dir);
    await writeFile(join(dir, '0001_a.sql'), 'SELECT\r\n1;\r\n');
    const [windows] = await readMigrations(dir);
    expect(windows?.checksum).toBe(unix?.checksum);
  });

  test.each([
    ['1_a.sql', 'SELECT 1;', /1_a\.sql: name it NNNN/],
    ['0001_a.sql', '-- nothing\n', /0001_a\.sql holds no statement/],
  ])('%s with %j is refused', async (name, text, message) => {
    await writeFile(join(dir, name), text);
    await expect(readMigrations(dir)).rejects.toThrow(message);
  });

  test('two files of one number are refused', async () => {
    await writeFile(join(dir, '0001_a.sql'), 'SELECT 1;');
    await writeFile(join(dir, '0001_b.sql'), 'SELECT 1;');
    await expect(readMigrations(dir)).rejects.toThrow(/0001_a\.sql and 0001_b\.sql have the same number/);
  });

  test('without files is refused', async () => {
    await expect(readMigrations(dir)).rejects.toThrow(/holds no migration/);
  });
});

test('every statement that ships bears being run twice', async () => {
  const statements = (await readMigrations(join(packageRoot(), 'migrations'))).flatMap(
    (file) => file.statements,
  );
  expect(statements.length).toBeGreaterThan(10);
  const once = statements.filter((statement) => !/\b(IF NOT EXISTS|IF EXISTS|OR REPLACE)\b/.test(statement));
  expect(once).toEqual([]);
});
