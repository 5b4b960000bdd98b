import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { fault } from './clickhouse-errors.js';

/** Query parameters of the HTTP interface that are not settings. */
const INTERFACE = new Set([
  'query',
  'database',
  'default_format',
  'query_id',
  'user',
  'password',
  'quota_key',
  'role',
  'session_id',
  'session_timeout',
  'session_check',
  'close_session',
  'compress',
  'decompress',
  'stacktrace',
  'client_protocol_version',
  'buffer_size',
  'wait_end_of_query',
  'http_write_exception_in_output_format',
  'enable_http_compression',
]);
/** The longest SQL that is read from a body. Data of an INSERT has no such bound: it goes to a file. */
export const MAX_SQL_BYTES = 16 * 1024 * 1024;

export interface RequestParameters {
  query: string;
  database?: string;
  format: string;
  queryId?: string;
  settings: Map<string, string>;
  parameters: Map<string, string>;
}

export function readParameters(url: URL, request: IncomingMessage): RequestParameters {
  const settings = new Map<string, string>();
  const parameters = new Map<string, string>();
  const given = url.searchParams;
  for (const [name, value] of given) {
    if (name.startsWith('param_')) parameters.set(name.slice('param_'.length), value);
    else if (!INTERFACE.has(name)) settings.set(name, value);
  }
  for (const name of ['compress', 'decompress']) {
    if (given.get(name) === '1')
      throw fault(
        'NOT_IMPLEMENTED',
        `The local ClickHouse does not speak ${name}=1; send and accept gzip by HTTP headers`,
      );
  }
  const header = (name: string) => request.headers[name] as string | undefined;
  return {
    query: given.get('query') ?? '',
    database: given.get('database') ?? header('x-clickhouse-database'),
    format: given.get('default_format') ?? header('x-clickhouse-format') ?? 'TabSeparated',
    queryId: given.get('query_id') ?? undefined,
    settings,
    parameters,
  };
}

/** Bodies come compressed as HTTP names it. */
export function decodedBody(request: IncomingMessage): Readable {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  const decoders = { gzip: createGunzip, deflate: createInflate, br: createBrotliDecompress };
  if (encoding === 'identity') return request;
  const decoder = decoders[encoding as keyof typeof decoders];
  if (!decoder)
    throw fault(
      'UNKNOWN_COMPRESSION_METHOD',
      `Unknown content encoding ${JSON.stringify(encoding)}; gzip, deflate and br are known`,
    );
  const out = decoder();
  request.on('error', (error) => out.destroy(error)).pipe(out);
  return out;
}

/** Reads up to `limit` bytes; what is left stays in the stream. */
export async function readText(body: Readable, limit = MAX_SQL_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > limit)
      throw fault(
        'QUERY_IS_TOO_LARGE',
        `The query is longer than ${limit} bytes; send an INSERT's data in the body and its SQL in the URL`,
      );
  }
  return Buffer.concat(chunks);
}

/** A form: parts `query` and `param_*` as text. External tables (parts with a file) are not there. */
export async function readForm(body: Readable, contentType: string, into: RequestParameters): Promise<void> {
  const bytes = await readText(body);
  const form = await new Response(bytes, { headers: { 'content-type': contentType } }).formData();
  for (const [name, value] of form) {
    if (typeof value !== 'string')
      throw fault(
        'NOT_IMPLEMENTED',
        'The local ClickHouse has no external tables; insert the rows into a table',
      );
    if (name === 'query') into.query = value;
    else if (name.startsWith('param_')) into.parameters.set(name.slice('param_'.length), value);
  }
}

/** A page in a browser must not reach the database by way of the user's machine (DNS rebinding, cross-site posts). */
export function refuseForeign(request: IncomingMessage): void {
  const { host, origin } = request.headers;
  const local = (name: string) => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(name);
  const hostname = (host ?? 'localhost').replace(/:\d+$/, '');
  const fromHere = origin === undefined || (URL.canParse(origin) && local(new URL(origin).hostname));
  if (!local(hostname) || !fromHere)
    throw fault(
      'ACCESS_DENIED',
      `The local ClickHouse answers this machine only, not ${JSON.stringify(origin ?? host)}`,
    );
}
