import { decodePage, encodePages } from '../state/encoding.js';
import { Pending } from './pending.js';

const add = (pending: Pending, entity: string, seconds: number, value = seconds, weight = 1) =>
  pending.add(entity, seconds, Float32Array.of(0, value, -value), 1, weight, -2);

test('an event is found by its entity and time, with what was kept of it', () => {
  const pending = new Pending(2, 8);
  add(pending, 'a', 100.5, 7, 3);
  add(pending, 'b', 100.5, 8);
  const slot = pending.find('a', 100.5);
  expect([...pending.slab.data.slice(pending.vectorAt(slot), pending.vectorAt(slot) + 2)]).toEqual([7, -7]);
  expect([pending.weight(slot), pending.logit(slot), pending.held(slot)]).toEqual([3, -2, 'waiting']);
  expect(pending.find('a', 100.501)).toBe(-1);
  expect(pending.find('c', 100.5)).toBe(-1);
  pending.settle(slot, 'risk');
  expect(pending.held(slot)).toBe('risk');
  expect(pending.held(pending.find('b', 100.5))).toBe('waiting');
});

test('the oldest makes room, and is counted as lost when its label had not come', () => {
  const pending = new Pending(2, 3);
  for (let i = 0; i < 3; i++) add(pending, `e${i}`, i);
  expect(pending.oldest).toBe(0);
  pending.settle(pending.find('e0', 0), 'risk');
  add(pending, 'e3', 3);
  expect([pending.size, pending.lost, pending.oldest]).toEqual([3, 0, 1]);
  add(pending, 'e4', 4);
  expect(pending.lost).toBe(1);
  expect(pending.find('e1', 1)).toBe(-1);
  expect(pending.find('e3', 3)).toBeGreaterThanOrEqual(0);
});

test('each event is given out once when its delay is over, the oldest first', () => {
  const pending = new Pending(2, 4);
  for (let i = 0; i < 4; i++) add(pending, `e${i}`, 10 * i);
  const due = (before: number) => {
    const times: number[] = [];
    for (let slot = pending.nextDue(before); slot >= 0; slot = pending.nextDue(before))
      times.push(pending.slab.times[slot]!);
    return times;
  };
  expect(due(0)).toEqual([]);
  expect(due(11)).toEqual([0, 10]);
  expect(due(11)).toEqual([]);
  add(pending, 'e4', 40);
  expect(due(100)).toEqual([20, 30, 40]);
});

test('goes on from a checkpoint: ring, marks and what was lost', () => {
  const pending = new Pending(2, 3);
  for (let i = 0; i < 5; i++) add(pending, `e${i}`, i);
  pending.settle(pending.find('e3', 3), 'other');
  expect(pending.nextDue(2.5)).toBe(pending.find('e2', 2));
  pending.flush();
  const again = new Pending(2, 3);
  for (const page of encodePages(pending.slab, pending.slab.allSlots()))
    decodePage(page, again.slab, () => undefined);
  again.load();
  expect(again.held(again.find('e3', 3))).toBe('other');
  expect([again.lost, again.size, again.oldest]).toEqual([pending.lost, 3, 2]);
  expect(again.nextDue(2.5)).toBe(-1);
  for (const one of [pending, again]) add(one, 'e5', 5);
  expect(again.find('e2', 2)).toBe(-1);
  expect(again.slab.times[again.nextDue(9)]).toBe(3);
});
