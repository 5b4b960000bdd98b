import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface MigrationFile {
  version: number;
  /** the file's name, `0001_risks.sql` */
  name: string;
  /** SHA-256 of the text, line ends taken as \n */
  checksum: string;
  statements: string[];
}

/** A folder of migrations, or a database that doesn't fit it, that can't be worked with. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

/** The migrations of a folder in order. Throws a MigrationError for a misnamed, empty or doubly numbered file. */
export async function readMigrations(dir: string): Promise<MigrationFile[]> {
  const names = (await readdir(dir)).filter((name) => name.endsWith('.sql')).sort();
  if (names.length === 0) throw new MigrationError(`${dir} holds no migration (NNNN_name.sql)`);
  const files: MigrationFile[] = [];
  for (const name of names) {
    const version = FILE_NAME.exec(name)?.[1];
    if (version === undefined) {
      throw new MigrationError(
        `${join(dir, name)}: name it NNNN_what_it_does.sql (four digits, then lower-case letters, digits and _)`,
      );
    }
    const text = (await readFile(join(dir, name), 'utf8')).replaceAll('\r\n', '\n');
    const statements = splitStatements(text);
    if (statements.length === 0)
      throw new MigrationError(`${join(dir, name)} holds no statement; delete it or fill it`);
    const previous = files.at(-1);
    if (previous?.version === Number(version)) {
      throw new MigrationError(
        `${previous.name} and ${name} have the same number; give one of them the next free one`,
      );
    }
    files.push({
      version: Number(version),
      name,
      checksum: createHash('sha256').update(text).digest('hex'),
      statements,
    });
  }
  return files;
}

/** A statement ends with a `;` at the end of a line; lines that are comments (`--`) end none. */
export function splitStatements(text: string): string[] {
  const statements: string[] = [];
  let lines: string[] = [];
  const close = () => {
    const statement = lines.join('\n').trim().replace(/;$/, '').trimEnd();
    if (statement !== '') statements.push(statement);
    lines = [];
  };
  for (const line of text.split('\n')) {
    const isComment = line.trimStart().startsWith('--');
    if (isComment && lines.length === 0) continue;
    lines.push(line);
    if (!isComment && line.trimEnd().endsWith(';')) close();
  }
  if (lines.some((line) => line.trim() !== '' && !line.trimStart().startsWith('--'))) close();
  return statements;
}
