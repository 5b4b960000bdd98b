import { randomBytes } from 'node:crypto';
import type { Incident } from '../../alerting/incidents.js';
import { parseRange } from '../../lib/address-guard.js';
import { BreakerOpenError } from '../../lib/breaker.js';
import type { ClickHouseClient } from '../../lib/clickhouse.js';
import { silentLog } from '../../lib/log.js';
import type { ApiContext, App } from '../../services/alert-api/api/context.js';
import { buildServer } from '../../services/alert-api/api/server.js';
import { newApiKey, type Role } from '../../services/alert-api/api-keys.js';
import { type ControlTable, createControl } from '../../services/alert-api/control.js';
import type { Delivery } from '../../services/alert-api/delivery.js';
import type { ControlRecord } from '../../services/alert-api/records.js';
import { createSecretBox } from '../../services/alert-api/secret-box.js';
import type { View, ViewListener } from '../../services/alert-api/views.js';

const NOW = Date.UTC(2026, 0, 5, 12);
const opened: App[] = [];

export async function closeAll(): Promise<void> {
  for (const one of opened.splice(0)) await one.close();
}

export function incident(n: number, more: Partial<Incident> = {}): Incident {
  return {
    ...{
      id: `inc_${n}`,
      pipeline: 'transactions',
      domain: 'EUR',
      entity: `card-${n}`,
      state: 'open',
      severity: 'medium',
      change: 1,
      changeKind: 'opened',
    },
    ...{
      changedAt: NOW + n,
      changedBy: 'riskwire',
      note: '',
      openedAt: NOW,
      lastRiskAt: NOW,
      timeZone: 'UTC',
      risks: 1,
      maxScore: 5,
      firstRiskId: 'r',
      lastRiskId: 'r',
    },
    ...{
      lastRiskOffset: 0,
      eventPartition: 0,
      lastEventOffset: 0,
      firstOffsets: [0],
      lastCommandOffset: -1,
      partition: 0,
      reasons: [],
      sentences: { en: 'Odd.' },
      context: {},
      model: 'm',
      kind: 'single',
      reason: 'amount high',
      parent: '',
      members: 0,
      labels: [],
      verdict: '',
      seen: [],
      peak: '',
      peakAt: 0,
      waitingSince: NOW,
      escalations: 0,
      judged: 0,
      events: [],
    },
    ...more,
  };
}

export function viewOf<V extends { id: string }>(values: V[]): View<V> & { publish(value: V): void } {
  const listeners = new Set<ViewListener<V>>();
  let offset = 0;
  return {
    get: (id) => values.find((one) => one.id === id),
    values: () => values,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    when: async () => undefined,
    fault: undefined,
    stop: async () => {},
    publish: (value) => {
      for (const listener of listeners) listener(value, undefined, { partition: 0, offset: String(offset) });
      offset += 1;
    },
  };
}

/** The real control over a table in memory. */
function memoryControl(now: () => number) {
  const records = new Map<string, ControlRecord>();
  const listeners = new Set<(key: string, value: ControlRecord | undefined, partition: number) => void>();
  const set = (key: string, value: ControlRecord | undefined) => {
    if (state.down) throw new Error('no leader');
    if (value) records.set(key, value);
    else records.delete(key);
    for (const listener of listeners) listener(key, value, 0);
  };
  const state = { down: false };
  const table: ControlTable = {
    entries: () => records.entries(),
    get: (key) => records.get(key),
    put: async (key, value) => set(key, value),
    putAll: async (entries) => {
      for (const [key, value] of entries) set(key, value);
    },
    delete: async (key) => set(key, undefined),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return Object.assign(createControl(table, now, silentLog()), { state, records });
}

/** The API over stand-ins in memory: everything beyond its HTTP side is one. */
export async function serve(more: Partial<ApiContext> = {}, options: { rateLimit?: number } = {}) {
  const control = memoryControl(more.now ?? (() => NOW));
  const keys = {} as Record<Role, string>;
  for (const role of ['viewer', 'operator', 'admin'] as const) {
    const { key, record } = newApiKey(role, role, 'test', NOW);
    keys[role] = key;
    await control.saveKey(record, 'test');
  }
  const incidents = viewOf<Incident>(Array.from({ length: 7 }, (_, i) => incident(i)));
  const posts: { url: string; headers: Record<string, string>; body: string }[] = [];
  const context: ApiContext = {
    incidents,
    deliveries: viewOf<Delivery>([]),
    control,
    partitions: 4,
    commands: {
      redeliver: async () => {},
      sendAll: async () => {},
      send: async (one, action, by, note) => ({
        applied: true,
        incident: {
          ...one,
          state: action === 'falseAlarm' ? 'falseAlarm' : 'acknowledged',
          changedBy: by,
          note,
        },
      }),
    },
    box: createSecretBox([randomBytes(32)]),
    client: {
      post: async (url, headers, body) => {
        posts.push({ url, headers, body: Buffer.from(body).toString() });
        return { kind: 'answer', status: 503, retryAfter: undefined, body: 'closed today', durationMs: 3 };
      },
      stop: async () => {},
    },
    allow: [parseRange('127.0.0.0/8')],
    clickhouse: {} as ClickHouseClient,
    clickhouseBreaker: {
      state: 'open',
      ready: false,
      call: async () => Promise.reject(new BreakerOpenError('clickhouse')),
      stop: () => {},
    },
    breakerState: () => 'closed',
    bootstrap: undefined,
    used: () => {},
    faults: () => [],
    about: () => ({ partitions: [0] }),
    metrics: async () => ({ contentType: 'text/plain', text: 'riskwire_x 1\n' }),
    now: () => NOW,
    log: silentLog(),
    ...more,
  };
  const app = await buildServer(
    { version: '1.2.3', rateLimit: options.rateLimit ?? 10_000, trustProxy: false },
    context,
  );
  opened.push(app);
  const call = async (
    role: Role | undefined,
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    payload?: object,
  ) => {
    const response = await app.inject({
      method,
      url,
      headers: role ? { authorization: `Bearer ${keys[role]}` } : {},
      ...(payload ? { payload } : {}),
    });
    return {
      status: response.statusCode,
      headers: response.headers,
      body: response.body ? JSON.parse(response.body) : undefined,
    };
  };
  return { app, call, control, incidents, posts, keys };
}
