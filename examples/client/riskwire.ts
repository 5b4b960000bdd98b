/**
 * A small typed client of the alert API. It needs nothing but fetch (Node 18 or later, Deno, Bun, a browser).
 *
 *   const riskwire = createClient({ url: 'http://127.0.0.1:9400', key: process.env.RISKWIRE_KEY! });
 *   for await (const incident of riskwire.incidents({ state: 'open' })) console.log(incident.severity, incident.entity);
 */
export type Severity = 'low' | 'medium' | 'high' | 'critical';
export type IncidentState = 'open' | 'acknowledged' | 'closed' | 'falseAlarm';

export interface Incident {
  id: string;
  kind: 'single' | 'parent';
  pipeline: string;
  domain: string;
  entity: string;
  reason: string;
  state: IncidentState;
  severity: Severity;
  change: number;
  changeKind: string;
  changedAt: string;
  changedBy: string;
  note: string;
  openedAt: string;
  lastRiskAt: string;
  risks: number;
  maxScore: number;
  parent: string | null;
  members: number;
  labels: string[];
  sentences: Record<string, string>;
  context: Record<string, string>;
}

export interface IncidentFilter {
  pipeline?: string;
  domain?: string;
  entity?: string;
  state?: IncidentState;
  severity?: Severity;
  kind?: 'single' | 'parent';
  parent?: string;
}

export interface NewEndpoint {
  url: string;
  name?: string;
  pipelines?: string[];
  domains?: string[];
  minSeverity?: Severity;
  events?: string[];
}

export type Action = 'acknowledge' | 'close' | 'false-alarm' | 'confirm' | 'label' | 'note';

/** An error answer: RFC 9457 problem details. */
export class RiskwireError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly retryAfterSeconds: number | undefined,
  ) {
    super(detail);
  }
}

export interface ClientOptions {
  url: string;
  key: string;
  /** tries of what failed for a while (429, 503, no answer). Default 4 */
  tries?: number;
  fetch?: typeof fetch;
}

export function createClient({ url, key, tries = 4, fetch: send = fetch }: ClientOptions) {
  const base = url.replace(/\/+$/, '');

  /** Writes carry an Idempotency-Key, so a try whose answer was lost is not done twice. */
  async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const headers: Record<string, string> = { authorization: `Bearer ${key}` };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (method !== 'GET') headers['idempotency-key'] = crypto.randomUUID();
    for (let attempt = 1; ; attempt += 1) {
      try {
        const init: RequestInit = { method, headers };
        if (body !== undefined) init.body = JSON.stringify(body);
        if (signal) init.signal = signal;
        const response = await send(base + path, init);
        if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
        throw await errorOf(response);
      } catch (error) {
        const passing = !(error instanceof RiskwireError) || error.status === 429 || error.status === 503;
        if (!passing || attempt >= tries || signal?.aborted) throw error;
        const seconds = (error instanceof RiskwireError && error.retryAfterSeconds) || 0.2 * 2 ** attempt;
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      }
    }
  }

  return {
    call,
    /** All that match, the one changed last first; asks for the next page when it is needed. */
    async *incidents(filter: IncidentFilter = {}): AsyncGenerator<Incident> {
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query = new URLSearchParams({ ...(filter as Record<string, string>), ...(cursor ? { cursor } : {}) });
        const page: { items: Incident[]; next: string | null } = await call('GET', `/v1/incidents?${query}`);
        yield* page.items;
        cursor = page.next;
      }
    },
    incident: (id: string) => call<Incident>('GET', `/v1/incidents/${encodeURIComponent(id)}`),
    act: (id: string, action: Action, body: { note?: string; labels?: string[]; barHours?: number } = {}) =>
      call<Incident>('POST', `/v1/incidents/${encodeURIComponent(id)}/${action}`, body),
    addEndpoint: (endpoint: NewEndpoint) =>
      call<{ id: string; secret: string }>('POST', '/v1/endpoints', endpoint),
    testEndpoint: (id: string) =>
      call<{ delivered: boolean; status: number; error: string }>('POST', `/v1/endpoints/${encodeURIComponent(id)}/test`, {}),
    redeliver: (endpoint: string, range: { from?: string; to?: string; states?: string[] }) =>
      call<{ asked: boolean }>('POST', `/v1/endpoints/${encodeURIComponent(endpoint)}/redeliver`, range),
    /** Changes as they happen. After a break it goes on where it was; 'reset' means that the list must be read again. */
    async *changes(signal: AbortSignal): AsyncGenerator<{ event: string; incident?: Incident }> {
      let lastId = '';
      while (!signal.aborted) {
        try {
          const headers: Record<string, string> = { authorization: `Bearer ${key}` };
          if (lastId) headers['last-event-id'] = lastId;
          const response = await send(`${base}/v1/stream`, { headers, signal });
          if (!response.ok || !response.body) throw await errorOf(response);
          let text = '';
          const decoder = new TextDecoder();
          for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
            text += decoder.decode(chunk, { stream: true });
            const blocks = text.split('\n\n');
            text = blocks.pop() ?? '';
            for (const block of blocks) {
              const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
              lastId = field('id') ?? lastId;
              const event = field('event');
              if (event === 'reset') yield { event };
              else if (event) yield { event, incident: JSON.parse(field('data') ?? '{}') as Incident };
            }
          }
        } catch (error) {
          if (signal.aborted) return;
          if (error instanceof RiskwireError && error.status !== 429 && error.status !== 503) throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, 2_000));
      }
    },
  };
}

async function errorOf(response: Response): Promise<RiskwireError> {
  const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
  const after = Number(response.headers.get('retry-after'));
  return new RiskwireError(
    response.status,
    problem.code ?? 'unknown',
    problem.detail ?? `status ${response.status}`,
    after > 0 ? after : undefined,
  );
}
