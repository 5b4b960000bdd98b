import { type Incident, KEPT_PER_ENTITY, type RiskInput } from '../../alerting/incidents.js';
import { PartitionState } from './partition-state.js';

const HOUR = 3_600_000;
const rules = { quiet: () => HOUR / 2, incidentId: (risk: string) => `inc-${risk}` };

const risk = (id: string, hour: number, offset: number, origin = -1): RiskInput => ({
  ...{ id, kind: 'event', pipeline: 'p', domain: 'd', entity: 'e', eventId: '', eventTime: hour * HOUR },
  ...{ partition: 0, offset, origin, timeZone: 'UTC', scoredAt: hour * HOUR, score: 5, severity: 'high' },
  ...{ reasons: [], sentences: {}, context: {}, model: 'm', secondary: {}, firstScore: 0 },
});

test('a replayed event does not open anew the incident that it opened long ago', () => {
  const stored = new Map<string, Incident>();
  const state = new PartitionState(0, rules, (id) => stored.get(id), []);
  let offset = 0;
  const take = (one: RiskInput) => {
    const { incidents, changes } = state.risk(one, offset++);
    state.keep(one, incidents);
    for (const { incident } of changes) stored.set(incident.id, incident);
    return changes.map(({ kind }) => kind);
  };
  expect(take(risk('sent again', 0, 10, 3))).toEqual(['opened']);
  for (let n = 1; n <= KEPT_PER_ENTITY; n++) take(risk(`r${n}`, n, 10 + n));
  expect(take(risk('sent again', 0, 20, 3))).toEqual([]);
  // Another one of that time is new.
  expect(take(risk('another', 0, 21, 4))).toEqual(['opened']);
  expect(stored.get('inc-sent again')).toMatchObject({ risks: 1, state: 'closed' });
});
