import type { TObject } from 'typebox';
import Type from 'typebox';
import { Check } from 'typebox/value';
import type { EndpointHealth } from '../../alerting/delivery-rules.js';
import type { Policy } from '../../alerting/routing.js';
import type { Logger } from '../../lib/log.js';
import type { Table } from '../../lib/table.js';
import { ApiKey } from './api-keys.js';
import { Endpoint } from './endpoints.js';
import type { ControlRecord } from './records.js';

/** Endpoints and API keys: a followed table, so every replica has all of them and may change any. */
export interface Control {
  endpoints(): Endpoint[];
  endpoint(id: string): Endpoint | undefined;
  keys(): ApiKey[];
  key(id: string): ApiKey | undefined;
  /** Resolve when the change is acked, and this replica acts on it. */
  saveEndpoint(endpoint: Endpoint, by: string): Promise<void>;
  deleteEndpoint(id: string): Promise<void>;
  saveKey(key: ApiKey, by: string): Promise<void>;
  deleteKey(id: string): Promise<void>;
  /** routes, silences, windows and bars as they are now */
  policy(): Policy;
  /** since when an endpoint does nothing but fail */
  health(endpointId: string): EndpointHealth | undefined;
  saveHealth(endpointId: string, health: EndpointHealth): Promise<void>;
  deleteHealth(endpointId: string): Promise<void>;
  /** Called with the id of an endpoint that was added, changed or deleted here or elsewhere. */
  onEndpoint(listener: (id: string) => void): void;
}

const ENDPOINT = 'endpoint';
const API_KEY = 'apiKey';
const NO_POLICY: Policy = { silences: [], windows: [], bars: [] };
const HEALTH = 'endpointHealth';
const Health = Type.Object({ failingSince: Type.Number() });

export function createControl(table: Table<ControlRecord>, now: () => number, log: Logger): Control {
  const endpoints = new Map<string, Endpoint>();
  const keys = new Map<string, ApiKey>();
  const healths = new Map<string, EndpointHealth>();
  const listeners: ((id: string) => void)[] = [];

  function apply(key: string, record: ControlRecord | undefined): void {
    const [kind = '', id = ''] = split(key);
    if (kind === ENDPOINT) {
      take(endpoints, id, record, Endpoint);
      for (const listener of listeners) listener(id);
    } else if (kind === API_KEY) take(keys, id, record, ApiKey);
    else if (kind === HEALTH) take(healths, id, record, Health);
  }

  function take<T>(
    into: Map<string, T>,
    id: string,
    record: ControlRecord | undefined,
    schema: TObject,
  ): void {
    const value = record && parse(record, schema, log);
    if (value === undefined) into.delete(id);
    else into.set(id, value as T);
  }

  for (const [key, record] of table.entries()) apply(key, record);
  table.onChange(apply);

  function save(kind: string, id: string, value: unknown, by: string): Promise<void> {
    const key = `${kind}/${id}`;
    const version = (table.get(key)?.version ?? 0) + 1;
    return table.put(key, {
      kind,
      id,
      version,
      changedAt: now(),
      changedBy: by,
      json: JSON.stringify(value),
    });
  }

  return {
    endpoints: () =>
      [...endpoints.values()].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)),
    endpoint: (id) => endpoints.get(id),
    keys: () => [...keys.values()].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)),
    key: (id) => keys.get(id),
    saveEndpoint: (endpoint, by) => save(ENDPOINT, endpoint.id, endpoint, by),
    deleteEndpoint: (id) => table.delete(`${ENDPOINT}/${id}`),
    saveKey: (key, by) => save(API_KEY, key.id, key, by),
    deleteKey: (id) => table.delete(`${API_KEY}/${id}`),
    policy: () => NO_POLICY,
    health: (id) => healths.get(id),
    saveHealth: (id, health) => save(HEALTH, id, health, 'riskwire'),
    deleteHealth: (id) => table.delete(`${HEALTH}/${id}`),
    onEndpoint: (listener) => void listeners.push(listener),
  };
}

function split(key: string): [string, string] {
  const at = key.indexOf('/');
  return [key.slice(0, at), key.slice(at + 1)];
}

/** A record that doesn't fit is as if it weren't there: an endpoint we can't understand gets nothing sent. */
function parse(record: ControlRecord, schema: TObject, log: Logger): unknown {
  try {
    const value: unknown = JSON.parse(record.json);
    if (Check(schema, value)) return value;
  } catch {
    // said below
  }
  log.error(
    { kind: record.kind, id: record.id, version: record.version },
    'a control record does not fit its schema and is left out: save it again',
  );
  return undefined;
}
