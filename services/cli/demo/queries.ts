import type { ClickHouseClient } from '../../../lib/clickhouse.js';
import type { FoundRisk } from '../../../pipelines/evaluation.js';
import type { IncidentLine, Language } from './snapshot.js';

/** How many risks ClickHouse holds, each once. */
export async function countRisks(clickhouse: ClickHouseClient): Promise<number> {
  const result = await clickhouse.query({
    query: 'SELECT count() AS risks FROM risks FINAL',
    format: 'JSONEachRow',
  });
  const [row] = await result.json<{ risks: string | number }>();
  return Number(row?.risks ?? Number.NaN);
}

export async function foundRisks(clickhouse: ClickHouseClient): Promise<FoundRisk[]> {
  const result = await clickhouse.query({
    query: `SELECT pipeline, entity, event_id AS eventId, toFloat64(toUnixTimestamp64Milli(event_time)) AS eventTime
      FROM risks FINAL`,
    format: 'JSONEachRow',
  });
  return result.json<FoundRisk>();
}

interface IncidentItem {
  readonly openedAt: string;
  readonly timeZone: string;
  readonly severity: string;
  readonly pipeline: string;
  readonly entity: string;
  readonly risks: number;
  readonly sentences: Readonly<Record<string, string>>;
}

export interface AlertApi {
  /** adds a webhook receiver and returns its id and signing secret */
  addEndpoint(name: string, url: string): Promise<{ id: string; secret: string }>;
  newestIncidents(language: Language, most: number): Promise<IncidentLine[]>;
}

const REQUEST_MS = 10_000;

/** The few calls of the alert API that the demo makes, with the key that it prints. */
export function alertApi(url: string, key: string): AlertApi {
  async function call<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
    const response = await fetch(`${url}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    if (!response.ok)
      throw new Error(
        `${method} ${path} of the alert API answered ${response.status}: ${(await response.text()).slice(0, 300)}`,
      );
    return (await response.json()) as T;
  }
  return {
    addEndpoint: (name, receiver) => call('POST', '/endpoints', { name, url: receiver }),
    async newestIncidents(language, most) {
      const { items } = await call<{ items: IncidentItem[] }>('GET', `/incidents?limit=${most}`);
      return items.map(({ openedAt, sentences, ...rest }) => ({
        ...rest,
        openedAt: Date.parse(openedAt),
        sentence: sentences[language] ?? sentences['en'] ?? '',
      }));
    },
  };
}
