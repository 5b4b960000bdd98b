import { randomUUID } from 'node:crypto';
import Type, { type Static, type TObject } from 'typebox';
import { Check } from 'typebox/value';
import type { EndpointHealth } from '../../alerting/delivery-rules.js';
import type { MaintenanceWindow, Policy, Route, Silence } from '../../alerting/routing.js';
import type { Logger } from '../../lib/log.js';
import type { Table } from '../../lib/table.js';
import { ApiKey } from './api-keys.js';
import { Endpoint } from './endpoints.js';
import { StoredBar, StoredRoutes, StoredSilence, StoredWindow } from './policy.js';
import type { ControlRecord } from './records.js';

/** What people set, by kind: a followed table, so every replica has all of it and may change any. */
export interface Control {
  endpoints(): Endpoint[];
  endpoint(id: string): Endpoint | undefined;
  keys(): ApiKey[];
  key(id: string): ApiKey | undefined;
  /** Resolve when the change is acked, and this replica acts on it. */
  saveEndpoint(endpoint: Endpoint, by: string): Promise<void>;
  deleteEndpoint(id: string, by: string): Promise<void>;
  saveKey(key: ApiKey, by: string): Promise<void>;
  deleteKey(id: string, by: string): Promise<void>;
  /** routes, silences, windows and bars as they are now */
  policy(): Policy;
  readonly routes: Shelf<{ tree: Route }>;
  readonly silences: Shelf<Silence>;
  readonly windows: Shelf<MaintenanceWindow>;
  readonly bars: Shelf<StoredBar>;
  /** answers to writes with an Idempotency-Key */
  readonly answers: Shelf<StoredAnswer>;
  /** when a key was last used */
  readonly uses: Shelf<{ at: number }>;
  /** who changed what, the newest last */
  audit(): AuditEntry[];
  /** since when an endpoint does nothing but fail */
  health(endpointId: string): EndpointHealth | undefined;
  saveHealth(endpointId: string, health: EndpointHealth): Promise<void>;
  deleteHealth(endpointId: string): Promise<void>;
  /** Called with the id of an endpoint that was added, changed or deleted here or elsewhere. */
  onEndpoint(listener: (id: string) => void): void;
}

/** All values of one kind. */
export interface Shelf<T> {
  get(id: string): T | undefined;
  /** counts the changes of a value, for its ETag; 0 when there is none */
  version(id: string): number;
  all(): T[];
  save(id: string, value: T, by: string): Promise<void>;
  delete(id: string, by: string): Promise<void>;
  /** Gives up values that are of no more use; not a change that anybody made. */
  deleteOlder(isOld: (value: T) => boolean): Promise<void>;
}

export const AuditEntry = Type.Object({
  id: Type.String(),
  at: Type.Number(),
  by: Type.String(),
  action: Type.Enum(['saved', 'deleted']),
  kind: Type.String(),
  subject: Type.String(),
  /** the value as it was left, without secrets and hashes */
  value: Type.Unknown(),
});
export type AuditEntry = Static<typeof AuditEntry>;

export const StoredAnswer = Type.Object({
  /** digest of what was asked: the same key for something else is a mistake */
  request: Type.String(),
  status: Type.Integer(),
  /** sealed, since it may hold a secret that is shown once */
  body: Type.String(),
  at: Type.Number(),
});
export type StoredAnswer = Static<typeof StoredAnswer>;

const Health = Type.Object({ failingSince: Type.Number() });
const Use = Type.Object({ at: Type.Number() });
/** Audit entries that a replica lists; all stay in Kafka. */
const MOST_AUDITED = 5_000;
/** Fields that never get into the audit trail. */
const SECRET_FIELDS = ['secrets', 'hash', 'credential'];

export type ControlTable = Pick<
  Table<ControlRecord>,
  'entries' | 'get' | 'put' | 'putAll' | 'delete' | 'onChange'
>;

export function createControl(table: ControlTable, now: () => number, log: Logger): Control {
  const shelves = new Map<string, { schema: TObject; values: Map<string, unknown> }>();
  const listeners: ((id: string) => void)[] = [];
  const audited: AuditEntry[] = [];

  function shelf<T>(kind: string, schema: TObject, options: { audit: boolean }): Shelf<T> {
    const values = new Map<string, T>();
    shelves.set(kind, { schema, values });
    const key = (id: string) => `${kind}/${id}`;
    const version = (id: string) => table.get(key(id))?.version ?? 0;
    return {
      get: (id) => values.get(id),
      version,
      all: () => [...values.values()],
      save: (id, value, by) => {
        const json = JSON.stringify(value);
        const record = { kind, id, version: version(id) + 1, changedAt: now(), changedBy: by, json };
        const trail = options.audit ? [auditRecord('saved', kind, id, value, by)] : [];
        return table.putAll([[key(id), record], ...trail]);
      },
      delete: async (id, by) => {
        if (options.audit) await table.putAll([auditRecord('deleted', kind, id, values.get(id) ?? null, by)]);
        await table.delete(key(id));
      },
      deleteOlder: async (isOld) => {
        const old = [...values].filter(([, value]) => isOld(value));
        await Promise.all(old.map(([id]) => table.delete(key(id))));
      },
    };
  }

  function auditRecord(
    action: AuditEntry['action'],
    kind: string,
    subject: string,
    value: unknown,
    by: string,
  ): [string, ControlRecord] {
    const at = now();
    const entry: AuditEntry = {
      id: randomUUID(),
      at,
      by,
      action,
      kind,
      subject,
      value: withoutSecrets(value),
    };
    return [
      `audit/${entry.id}`,
      { kind: 'audit', id: entry.id, version: 1, changedAt: at, changedBy: by, json: JSON.stringify(entry) },
    ];
  }

  const endpoints = shelf<Endpoint>('endpoint', Endpoint, { audit: true });
  const keys = shelf<ApiKey>('apiKey', ApiKey, { audit: true });
  const routes = shelf<{ tree: Route }>('routes', StoredRoutes, { audit: true });
  const silences = shelf<Silence>('silence', StoredSilence, { audit: true });
  const windows = shelf<MaintenanceWindow>('window', StoredWindow, { audit: true });
  const bars = shelf<StoredBar>('bar', StoredBar, { audit: true });
  const healths = shelf<EndpointHealth>('endpointHealth', Health, { audit: false });
  const answers = shelf<StoredAnswer>('answer', StoredAnswer, { audit: false });
  const uses = shelf<{ at: number }>('keyUse', Use, { audit: false });

  let policy: Policy | undefined;

  function apply(key: string, record: ControlRecord | undefined): void {
    const at = key.indexOf('/');
    const [kind, id] = [key.slice(0, at), key.slice(at + 1)];
    if (kind === 'audit') {
      const entry = record && (parse(record, AuditEntry, log) as AuditEntry | undefined);
      if (entry) audited.push(entry);
      if (audited.length > MOST_AUDITED) audited.shift();
      return;
    }
    const found = shelves.get(kind);
    if (!found) return; // a newer version's
    const value = record && parse(record, found.schema, log);
    if (value === undefined) found.values.delete(id);
    else found.values.set(id, value);
    policy = undefined;
    if (kind === 'endpoint') for (const listener of listeners) listener(id);
  }

  for (const [key, record] of table.entries()) apply(key, record);
  audited.sort((a, b) => a.at - b.at);
  table.onChange(apply);

  return {
    endpoints: () => endpoints.all().sort(byAge),
    endpoint: endpoints.get,
    keys: () => keys.all().sort(byAge),
    key: keys.get,
    saveEndpoint: (endpoint, by) => endpoints.save(endpoint.id, endpoint, by),
    deleteEndpoint: endpoints.delete,
    saveKey: (key, by) => keys.save(key.id, key, by),
    deleteKey: keys.delete,
    policy() {
      const tree = routes.get(ROUTES_ID)?.tree;
      policy ??= {
        ...(tree ? { tree } : {}),
        silences: silences.all(),
        windows: windows.all(),
        bars: bars.all(),
      };
      return policy;
    },
    routes,
    silences,
    windows,
    bars,
    answers,
    uses,
    audit: () => audited,
    health: healths.get,
    saveHealth: (id, health) => healths.save(id, health, 'riskwire'),
    deleteHealth: (id) => healths.delete(id, 'riskwire'),
    onEndpoint: (listener) => void listeners.push(listener),
  };
}

/** The tree of routes is one value. */
export const ROUTES_ID = 'tree';

function byAge(a: { createdAt: number; id: string }, b: { createdAt: number; id: string }): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}

function withoutSecrets(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !SECRET_FIELDS.includes(name)));
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
