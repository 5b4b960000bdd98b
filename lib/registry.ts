import { RetryTimeout, reasonOf, retry } from './retry.js';

export interface RegistryOptions {
  /** base URL, a path in it is kept (Apicurio serves under /apis/ccompat/v7) */
  url: string;
  user?: string;
  password?: string;
  /** for one request. Default 5 s */
  requestTimeoutMs?: number;
  /** for one call with its retries. Default 15 s */
  timeoutMs?: number;
}

/** The registry can't be asked now: a fault of the surroundings, to be tried again, never a fault of a message. */
export class RegistryUnreachable extends Error {
  override readonly name = 'RegistryUnreachable';
}

/** The registry answered no. `code` is its own error code, 0 when it gave none. */
export class RegistryRefusal extends Error {
  override readonly name = 'RegistryRefusal';
  constructor(
    readonly status: number,
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

export interface RegisteredSchema {
  schema: string;
  /** AVRO when absent */
  schemaType?: string;
  references?: unknown[];
}

const SUBJECT_NOT_FOUND = 40401;
const VERSION_NOT_FOUND = 40402;
const SCHEMA_NOT_FOUND = 40403;
const TYPE = 'application/vnd.schemaregistry.v1+json';

/** A schema registry that speaks Confluent's REST API. */
export class RegistryClient {
  private readonly base: URL;
  private readonly headers: Record<string, string>;

  constructor(private readonly options: RegistryOptions) {
    this.base = new URL(options.url.endsWith('/') ? options.url : `${options.url}/`);
    const user = options.user || decodeURIComponent(this.base.username);
    const password = options.password || decodeURIComponent(this.base.password);
    this.base.username = '';
    this.base.password = '';
    this.headers = { accept: `${TYPE}, application/json`, 'content-type': TYPE };
    if (user)
      this.headers['authorization'] = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }

  /** undefined when the registry has no schema of this id. */
  async schemaById(id: number): Promise<RegisteredSchema | undefined> {
    return this.unlessMissing<RegisteredSchema>(`schemas/ids/${id}`, [SCHEMA_NOT_FOUND, VERSION_NOT_FOUND]);
  }

  /** The newest version of a subject, undefined when it has none. */
  async latest(subject: string): Promise<(RegisteredSchema & { id: number; version: number }) | undefined> {
    return this.unlessMissing(`subjects/${encodeURIComponent(subject)}/versions/latest`, [
      SUBJECT_NOT_FOUND,
      VERSION_NOT_FOUND,
    ]);
  }

  /** Registers a schema under a subject, and gives its id; the id it has when it is there already. */
  async register(subject: string, schema: unknown): Promise<number> {
    const body = JSON.stringify({ schema: typeof schema === 'string' ? schema : JSON.stringify(schema) });
    const { id } = await this.call<{ id: number }>(
      'POST',
      `subjects/${encodeURIComponent(subject)}/versions`,
      body,
    );
    return id;
  }

  private async unlessMissing<T>(path: string, codes: readonly number[]): Promise<T | undefined> {
    try {
      return await this.call<T>('GET', path);
    } catch (error) {
      if (error instanceof RegistryRefusal && error.status === 404 && codes.includes(error.code))
        return undefined;
      throw error;
    }
  }

  private async call<T>(method: string, path: string, body?: string): Promise<T> {
    const url = new URL(path, this.base);
    try {
      return await retry(() => this.request<T>(method, url, body), {
        timeoutMs: this.options.timeoutMs ?? 15_000,
        retryable: (error) => error instanceof RegistryUnreachable,
      });
    } catch (error) {
      if (error instanceof RetryTimeout) throw error.cause;
      throw error;
    }
  }

  private async request<T>(method: string, url: URL, body?: string): Promise<T> {
    const { requestTimeoutMs = 5_000 } = this.options;
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, {
        method,
        body,
        headers: this.headers,
        signal: AbortSignal.timeout(requestTimeoutMs),
      });
      text = await response.text();
    } catch (error) {
      const cause = error instanceof Error && error.cause ? error.cause : error;
      throw new RegistryUnreachable(
        `the schema registry at ${this.base} did not answer: ${reasonOf(cause)}`,
        { cause: error },
      );
    }
    const answer = parsed(text);
    if (response.ok && answer !== undefined) return answer as T;
    const { error_code: code = 0, message = text.slice(0, 200) } = (answer ?? {}) as {
      error_code?: number;
      message?: string;
    };
    const said = `the schema registry answered ${method} ${url.pathname} with ${response.status}: ${message}`;
    if (response.status >= 500 || response.status === 429 || response.status === 408 || response.ok)
      throw new RegistryUnreachable(said);
    throw new RegistryRefusal(response.status, code, said);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
