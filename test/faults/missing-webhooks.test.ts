import type { Incident } from '../../alerting/incidents.js';
import { deliveryId } from '../../lib/ids.js';
import { type Delivery, NEW_DELIVERY } from '../../services/alert-api/delivery.js';
import { explain, type Found } from './missing-webhooks.js';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5);
const ID = deliveryId('inc_1', 1, 'end_1');

const incident = (change: number, changeKind: Incident['changeKind'], state: Incident['state']) => ({
  place: `incidents/2 offset ${change}`,
  value: { id: 'inc_1', change, changeKind, state, changedAt: AT } as Incident,
});
const delivery = (offset: number, more: Partial<Delivery>): Found<Delivery> => ({
  place: `deliveries/2 offset ${offset}`,
  value: { ...NEW_DELIVERY, id: ID, incident: 'inc_1', change: 1, updatedAt: AT, ...more } as Delivery,
});

test('tells of a webhook what it was about, every record of it, and what became of the incident', () => {
  const line = explain(
    ID,
    'end_1',
    [
      delivery(7, {}),
      delivery(8, { attempts: 1, lastError: 'timeout: no answer within 3000 ms', durationMs: 3001.2 }),
      delivery(9, { attempts: 2, state: 'succeeded', lastStatus: 200, durationMs: 3 }),
      { place: 'deliveries/2 offset 10', value: { ...delivery(10, {}).value, id: 'dlv_other' } },
    ],
    [incident(1, 'opened', 'open'), incident(2, 'closed', 'closed')],
  );
  expect(line.split('; ')).toEqual([
    `${ID} tells 'opened' (change 1) of inc_1, incidents/2 offset 1, at 2026-01-02T03:04:05.000Z`,
    'deliveries/2 offset 7: pending, no attempt yet, at 2026-01-02T03:04:05.000Z',
    'deliveries/2 offset 8: pending after 1 attempts, the last: timeout: no answer within 3000 ms in 3001 ms, at 2026-01-02T03:04:05.000Z',
    'deliveries/2 offset 9: succeeded after 2 attempts, the last: status 200 in 3 ms, at 2026-01-02T03:04:05.000Z',
    "the incident now: change 2 'closed', closed",
  ]);
});

test('says so when there is no record at all', () => {
  expect(explain(ID, 'end_1', [], [incident(1, 'opened', 'open')])).toContain('NO record of a delivery');
  expect(explain(ID, 'end_1', [], [])).toContain('an incident that is not on record');
});
