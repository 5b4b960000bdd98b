import { RetryTimeout, reasonOf, retry, within } from './retry.js';

test('gives what the first success gives', async () => {
  let calls = 0;
  const attempt = async (number: number) => {
    calls += 1;
    if (number < 3) throw new Error('not yet');
    return number;
  };
  const waits: number[] = [];
  expect(
    await retry(attempt, {
      timeoutMs: 5_000,
      initialDelayMs: 2,
      onRetry: (_error, _number, delay) => waits.push(delay),
    }),
  ).toBe(3);
  expect(calls).toBe(3);
  expect(waits.length).toBe(2);
});

test('ends within its time, with the last reason', async () => {
  const started = performance.now();
  const failing = retry(() => Promise.reject(new Error('no broker')), { timeoutMs: 80, initialDelayMs: 5 });
  await expect(failing).rejects.toThrow(RetryTimeout);
  await expect(failing).rejects.toThrow(/gave up after \d+ attempts in 80 ms: no broker/);
  expect(performance.now() - started).toBeLessThan(1_000);
});

test('does not repeat what no retry can mend', async () => {
  let calls = 0;
  const attempt = () => {
    calls += 1;
    return Promise.reject(new TypeError('wrong'));
  };
  await expect(
    retry(attempt, { timeoutMs: 1_000, retryable: (error) => !(error instanceof TypeError) }),
  ).rejects.toThrow(TypeError);
  expect(calls).toBe(1);
});

test('an abort ends a wait at once', async () => {
  const controller = new AbortController();
  const started = performance.now();
  const waiting = retry(() => Promise.reject(new Error('no')), {
    timeoutMs: 60_000,
    initialDelayMs: 30_000,
    maxDelayMs: 30_000,
    signal: controller.signal,
  });
  controller.abort(new Error('asked to stop'));
  await expect(waiting).rejects.toThrow('asked to stop');
  expect(performance.now() - started).toBeLessThan(1_000);
});

test('within fails when the work is late, and gives its result when it is not', async () => {
  expect(await within(Promise.resolve(1), 1_000, () => new Error('late'))).toBe(1);
  await expect(within(new Promise(() => undefined), 10, () => new Error('late'))).rejects.toThrow('late');
});

test('reasonOf speaks of the errors inside an AggregateError', () => {
  expect(reasonOf(new AggregateError([new Error('::1 refused'), new Error('127.0.0.1 refused')]))).toBe(
    '::1 refused; 127.0.0.1 refused',
  );
  expect(reasonOf('text')).toBe('text');
});
