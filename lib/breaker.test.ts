import { type Breaker, BreakerOpenError, type BreakerOptions, createBreaker } from './breaker.js';

const opened: Breaker<string>[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.stop();
});

function breaker(options: Partial<BreakerOptions<string>> = {}): {
  one: Breaker<string>;
  states: string[];
  next(state: string): Promise<void>;
} {
  const states: string[] = [];
  const waiting = new Map<string, () => void>();
  const one = createBreaker<string>({
    name: 'it',
    isFailure: (result) => result === 'bad',
    minimumCalls: 4,
    resetMs: 40,
    onChange: (state) => {
      states.push(state);
      waiting.get(state)?.();
    },
    ...options,
  });
  opened.push(one);
  return { one, states, next: (state) => new Promise((resolve) => waiting.set(state, resolve)) };
}

const good = () => Promise.resolve('good');
const bad = () => Promise.resolve('bad');

async function times(count: number, call: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < count; i += 1) await call().catch(() => {});
}

test('a failed result is still the result, and enough of them open it', async () => {
  const { one, states } = breaker();
  expect(await one.call(bad)).toBe('bad');
  await times(2, () => one.call(bad));
  expect([one.state, one.ready]).toEqual(['closed', true]);
  await one.call(bad);
  expect([one.state, one.ready, states]).toEqual(['open', false, ['open']]);
  let called = false;
  await expect(
    one.call(async () => {
      called = true;
      return 'good';
    }),
  ).rejects.toBeInstanceOf(BreakerOpenError);
  expect(called).toBe(false);
});

test('rejections count as failures and come through', async () => {
  const { one } = breaker();
  await expect(one.call(() => Promise.reject(new TypeError('no')))).rejects.toBeInstanceOf(TypeError);
  await times(3, () => one.call(() => Promise.reject(new Error('no'))));
  expect(one.state).toBe('open');
});

test('half of them good keeps it closed', async () => {
  const { one } = breaker();
  for (let i = 0; i < 10; i += 1) await times(1, () => one.call(i % 2 ? bad : good));
  expect(one.state).toBe('closed');
});

test('after a while exactly one call may try; what comes of it decides', async () => {
  const { one, next } = breaker();
  const half = next('half-open');
  await times(4, () => one.call(bad));
  await half;
  expect(one.ready).toBe(true);
  let finish: (result: string) => void = () => {};
  const trial = one.call(
    () =>
      new Promise((resolve) => {
        finish = resolve;
      }),
  );
  expect(one.ready).toBe(false);
  await expect(one.call(good)).rejects.toBeInstanceOf(BreakerOpenError);
  finish('bad');
  await trial;
  expect(one.state).toBe('open');

  await next('half-open');
  expect(await one.call(good)).toBe('good');
  expect([one.state, one.ready]).toEqual(['closed', true]);
});
