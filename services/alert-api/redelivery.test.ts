import { incidentOf } from '../../alerting/incident-example.js';
import { type Delivery, NEW_DELIVERY } from './delivery.js';
import { redeliver } from './redelivery.js';
import { isOlderDelivery } from './views.js';

const delivery = (n: number, more: Partial<Delivery> = {}): Delivery => ({
  ...NEW_DELIVERY,
  ...{ id: `dlv_${n}`, incident: incidentOf().id, change: 1, endpoint: 'ep_a', pipeline: 'p', domain: 'd' },
  ...{ createdAt: n * 1_000, updatedAt: 0, nextAttemptAt: 0, event: 'opened', severity: 'high' },
  state: 'parked',
  attempts: 10,
  body: Buffer.from('x'),
  ...more,
});
const again = (deliveries: Delivery[], select: Parameters<typeof redeliver>[1], round = 5) =>
  redeliver(deliveries, select, round, 9_000, () => incidentOf(), 'https://risk.example');

test('selects by id, by endpoint, by time and by state', () => {
  const all = [
    delivery(1),
    delivery(2, { endpoint: 'ep_b' }),
    delivery(3, { state: 'dropped' }),
    delivery(4),
  ];
  const ids = (select: Parameters<typeof redeliver>[1]) => again(all, select).map((one) => one.id);
  expect(ids({ delivery: 'dlv_3' })).toEqual(['dlv_3']);
  expect(ids({ endpoint: 'ep_b' })).toEqual(['dlv_2']);
  expect(ids({ from: 2_000, to: 4_000 })).toEqual(['dlv_2', 'dlv_3']);
  expect(ids({ states: ['dropped'] })).toEqual(['dlv_3']);
});

test('they begin anew under their ids; what is being tried is left alone', () => {
  const [one, ...rest] = again([delivery(1), delivery(2, { state: 'pending' })], {});
  expect(rest).toEqual([]);
  expect(one).toMatchObject({
    id: 'dlv_1',
    state: 'pending',
    attempts: 0,
    nextAttemptAt: 9_000,
    expiresAt: 0,
    round: 5,
  });
  // The table's rule against stale owners must not take it for one.
  expect(isOlderDelivery(one!, delivery(1))).toBe(false);
});

test('one that succeeded is stored without its body: it tells of its change again', () => {
  const [one] = again([delivery(1, { state: 'succeeded', body: Buffer.alloc(0) })], {});
  expect(JSON.parse(one!.body.toString())).toMatchObject({
    type: 'incident.opened',
    data: { incident: { change: 1 } },
  });
});

test('a command that is read again changes nothing', () => {
  const [one] = again([delivery(1)], {});
  expect(again([{ ...one!, state: 'succeeded' }], {})).toEqual([]);
  expect(again([{ ...one!, state: 'succeeded' }], {}, 6)).toHaveLength(1);
});
