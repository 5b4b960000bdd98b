import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import avsc from 'avsc';
import { decompress as unzstd } from 'fzstd';
import snappy from 'kafkajs-snappy';
import { type Cell, type TableFile, TableFileError, type TableItem } from './table.js';

/** rows that are handed on together */
const BATCH = 1000;
const inflate = promisify(inflateRaw) as (bytes: Buffer) => Promise<Buffer>;

/** What blocks are packed with. Snappy blocks end with four bytes of a checksum. */
const CODECS: Readonly<Record<string, (bytes: Buffer) => Promise<Buffer>>> = {
  null: async (bytes) => bytes,
  deflate: inflate,
  snappy: (bytes) => snappy().decompress(bytes.subarray(0, -4)),
  zstandard: async (bytes) => Buffer.from(unzstd(bytes)),
};

type Column = { readonly name: string; readonly cell: (value: unknown) => Cell };

/** Opens an Avro object container file: its columns are the fields of its record, nested values are JSON. */
export async function openAvroContainer(path: string): Promise<TableFile> {
  const columns = await columnsOf(path);
  return {
    format: 'avro',
    columns: columns.map(({ name }) => name),
    gzip: false,
    rows: () => rowsOf(path, columns),
  };
}

interface Decoder {
  readonly stream: NodeJS.ReadWriteStream & AsyncIterable<unknown> & { destroy(error?: Error): void };
  readonly header: Promise<{ schema: unknown }>;
}

/** @throws through `header` and the stream: what is wrong with the file, and what to do */
function decoderOf(path: string): Decoder {
  const codecs = Object.fromEntries(
    Object.entries(CODECS).map(([name, unpack]) => [
      name,
      (bytes: Buffer, done: (error: Error | null, bytes?: Buffer) => void) => {
        unpack(bytes).then((unpacked) => done(null, unpacked), done);
      },
    ]),
  );
  let schema: unknown;
  const stream = new avsc.streams.BlockDecoder({
    codecs,
    // logical types stay numbers: the columns make times of them
    parseHook: (written: unknown) => {
      schema = written;
      return avsc.Type.forSchema(written as avsc.Schema, { logicalTypes: {}, wrapUnions: 'never' });
    },
  } as never) as unknown as Decoder['stream'];
  const header = new Promise<{ schema: unknown }>((resolve, reject) => {
    stream.once('metadata', () => resolve({ schema }));
    stream.once('error', reject);
    // all was written to it and it made no header of that
    stream.once('finish', () => setImmediate(() => reject(new Error('it ends within its header'))));
  });
  // met by whoever awaits it, and by the stream's reader
  header.catch(() => undefined);
  pipeline(createReadStream(path), stream as never, () => undefined);
  return { stream, header };
}

function faultOf(path: string, error: unknown): TableFileError {
  const why = error instanceof Error ? error.message : String(error);
  const codec = /unknown codec: (\S+)/.exec(why)?.[1];
  return new TableFileError(
    codec === undefined
      ? `${path} begins like an Avro container file and can't be read as one: ${why}; was it copied whole?`
      : `${path} is packed with ${codec}; ${Object.keys(CODECS).join(', ')} are read: write it again with one of them`,
    { cause: error },
  );
}

async function columnsOf(path: string): Promise<Column[]> {
  const { stream, header } = decoderOf(path);
  try {
    const { schema } = await header;
    const { type, fields } = schema as {
      type?: unknown;
      fields?: readonly { name: string; type: unknown }[];
    };
    if (type !== 'record' || fields === undefined)
      throw new TableFileError(`${path} holds values of the type ${JSON.stringify(type)}; records are read`);
    return fields.map((field) => ({ name: field.name, cell: cellOf(logicalTypeOf(field.type)) }));
  } catch (error) {
    throw error instanceof TableFileError ? error : faultOf(path, error);
  } finally {
    stream.destroy();
  }
}

async function* rowsOf(path: string, columns: readonly Column[]): AsyncGenerator<TableItem[]> {
  const { stream } = decoderOf(path);
  // what the decoder holds of a block that isn't whole; at the end it would pass over it in silence
  const { _tap: rest } = stream as unknown as { _tap: { buf: Buffer; pos: number } };
  let items: TableItem[] = [];
  let line = 0;
  try {
    for await (const record of stream as AsyncIterable<Record<string, unknown>>) {
      line++;
      items.push({ line, cells: columns.map(({ name, cell }) => cell(record[name])) });
      if (items.length === BATCH) {
        yield items;
        items = [];
      }
    }
    if (rest.pos < rest.buf.length) throw new Error('it ends within a block');
  } catch (error) {
    throw new TableFileError(`after ${line} records: ${faultOf(path, error).message}`, { cause: error });
  } finally {
    stream.destroy();
  }
  if (items.length > 0) yield items;
}

/** timestamp-millis and so on; of a union the branch beside null */
function logicalTypeOf(type: unknown): string | undefined {
  const branch = Array.isArray(type) ? type.find((one) => one !== 'null') : type;
  const logical = (branch as { logicalType?: unknown } | null)?.logicalType;
  return typeof logical === 'string' ? logical : undefined;
}

const PER_MS: Readonly<Record<string, number>> = {
  'timestamp-millis': 1,
  'local-timestamp-millis': 1,
  'timestamp-micros': 1e3,
  'local-timestamp-micros': 1e3,
  'timestamp-nanos': 1e6,
  // days
  date: 1 / 86_400_000,
};

function cellOf(logicalType: string | undefined): (value: unknown) => Cell {
  const perMs = PER_MS[logicalType ?? ''];
  return (value) => {
    if (value === null || value === undefined) return null;
    if (typeof value === 'number') return perMs === undefined ? value : new Date(value / perMs);
    if (typeof value === 'string' || typeof value === 'boolean') return value;
    if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
    return JSON.stringify(value, (_, part: unknown) =>
      part instanceof Uint8Array ? Buffer.from(part).toString('utf8') : part,
    );
  };
}
