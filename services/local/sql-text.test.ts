import { readSql } from './sql-text.js';

describe('readSql', () => {
  test('finds where an INSERT’s data starts, byte by byte', () => {
    const text = 'INSERT INTO t FORMAT CSV\n1,";",x\n';
    const sql = readSql(text);
    expect(sql).toMatchObject({
      isInsert: true,
      format: 'CSV',
      statement: 'INSERT INTO t FORMAT CSV',
      hasSecondStatement: false,
    });
    expect(text.slice(sql.dataAt)).toBe('1,";",x\n');
  });

  test('puts a clause before SETTINGS, else before FORMAT', () => {
    const plain = 'INSERT INTO t (a, b) FORMAT Native';
    const withSettings = 'INSERT INTO t (format, b) SETTINGS async_insert = 0 FORMAT Native';
    expect(plain.slice(readSql(plain).clauseAt)).toBe('FORMAT Native');
    expect(withSettings.slice(readSql(withSettings).clauseAt)).toBe(
      'SETTINGS async_insert = 0 FORMAT Native',
    );
  });

  test('takes VALUES for SQL, not for data', () => {
    expect(readSql("INSERT INTO t VALUES (1, 'a;b', now())").dataAt).toBeUndefined();
    expect(readSql('INSERT INTO t FORMAT Values (1)').dataAt).toBeUndefined();
    expect(readSql('INSERT INTO t VALUES (1); DROP TABLE t').hasSecondStatement).toBe(true);
  });

  test.each([
    ['SELECT 1; SELECT 2', true],
    ['SELECT 1;', false],
    ['SELECT 1; -- the end\n', false],
    ['SELECT \';\' AS "a;b", `c;d`', false],
    ["SELECT 'it''s; \\' ;'", false],
    ['SELECT 1 /* ; SELECT 2 */', false],
    ['SELECT $x$ ; $x$', false],
    ["SELECT 1 FORMAT JSON; SELECT '", true],
  ])('tells a second statement: %s', (text, second) => {
    expect(readSql(text).hasSecondStatement).toBe(second);
  });

  test('reads the format of a query at its top level alone', () => {
    expect(readSql('SELECT 1 AS x FORMAT JSONEachRow').format).toBe('JSONEachRow');
    expect(readSql("SELECT formatRow('CSV', 1)").format).toBeUndefined();
    expect(readSql('select * from (select 1 as format)').format).toBeUndefined();
  });
});
