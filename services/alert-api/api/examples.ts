/** Bodies that the OpenAPI document shows; a test holds each against its schema. */
const AT = '2026-11-24T08:30:00.000Z';
const LATER = '2026-11-25T08:30:00.000Z';

export const endpoint = {
  id: 'ep_4b1d7c0a9e2f',
  name: 'Operations',
  url: 'https://hooks.example.com/riskwire',
  pipelines: ['production'],
  domains: [],
  minSeverity: 'high',
  events: ['opened', 'escalated', 'closed'],
  state: 'enabled',
  stateReason: '',
  activeSecrets: 1,
  breaker: 'closed',
  format: 'standard',
  hasCredential: false,
  template: null,
  language: 'en',
  operator: false,
  concurrency: null,
  ratePerMinute: null,
  createdAt: AT,
  createdBy: 'bootstrap',
};

export const newEndpoint = { ...endpoint, secret: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD' };

export const tested = {
  delivered: true,
  webhookId: 'test_0f6c1f5e-7a3b-4a52-9d55-3f0c2f7f3f51',
  sentAt: AT,
  status: 204,
  durationMs: 38,
  answer: '',
  error: '',
};

export const delivery = {
  id: 'dlv_6f2d81c4b07a',
  incident: 'inc_93b0c7d2e1f4',
  change: 1,
  endpoint: endpoint.id,
  pipeline: 'production',
  domain: 'plant-1',
  state: 'succeeded',
  attempts: 1,
  createdAt: AT,
  updatedAt: AT,
  nextAttemptAt: null,
  event: 'opened',
  severity: 'high',
  expiresAt: LATER,
  lastStatus: 204,
  lastError: '',
  durationMs: 41,
};

export const risk = {
  id: 'risk_1f8e27ab90cd',
  pipeline: 'production',
  domain: 'plant-1',
  entity: 'pump-7',
  eventId: 'e-100042',
  eventTime: AT,
  timeZone: 'Asia/Shanghai',
  scoredAt: AT,
  score: 6.2,
  pValue: 6.3e-7,
  threshold: 4.1,
  severity: 'high',
  detectors: { autoencoder: 5.1, memory: 6.4 },
  reasons: [
    {
      feature: 'flow',
      field: 'flow',
      detector: 'memory',
      observed: 2.1,
      expected: 20.4,
      unit: 'm³/h',
      direction: 'low',
      share: 0.81,
    },
  ],
  sentences: { en: 'The flow is far below this pump’s habit.', zh: '流量远低于该泵的惯常水平。' },
  context: { line: 'A' },
  model: 'production-2026-11-20',
  degraded: false,
};

export const key = {
  id: 'key_5c0e7d19ab42',
  name: 'Dashboard',
  role: 'viewer',
  domains: ['plant-1'],
  createdAt: AT,
  createdBy: 'bootstrap',
  lastUsedAt: null,
};

export const newKey = { ...key, key: 'rw_5c0e7d19ab42_JmZ0c2V4YW1wbGU' };

const pumps = { pipelines: ['production'], entity: 'pump-*' };

export const tree = {
  name: 'all',
  endpoints: [endpoint.id],
  escalation: [{ afterMinutes: 15, endpoints: ['ep_lead'] }],
  routes: [
    { name: 'pumps', match: pumps, endpoints: ['ep_pumps'], continue: true },
    {
      name: 'minor, by day',
      match: { domains: ['plant-1'] },
      quietHours: { below: 'high', spans: [{ timeZone: 'Europe/Berlin', from: '22:00', to: '07:00' }] },
    },
  ],
};

export const routesPreview = {
  incidents: 1,
  told: 1,
  held: 0,
  nobody: 0,
  items: [
    {
      incident: delivery.incident,
      change: 'opened',
      routes: [['all', 'pumps']],
      endpoints: [{ id: 'ep_pumps', notBefore: AT }],
      held: null,
    },
  ],
};

export const silence = {
  id: 'sil_8e41d0b6c2a7',
  match: pumps,
  startsAt: AT,
  endsAt: LATER,
  author: 'Dashboard',
  reason: 'the pumps are being cleaned',
  state: 'active',
};

export const silencePreview = {
  active: { count: 1, incidents: [delivery.incident] },
  past: { count: 0, incidents: [] },
};

export const newWindow = {
  name: 'Sunday cleaning',
  match: pumps,
  spans: [{ timeZone: 'Europe/Berlin', days: [0], from: '06:00', to: '10:00' }],
};

export const maintenanceWindow = { id: 'win_2a97f3e05d1c', ...newWindow, author: 'Dashboard' };

export const bar = {
  id: 'bar_70d2c9e4f1b8',
  pipeline: 'production',
  domain: 'plant-1',
  entity: 'pump-7',
  reason: 'flow low',
  score: 7.4,
  until: LATER,
  incident: delivery.incident,
  note: 'the valve was closed by hand',
  raisedAt: AT,
  raisedBy: 'Dashboard',
};

export const audited = {
  id: '12',
  at: AT,
  by: 'bootstrap',
  action: 'saved',
  kind: 'silence',
  subject: silence.id,
  value: { reason: silence.reason },
};
