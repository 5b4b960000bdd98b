import { openAvroContainer } from './avro-container.js';
import { openCsv } from './csv.js';
import { openJsonLines } from './json-lines.js';
import { openParquet } from './parquet.js';
import { type TableFile, TableFileError } from './table.js';
import { encodingOf, sampleLines, sampleOf } from './text.js';

export interface OpenOptions {
  readonly separator?: string | undefined;
  readonly header?: boolean | undefined;
  readonly encoding?: string | undefined;
}

/** lines that the layout is told by */
const SAMPLE_LINES = 2000;

/**
 * Opens a CSV or JSON-lines file, plain or gzip, a Parquet file or an Avro object container. What it is is told by its
 * content, not its name.
 * @throws TableFileError when it is none of them
 */
export async function openTable(path: string, options: OpenOptions = {}): Promise<TableFile> {
  const sample = await sampleOf(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new TableFileError(`there is no file ${path}; check the path`);
    if (error.code === 'EISDIR') throw new TableFileError(`${path} is a folder; give a file`);
    if (error.code?.startsWith('Z_'))
      throw new TableFileError(`${path} begins like gzip and can't be unpacked: ${error.message}`);
    throw error;
  });
  if (sample.bytes.subarray(0, 4).toString('latin1') === 'PAR1') {
    if (sample.gzip) throw new TableFileError(`${path} is Parquet within gzip; unpack it first (gunzip)`);
    return openParquet(path);
  }
  if (sample.bytes.subarray(0, 4).toString('latin1') === 'Obj\u0001') {
    if (sample.gzip)
      throw new TableFileError(`${path} is an Avro container within gzip; unpack it first (gunzip)`);
    return openAvroContainer(path);
  }
  const encoding = options.encoding ?? encodingOf(sample);
  const lines = sampleLines(sample, encoding, SAMPLE_LINES);
  if (lines.length === 0) throw new TableFileError(`${path} is empty; give a file with rows`);
  if (lines.some((line) => line.includes('\u0000')))
    throw new TableFileError(
      `${path} holds binary data; CSV, JSON lines, Parquet and Avro containers are read (export a spreadsheet as CSV)`,
    );
  const layout = { gzip: sample.gzip, encoding };
  if (lines[0]!.trimStart().startsWith('{')) return openJsonLines(path, lines, layout);
  if (lines[0]!.trim() === '[')
    throw new TableFileError(`${path} is one JSON array; write one object a line (jq -c '.[]' ${path})`);
  return openCsv(path, lines, { ...layout, separator: options.separator, header: options.header });
}
