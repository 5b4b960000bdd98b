import type { Incident } from '../../alerting/incidents.js';
import type { Risk } from '../../services/scorer/risks.js';
import { countOutside, explainEntity } from './risks-outside.js';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5);
const outside = { pipeline: 'p', entity: 'card-1', risks: 2, held: 1 };

const risk = (offset: number, more: Partial<Risk> = {}) => ({
  place: `risks/2 offset ${offset}`,
  value: {
    ...{ id: `rsk_${offset}`, pipeline: 'p', entity: 'card-1', topic: 'payments', partition: 3 },
    ...{ offset: 100 + offset, score: 4.25, scoredAt: AT, ...more },
  } as Risk,
});
const incident = (offset: number, more: Partial<Incident> = {}) => ({
  place: `incidents/2 offset ${offset}`,
  value: {
    ...{ id: 'inc_1', pipeline: 'p', entity: 'card-1', change: 1, changeKind: 'opened', state: 'open' },
    ...{ risks: 1, lastRiskOffset: 7, lastEventOffset: 107, lastCommandOffset: -1, changedAt: AT, ...more },
  } as Incident,
});

test('tells of an entity every risk and every record of its incidents, and nothing of the others', () => {
  expect(
    explainEntity(
      outside,
      [risk(7), risk(9), risk(8, { entity: 'card-2' })],
      [incident(4), incident(5, { pipeline: 'q' })],
    ),
  ).toEqual([
    'p card-1: 2 risks, and its incidents hold 1',
    '  risks/2 offset 7: rsk_7 of event payments/3 offset 107, score 4.250, scored at 2026-01-02T03:04:05.000Z',
    '  risks/2 offset 9: rsk_9 of event payments/3 offset 109, score 4.250, scored at 2026-01-02T03:04:05.000Z',
    "  incidents/2 offset 4: inc_1 change 1 'opened', open, 1 risks, took in risks to 7 (event 107) and commands to -1, at 2026-01-02T03:04:05.000Z",
  ]);
});

test('one too few and one too many are two', () => {
  expect(countOutside([outside, { ...outside, entity: 'card-2', risks: 0, held: 1 }])).toBe(2);
  expect(countOutside([])).toBe(0);
});
