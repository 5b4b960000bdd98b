import fc from 'fast-check';
import type { WebhookResult } from '../../lib/webhook-http.js';
import { NEW_DELIVERY, type PlacedDelivery } from './delivery.js';
import { DueHeap } from './due-heap.js';
import { EndpointQueue } from './endpoint-queue.js';

const answer = (status: number, retryAfter?: string): WebhookResult => ({
  kind: 'answer',
  status,
  retryAfter,
  body: '',
  durationMs: 1,
});
const timeout: WebhookResult = { kind: 'failure', code: 'timeout', message: 'no answer', durationMs: 1 };

function delivery(incident: string, change = 1): PlacedDelivery {
  return {
    partition: 0,
    delivery: {
      ...NEW_DELIVERY,
      id: `${incident}/${change}`,
      incident,
      change,
      endpoint: 'ep',
      pipeline: 'p',
      domain: 'd',
      createdAt: 0,
      updatedAt: 0,
      nextAttemptAt: 0,
      body: Buffer.from('x'),
    },
  };
}

const queues: EndpointQueue[] = [];
afterEach(() => {
  for (const one of queues.splice(0)) one.stop();
});

function queue(
  post: (one: PlacedDelivery, attempt: number) => WebhookResult | Promise<WebhookResult>,
  options: {
    concurrency?: number;
    rate?: number;
    waits?: number[];
    resetMs?: number;
    save?: () => Promise<void>;
  } = {},
) {
  const log = {
    posts: [] as string[],
    batches: [] as string[][],
    saved: [] as PlacedDelivery[],
    done: [] as PlacedDelivery[],
    breaker: [] as string[],
    gone: 0,
    most: 0,
  };
  let inFlight = 0;
  let wake = () => {};
  const one = new EndpointQueue(
    'ep',
    () => ({
      concurrency: options.concurrency ?? 4,
      ratePerMinute: options.rate ?? 60_000,
      waits: options.waits ?? [5, 5, 5],
      breaker: { minimumCalls: 5, windowMs: 10_000, resetMs: options.resetMs ?? 30 },
    }),
    {
      digest: (found) => found.length,
      onOutcome: () => {},
      post: async (batch) => {
        const placed = batch[0]!;
        log.batches.push(batch.map((one) => one.delivery.id));
        inFlight += 1;
        log.most = Math.max(log.most, inFlight);
        log.posts.push(placed.delivery.id);
        const result = await post(placed, log.posts.filter((id) => id === placed.delivery.id).length);
        inFlight -= 1;
        return result;
      },
      save: async (placed) => {
        await options.save?.();
        log.saved.push(placed);
      },
      owns: () => true,
      onDone: (placed) => {
        log.done.push(placed);
        wake();
      },
      onFailedAttempt: () => wake(),
      onGone: () => {
        log.gone += 1;
      },
      onBreaker: (state) => {
        log.breaker.push(state);
        wake();
      },
      now: Date.now,
      random: () => 0.5,
    },
  );
  queues.push(one);
  const until = async (holds: () => boolean) => {
    while (!holds())
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { one, log, until };
}

test('a 2xx is done once its record is saved', async () => {
  let ack = () => {};
  const { one, log, until } = queue(() => answer(204), {
    save: () =>
      new Promise((resolve) => {
        ack = resolve;
      }),
  });
  one.add(delivery('a'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect([log.posts, log.done]).toEqual([['a/1'], []]);
  ack();
  await until(() => log.done.length === 1);
  expect(log.saved[0]!.delivery).toMatchObject({
    state: 'succeeded',
    attempts: 1,
    lastStatus: 204,
    lastError: '',
  });
  expect(one.size).toBe(0);
});

test.each([[301], [400], [404], [500]])(
  '%d is tried again, and parked after the last try',
  async (status) => {
    const { one, log, until } = queue(() => answer(status));
    one.add(delivery('a'));
    await until(() => log.done.length === 1);
    expect(log.posts).toHaveLength(4);
    expect(log.saved.map((placed) => [placed.delivery.state, placed.delivery.attempts])).toEqual([
      ['pending', 1],
      ['pending', 2],
      ['pending', 3],
      ['parked', 4],
    ]);
    expect(log.done[0]!.delivery.lastError).toContain(`status ${status}`);
  },
);

test('Retry-After is waited for', async () => {
  const { one, log, until } = queue((_placed, attempt) => (attempt === 1 ? answer(429, '1') : answer(200)));
  const started = Date.now();
  one.add(delivery('a'));
  await until(() => log.done.length === 1);
  expect(Date.now() - started).toBeGreaterThanOrEqual(990);
});

test('410 drops the delivery and says that the endpoint is gone', async () => {
  const { one, log, until } = queue(() => answer(410));
  one.add(delivery('a'));
  await until(() => log.done.length === 1);
  expect([log.done[0]!.delivery.state, log.gone, log.posts.length]).toEqual(['dropped', 1, 1]);
});

test('changes of one incident go out in their order, though others pass', async () => {
  const { one, log, until } = queue((placed, attempt) =>
    placed.delivery.id === 'a/1' && attempt < 3 ? timeout : answer(200),
  );
  for (const placed of [delivery('a', 1), delivery('a', 3), delivery('a', 2), delivery('b')]) one.add(placed);
  await until(() => log.done.length === 4);
  expect(log.done.map((placed) => placed.delivery.id)).toEqual(['b/1', 'a/1', 'a/2', 'a/3']);
});

test('no more requests at once than allowed, and each delivery once however often it is added', async () => {
  const { one, log, until } = queue(
    async () => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      return answer(200);
    },
    { concurrency: 3 },
  );
  for (let i = 0; i < 30; i += 1) for (let again = 0; again < 2; again += 1) one.add(delivery(`i${i}`));
  await until(() => log.done.length === 30);
  expect([log.most, log.posts.length]).toEqual([3, 30]);
});

test('an open breaker spends no attempt; one request tries, then all go on', async () => {
  let up = false;
  const { one, log, until } = queue(() => (up ? answer(200) : timeout), {
    waits: [1, 1, 1, 1, 1, 1, 1, 1, 1],
    resetMs: 60,
  });
  for (let i = 0; i < 10; i += 1) one.add(delivery(`i${i}`));
  await until(() => log.breaker.includes('open'));
  const tried = log.posts.length;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(log.posts.length).toBeLessThanOrEqual(tried + 3); // what was in flight as it opened
  up = true;
  await until(() => log.done.length === 10);
  expect(log.breaker).toEqual(expect.arrayContaining(['open', 'half-open', 'closed']));
  expect(log.done.every((placed) => placed.delivery.state === 'succeeded')).toBe(true);
  expect(log.posts.length).toBe(log.done.reduce((sum, placed) => sum + placed.delivery.attempts, 0));
});

test('4xx answers say nothing against the endpoint', async () => {
  const { one, log, until } = queue(() => answer(404), { waits: [] });
  for (let i = 0; i < 20; i += 1) one.add(delivery(`i${i}`));
  await until(() => log.done.length === 20);
  expect(log.breaker).toEqual([]);
});

test('what is taken out is not sent; what of it was in flight is recorded only if it succeeds', async () => {
  let finish: (result: WebhookResult) => void = () => {};
  const { one, log, until } = queue(
    () =>
      new Promise((resolve) => {
        finish = resolve;
      }),
    { concurrency: 1 },
  );
  one.add(delivery('a'));
  one.add(delivery('b'));
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(one.remove(() => true).map((placed) => placed.delivery.id)).toEqual(['a/1', 'b/1']);
  finish(timeout);
  await until(() => log.posts.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect([log.saved, log.posts]).toEqual([[], ['a/1']]);
});

test('beyond the rate, what waits goes out in one digest; each of it is recorded, and orders are kept', async () => {
  const { one, log, until } = queue(() => answer(200), { rate: 600, concurrency: 1 });
  for (let i = 0; i < 620; i += 1) one.add(delivery(`i${i}`));
  one.add(delivery('i619', 2));
  await until(() => log.done.length === 621);
  const digests = log.batches.filter((batch) => batch.length > 1);
  expect(log.batches.length).toBeLessThan(606);
  expect(digests.length).toBeGreaterThan(0);
  expect(log.saved).toHaveLength(621);
  expect(log.saved.every((placed) => placed.delivery.state === 'succeeded')).toBe(true);
  const ids = log.batches.flat();
  expect(new Set(ids).size).toBe(621);
  expect(ids.indexOf('i619/1')).toBeLessThan(ids.indexOf('i619/2'));
});

test('a digest that fails is an attempt of each of its changes', async () => {
  let failed = 0;
  const { one, log, until } = queue(
    () => {
      const last = log.batches.at(-1)!;
      if (last.length > 1 && failed === 0) {
        failed = last.length;
        return answer(500);
      }
      return answer(200);
    },
    { rate: 600, concurrency: 1 },
  );
  for (let i = 0; i < 640; i += 1) one.add(delivery(`i${i}`));
  await until(() => log.done.length === 640);
  expect(failed).toBeGreaterThan(1);
  expect(log.done.filter((placed) => placed.delivery.attempts === 2)).toHaveLength(failed);
});

test('what is past its time is dropped without a request, and says so', async () => {
  const { one, log, until } = queue(() => answer(200));
  const late = delivery('a');
  one.add({ ...late, delivery: { ...late.delivery, severity: 'low', expiresAt: 1_000 } });
  one.add(delivery('a', 2));
  await until(() => log.done.length === 2);
  expect(log.posts).toEqual(['a/2']);
  expect(log.done[0]!.delivery).toMatchObject({
    state: 'dropped',
    lastError: expect.stringContaining('expired'),
  });
});

test('the heap gives what is due first, and equal ones in their order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5 })), (dues) => {
      const heap = new DueHeap<number>();
      for (const [i, due] of dues.entries()) heap.push(due, i);
      const expected = dues
        .map((due, i) => ({ due, i }))
        .sort((a, b) => a.due - b.due || a.i - b.i)
        .map((one) => one.i);
      expect(Array.from({ length: dues.length }, () => heap.pop())).toEqual(expected);
      expect(heap.pop()).toBeUndefined();
    }),
  );
});
