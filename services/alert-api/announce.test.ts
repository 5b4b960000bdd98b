import { DEFAULT_MAX_AGES } from '../../alerting/delivery-rules.js';
import { incidentOf } from '../../alerting/incident-example.js';
import type { Policy } from '../../alerting/routing.js';
import { type AnnounceDeps, deliveriesOf } from './announce.js';
import type { Delivery } from './delivery.js';

const NOW = Date.UTC(2026, 0, 5, 12);
const none: Policy = { silences: [], windows: [], bars: [] };
const endpoint = (id: string) => ({
  ...{ id, pipelines: [], domains: [], minSeverity: 'low' as const, createdAt: 0 },
  events: ['opened' as const, 'escalated' as const, 'closed' as const],
});

function deps(policy: Policy = none): AnnounceDeps {
  return {
    endpoints: () => [endpoint('a'), endpoint('b')],
    policy: () => policy,
    publicUrl: 'https://risk.example',
    maxAges: DEFAULT_MAX_AGES,
    now: () => NOW,
  };
}

test('one to each endpoint, and none that is there already', () => {
  const first = deliveriesOf(incidentOf(), 2, deps(), () => undefined);
  expect(first.map(({ delivery }) => delivery.endpoint)).toEqual(['a', 'b']);
  expect(first[0]).toMatchObject({
    partition: 2,
    delivery: { state: 'pending', event: 'opened', severity: 'medium', expiresAt: NOW + 86_400_000 },
  });
  const known = new Map(first.slice(0, 1).map(({ delivery }) => [delivery.id, delivery]));
  expect(
    deliveriesOf(incidentOf(), 2, deps(), (id) => known.get(id)).map((one) => one.delivery.endpoint),
  ).toEqual(['b']);
});

test('what a silence holds back is on record with the reason', () => {
  const silence = { id: 'sil_1', match: {}, startsAt: 0, endsAt: NOW + 1, author: 'ann', reason: 'known' };
  const held = deliveriesOf(incidentOf(), 0, deps({ ...none, silences: [silence] }), () => undefined);
  expect(held.map(({ delivery }) => [delivery.state, delivery.lastError])).toEqual([
    ['dropped', 'held back by silence sil_1 of ann: known'],
    ['dropped', 'held back by silence sil_1 of ann: known'],
  ]);
});

test('what a parent stands for is not told of, except its end to those who heard of its beginning', () => {
  const covered = (
    incident: ReturnType<typeof incidentOf>,
    sent: (id: string) => Delivery | undefined = () => undefined,
  ) => deliveriesOf(incident, 0, deps(), sent, { covered: true }).map(({ delivery }) => delivery.endpoint);
  const closed = incidentOf({ state: 'closed', changeKind: 'closed', change: 2 });
  expect(covered(incidentOf())).toEqual([]);
  expect(covered(closed)).toEqual([]);
  const opened = deliveriesOf(incidentOf(), 0, deps(), () => undefined);
  const heard = new Map([[opened[0]!.delivery.id, opened[0]!.delivery]]);
  expect(covered(closed, (id) => heard.get(id))).toEqual(['a']);
});
