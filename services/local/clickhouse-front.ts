import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Answer, ClickHouseEngine, Query } from './clickhouse-engine.js';
import { fault, faultOf, statusOf } from './clickhouse-errors.js';
import { decodedBody, readForm, readParameters, readText, refuseForeign } from './clickhouse-request.js';
import { readSql, type SqlText } from './sql-text.js';

const compress = promisify(gzip);

export interface FrontOptions {
  engine: ClickHouseEngine;
  /** an INSERT's data waits here for the engine, which reads it from a file */
  uploads: string;
  version: string;
  timezone: string;
}

/**
 * The part of ClickHouse's HTTP interface that @clickhouse/client, curl and Grafana use. Who asks is not checked: any
 * user and password are accepted, from this machine only. There are no sessions, external tables and progress headers;
 * results are whole before they are sent.
 */
export function createFront(options: FrontOptions): Server {
  const server = createServer(
    { keepAliveTimeout: 10_000, maxHeaderSize: 1024 * 1024 },
    (request, response) => {
      serve(request, response, options).catch((error) => response.destroy(error));
    },
  );
  return server;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  options: FrontOptions,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  response.setHeader('X-ClickHouse-Server-Display-Name', hostname());
  try {
    refuseForeign(request);
    if (url.pathname === '/ping' || url.pathname === '/replicas_status') return plain(response, 200, 'Ok.\n');
    if (url.pathname !== '/') return plain(response, 404, `There is no handle ${url.pathname}\n`);
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (reads && !url.searchParams.has('query')) return plain(response, 200, 'Ok.\n');
    if (!reads && request.method !== 'POST')
      return plain(response, 501, `${request.method} is not supported\n`);
    await answer(request, response, url, options);
  } catch (error) {
    if (response.headersSent) throw error;
    const { code, message } = faultOf(error);
    response.setHeader('X-ClickHouse-Exception-Code', String(code));
    const version = message.includes('(version ') ? '' : ` (version ${options.version})`;
    plain(response, statusOf(code), `${message}${version}\n`);
    request.resume(); // the rest of a body that was refused
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  { engine, uploads, timezone }: FrontOptions,
): Promise<void> {
  const parameters = readParameters(url, request);
  const queryId = parameters.queryId ?? randomUUID();
  response.setHeader('X-ClickHouse-Query-Id', queryId);
  response.setHeader('X-ClickHouse-Timezone', timezone);
  const contentType = request.headers['content-type'] ?? '';
  const isForm = contentType.startsWith('multipart/form-data');
  if (isForm) await readForm(decodedBody(request), contentType, parameters);

  const upload = join(uploads, randomUUID());
  try {
    const { sql, hasUpload } = isForm
      ? { sql: readSql(parameters.query), hasUpload: false }
      : await readStatement(request, parameters.query, upload);
    if (sql.hasSecondStatement)
      throw fault('SYNTAX_ERROR', 'Syntax error (Multi-statements are not allowed)');
    if (!sql.statement.trim()) throw fault('SYNTAX_ERROR', 'Syntax error: Empty query');
    const query: Query = {
      ...parameters,
      statement: hasUpload ? fromFile(sql, upload) : sql.statement,
      readonly: request.method !== 'POST',
    };
    const result = await engine.run(query);
    response.setHeader(
      'X-ClickHouse-Format',
      sql.isInsert ? parameters.format : (sql.format ?? parameters.format),
    );
    await send(request, response, result, sql, url);
  } finally {
    await rm(upload, { force: true });
  }
}

/** The SQL from the URL, the body or both. An INSERT's data goes to the file `upload`, byte by byte as it came. */
async function readStatement(
  request: IncomingMessage,
  fromUrl: string,
  upload: string,
): Promise<{ sql: SqlText; hasUpload: boolean }> {
  const body = decodedBody(request);
  if (fromUrl) {
    const sql = readSql(fromUrl);
    if (sql.dataAt !== undefined && !fromUrl.slice(sql.dataAt).trim()) {
      await pipeline(body, createWriteStream(upload));
      return { sql, hasUpload: true };
    }
  }
  const bytes = Buffer.concat([Buffer.from(fromUrl && `${fromUrl}\n`), await readText(body)]);
  // Read as latin1, so that places in the text are places in the bytes: the data need not be text.
  const inBytes = readSql(bytes.toString('latin1'));
  if (inBytes.dataAt === undefined) return { sql: readSql(bytes.toString()), hasUpload: false };
  await writeFile(upload, bytes.subarray(inBytes.dataAt));
  return { sql: readSql(bytes.subarray(0, inBytes.dataAt).toString()), hasUpload: true };
}

function fromFile({ statement, clauseAt }: SqlText, file: string): string {
  const path = file.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  return `${statement.slice(0, clauseAt)} FROM INFILE '${path}' COMPRESSION 'none' ${statement.slice(clauseAt)}`;
}

const CONTENT_TYPES: readonly [RegExp, string][] = [
  [/^(JSON|JSONStrings|JSONCompact|JSONCompactStrings|JSONColumns\w*)$/i, 'application/json; charset=UTF-8'],
  [/^JSON\w*EachRow|^NDJSON/i, 'application/x-ndjson; charset=UTF-8'],
  [/^(TSV|TabSeparated)/i, 'text/tab-separated-values; charset=UTF-8'],
  [/^CSV/i, 'text/csv; charset=UTF-8; header=absent'],
  [/^(Native|RowBinary|Parquet|Arrow|ORC|Avro|MsgPack|Npy)/i, 'application/octet-stream'],
];

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  result: Answer,
  sql: SqlText,
  url: URL,
): Promise<void> {
  const format = String(response.getHeader('X-ClickHouse-Format'));
  const type = CONTENT_TYPES.find(([pattern]) => pattern.test(format))?.[1] ?? 'text/plain; charset=UTF-8';
  response.setHeader('Content-Type', type);
  response.setHeader('X-ClickHouse-Summary', summary(result, sql.isInsert));
  const wantsGzip =
    url.searchParams.get('enable_http_compression') === '1' &&
    /\bgzip\b/.test(String(request.headers['accept-encoding']));
  const body = wantsGzip ? await compress(result.bytes, { level: 3 }) : result.bytes;
  if (wantsGzip) response.setHeader('Content-Encoding', 'gzip');
  response.setHeader('Content-Length', body.length);
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** The engine counts an INSERT's rows and a SELECT's result, not what was read from tables. */
function summary({ rows, readBytes, bytes, seconds }: Answer, isInsert: boolean): string {
  return JSON.stringify({
    read_rows: String(rows),
    read_bytes: String(readBytes),
    written_rows: String(isInsert ? rows : 0),
    written_bytes: String(isInsert ? readBytes : 0),
    total_rows_to_read: '0',
    result_rows: String(rows),
    result_bytes: String(bytes.length),
    elapsed_ns: String(Math.round(seconds * 1e9)),
  });
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
}
