import { Outbox } from './outbox.js';

function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

test('sends go out one after the other, and acked waits for all', async () => {
  const outbox = new Outbox(10);
  const first = gate();
  const order: string[] = [];
  outbox.add(async () => {
    await first.opened;
    order.push('first');
  });
  outbox.add(async () => {
    order.push('second');
  });
  let acked = false;
  const all = outbox.acked().then(() => {
    acked = true;
  });
  await new Promise(setImmediate);
  expect([order, acked]).toEqual([[], false]);
  first.open();
  await all;
  expect(order).toEqual(['first', 'second']);
});

test('after a failure nothing is sent, and every call says why', async () => {
  const outbox = new Outbox(10);
  let sent = false;
  outbox.add(() => Promise.reject(new Error('the broker is away')));
  outbox.add(async () => {
    sent = true;
  });
  await expect(outbox.acked()).rejects.toThrow('the broker is away');
  await expect(outbox.room()).rejects.toThrow('the broker is away');
  expect(sent).toBe(false);
});

test('room waits when too much is under way', async () => {
  const outbox = new Outbox(2);
  const slow = gate();
  outbox.add(() => slow.opened);
  await outbox.room();
  outbox.add(async () => undefined);
  let through = false;
  const waiting = outbox.room().then(() => {
    through = true;
  });
  await new Promise(setImmediate);
  expect(through).toBe(false);
  slow.open();
  await waiting;
});
