import type { lookup as systemLookup } from 'node:dns';
import { isIP } from 'node:net';
import { Agent, buildConnector, request } from 'undici';
import { type AddressRange, ForbiddenAddressError, guardedLookup, refusal } from './address-guard.js';

export interface WebhookClientOptions {
  /** ranges that may be reached although they are not public */
  allow: readonly AddressRange[];
  /** for the whole exchange: resolving, connecting, sending, and reading the answer. Default 15 s */
  timeoutMs?: number;
  /** how much of the answer is kept. Default 1 kB */
  keepBytes?: number;
  /** how names are resolved; tests pass their own */
  resolve?: typeof systemLookup;
}

/** What came of one request. Failures are values: a receiver that is away is no surprise here. */
export type WebhookResult =
  | { kind: 'answer'; status: number; retryAfter: string | undefined; body: string; durationMs: number }
  | { kind: 'failure'; code: FailureCode; message: string; durationMs: number };

export type FailureCode = 'timeout' | 'forbidden-address' | 'unresolved' | 'unreachable' | 'tls' | 'protocol';

export interface WebhookClient {
  /** Never rejects. `signal` gives up early, as a timeout would. */
  post(
    url: string,
    headers: Record<string, string>,
    body: Uint8Array,
    signal?: AbortSignal,
  ): Promise<WebhookResult>;
  stop(): Promise<void>;
}

const MOST_BYTES_READ = 64 * 1024;

/**
 * Sends webhooks. Redirects are answers like any other, never followed. The answer's status decides, and a 2xx only once
 * the answer has ended: many servers send the status line before their work is done, and break off when it fails.
 * Of a long body the first 64 kB are read and the rest is dropped, so who drips or floods costs at most the timeout.
 */
export function createWebhookClient(options: WebhookClientOptions): WebhookClient {
  const { allow, timeoutMs = 15_000, keepBytes = 1024 } = options;
  const agent = new Agent({
    connect: guardedConnector(allow, timeoutMs, options.resolve),
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 30_000,
    maxHeaderSize: 16 * 1024,
  });

  async function post(
    url: string,
    headers: Record<string, string>,
    body: Uint8Array,
    signal?: AbortSignal,
  ): Promise<WebhookResult> {
    const started = performance.now();
    const took = () => Math.round((performance.now() - started) * 10) / 10;
    const deadline = new AbortController();
    const giveUp = () => deadline.abort();
    const failed = (error: unknown, begun?: string): WebhookResult => {
      const code = deadline.signal.aborted ? 'timeout' : failureCode(error);
      const why =
        code === 'timeout'
          ? `${begun === undefined ? 'no answer' : `${begun} did not end`} within ${timeoutMs} ms`
          : `${begun === undefined ? '' : `${begun} broke off: `}${messageOf(error)}`;
      return { kind: 'failure', code, message: why, durationMs: took() };
    };
    const timer = setTimeout(giveUp, timeoutMs);
    signal?.addEventListener('abort', giveUp, { once: true });
    if (signal?.aborted) giveUp();
    try {
      const answer = await request(url, {
        method: 'POST',
        dispatcher: agent,
        signal: deadline.signal,
        headers: { 'content-type': 'application/json', 'user-agent': 'Riskwire', ...headers },
        body,
      });
      const retryAfter = answer.headers['retry-after'];
      const { text, brokeOff } = await readLittle(answer.body, keepBytes);
      if (brokeOff !== undefined && answer.statusCode >= 200 && answer.statusCode < 300)
        return failed(brokeOff, `status ${answer.statusCode}, but the answer`);
      return {
        kind: 'answer',
        status: answer.statusCode,
        retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
        body: text,
        durationMs: took(),
      };
    } catch (error) {
      return failed(error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
    }
  }

  return { post, stop: () => agent.destroy() };
}

/** The first bytes of a body as text, and what ended the body if it wasn't its end. */
async function readLittle(
  body: AsyncIterable<Buffer> & { destroy(): unknown; on(event: 'error', listener: () => void): unknown },
  keepBytes: number,
): Promise<{ text: string; brokeOff: unknown }> {
  const kept: Buffer[] = [];
  let read = 0;
  let brokeOff: unknown;
  body.on('error', () => {}); // destroying it below is an error to the stream, not to us
  try {
    for await (const chunk of body) {
      kept.push(chunk);
      read += chunk.length;
      if (read >= MOST_BYTES_READ) break;
    }
  } catch (error) {
    brokeOff = error;
  }
  body.destroy();
  return { text: Buffer.concat(kept).subarray(0, keepBytes).toString('utf8'), brokeOff };
}

function guardedConnector(
  allow: readonly AddressRange[],
  timeout: number,
  resolve?: typeof systemLookup,
): buildConnector.connector {
  const secure = buildConnector({
    timeout,
    lookup: guardedLookup(allow, true, resolve),
  } as buildConnector.BuildOptions);
  const plain = buildConnector({
    timeout,
    lookup: guardedLookup(allow, false, resolve),
  } as buildConnector.BuildOptions);
  return (options, callback) => {
    const isSecure = options.protocol === 'https:';
    const host = options.hostname.replace(/^\[|\]$/g, '');
    // Node doesn't call `lookup` for a host that is an address already.
    const why = isIP(host) ? refusal(host, allow, isSecure) : undefined;
    if (why) return callback(new ForbiddenAddressError(options.hostname, host, why), null as never);
    return (isSecure ? secure : plain)(options, callback);
  };
}

const CODES: Readonly<Record<string, FailureCode>> = {
  RISKWIRE_FORBIDDEN_ADDRESS: 'forbidden-address',
  ENOTFOUND: 'unresolved',
  EAI_AGAIN: 'unresolved',
  EAI_FAIL: 'unresolved',
  EAI_NODATA: 'unresolved',
  ECONNREFUSED: 'unreachable',
  ECONNRESET: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EPIPE: 'unreachable',
  UND_ERR_SOCKET: 'unreachable',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
};

function failureCode(error: unknown): FailureCode {
  const code = codeOf(error);
  if (code === undefined) return 'protocol';
  const known = CODES[code];
  if (known) return known;
  return /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO)/.test(code)
    ? 'tls'
    : 'protocol';
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
