import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { decompress as unzstd } from 'fzstd';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import { type Cell, type TableFile, TableFileError, type TableItem } from './table.js';

/** rows that are read together */
const BATCH = 10_000;

/** Snappy comes with the reader; these are what else Parquet files are packed with. LZ4 is left out. */
const compressors = {
  GZIP: (bytes: Uint8Array) => new Uint8Array(gunzipSync(bytes)),
  BROTLI: (bytes: Uint8Array) => new Uint8Array(brotliDecompressSync(bytes)),
  ZSTD: (bytes: Uint8Array) => unzstd(bytes),
};

export async function openParquet(path: string): Promise<TableFile> {
  const file = await asyncBufferFromFile(path);
  let metadata: Awaited<ReturnType<typeof parquetMetadataAsync>>;
  try {
    metadata = await parquetMetadataAsync(file);
  } catch (error) {
    throw new TableFileError(
      `${path} begins like a Parquet file and can't be read as one: ${error instanceof Error ? error.message : String(error)}; was it copied whole?`,
      { cause: error },
    );
  }
  const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
  const rows = Number(metadata.num_rows);
  return {
    format: 'parquet',
    columns,
    gzip: false,
    total: rows,
    async *rows() {
      for (let rowStart = 0; rowStart < rows; rowStart += BATCH) {
        const rowEnd = Math.min(rows, rowStart + BATCH);
        const objects = await parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd });
        yield objects.map(
          (object, index): TableItem => ({
            line: rowStart + index + 1,
            cells: columns.map((name) => cellOf((object as Record<string, unknown>)[name])),
          }),
        );
      }
    },
  };
}

function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (value instanceof Date) return value;
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part));
}
