import { incidentOf } from './incident-example.js';
import { decide, nextEscalation, type Policy, type Route, type Silence } from './routing.js';

const NOW = Date.UTC(2026, 0, 5, 22, 30); // Monday 23:30 in Berlin
const all = {
  pipelines: [],
  domains: [],
  minSeverity: 'low' as const,
  events: ['opened' as const, 'closed' as const],
};
const endpoints = ['day', 'night', 'boss'].map((id) => ({ id, ...all }));
const none = { silences: [], windows: [], bars: [] };
const told = (policy: Policy, more: object = {}, kind: 'opened' | 'closed' | 'unacknowledged' = 'opened') =>
  decide(incidentOf(more), kind, NOW, policy, endpoints);

const tree: Route = {
  name: 'all',
  endpoints: ['day'],
  escalation: [{ afterMinutes: 15, endpoints: ['boss'] }],
  routes: [
    { name: 'pumps', match: { entity: 'pump-*' }, endpoints: ['night'], continue: true },
    {
      name: 'critical',
      match: { minSeverity: 'critical' },
      endpoints: ['boss'],
      routes: [{ name: 'France', match: { labels: ['country=FR'] } }],
    },
  ],
};

test('without a tree each endpoint’s own filter decides', () => {
  expect(told(none).tell.map((one) => one.endpoint)).toEqual(['day', 'night', 'boss']);
});

test('the first route that matches decides; continue looks further; what it leaves out is from above', () => {
  const at = (more: object) => {
    const { tell, routes } = told({ ...none, tree }, more);
    return [tell.map((one) => one.endpoint), routes.map((path) => path.join('/'))];
  };
  expect(at({ entity: 'card-1' })).toEqual([['day'], ['all']]);
  expect(at({ entity: 'pump-7' })).toEqual([['night'], ['all/pumps']]);
  expect(at({ entity: 'pump-7', severity: 'critical' })).toEqual([
    ['night', 'boss'],
    ['all/pumps', 'all/critical'],
  ]);
  expect(at({ severity: 'critical', context: { country: 'FR' } })).toEqual([
    ['boss'],
    ['all/critical/France'],
  ]);
});

test('nobody acknowledging it is told to the next step, once each', () => {
  expect(nextEscalation(incidentOf(), { ...none, tree })).toBe(15);
  expect(nextEscalation(incidentOf({ escalations: 1 }), { ...none, tree })).toBeUndefined();
  expect(told({ ...none, tree }, { escalations: 1 }, 'unacknowledged').tell).toEqual([
    { endpoint: 'boss', notBefore: NOW },
  ]);
});

test('in quiet hours what is less severe waits until they end', () => {
  const quiet: Route = {
    ...tree,
    routes: [],
    quietHours: { below: 'high', spans: [{ timeZone: 'Europe/Berlin', from: '22:00', to: '07:00' }] },
  };
  expect(told({ ...none, tree: quiet }).tell).toEqual([
    { endpoint: 'day', notBefore: Date.UTC(2026, 0, 6, 6) },
  ]);
  expect(told({ ...none, tree: quiet }, { severity: 'high' }).tell).toEqual([
    { endpoint: 'day', notBefore: NOW },
  ]);
});

test('silences, windows and raised bars hold it back and say so; ends are told nevertheless', () => {
  const silence: Silence = {
    id: 'sil_1',
    match: { domains: ['EUR'] },
    startsAt: NOW,
    endsAt: NOW + 1,
    author: 'ann',
    reason: 'stock-taking',
  };
  expect(told({ ...none, silences: [silence] }).held).toBe('silence sil_1 of ann: stock-taking');
  expect(told({ ...none, silences: [silence] }, {}, 'closed').held).toBeUndefined();
  expect(told({ ...none, silences: [{ ...silence, endsAt: NOW }] }).held).toBeUndefined();
  expect(told({ ...none, silences: [{ ...silence, match: { domains: ['USD'] } }] }).held).toBeUndefined();
  const spans = [{ timeZone: 'Europe/Berlin', days: [1], from: '23:00', to: '01:00' }];
  expect(
    told({ ...none, windows: [{ id: 'win_1', name: 'oil change', match: {}, spans, author: 'bob' }] }).held,
  ).toContain('oil change');
  const bar = {
    id: 'bar_1',
    pipeline: 'transactions',
    entity: 'card-1',
    reason: 'amount high',
    score: 6,
    until: NOW + 1,
  };
  expect(told({ ...none, bars: [bar] }).held).toContain('bar bar_1');
  expect(told({ ...none, bars: [bar] }, { maxScore: 6 }).held).toBeUndefined();
  expect(told({ ...none, bars: [{ ...bar, until: NOW }] }).held).toBeUndefined();
  expect(told({ ...none, bars: [bar] }, { reason: 'amount low' }).held).toBeUndefined();
});
