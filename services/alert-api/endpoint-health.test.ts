import type { EndpointHealth } from '../../alerting/delivery-rules.js';
import { silentLog } from '../../lib/log.js';
import { watchHealth } from './endpoint-health.js';

const DAY = 86_400_000;

function watch() {
  const healths = new Map<string, EndpointHealth>();
  const disabled: string[][] = [];
  const clock = { now: 0 };
  const control = {
    health: (id: string) => healths.get(id),
    saveHealth: async (id: string, health: EndpointHealth) => void healths.set(id, health),
    deleteHealth: async (id: string) => void healths.delete(id),
  };
  const one = watchHealth({
    control,
    disable: async (id, reason) => void disabled.push([id, reason]),
    now: () => clock.now,
    log: silentLog(),
  });
  const observe = async (succeeded: boolean, times = 1) => {
    for (let i = 0; i < times; i += 1) {
      one.observe('ep', succeeded, 0);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { observe, healths, disabled, clock };
}

test('an endpoint that only fails for five days is disabled, with since when', async () => {
  const { observe, healths, disabled, clock } = watch();
  await observe(false, 10);
  expect(healths.get('ep')).toEqual({ failingSince: 0 });
  clock.now = 5 * DAY - 1;
  await observe(false);
  expect(disabled).toEqual([]);
  clock.now = 5 * DAY;
  await observe(false);
  expect(disabled).toEqual([['ep', 'every attempt failed since 1970-01-01T00:00:00.000Z']]);
});

test('one success begins it anew', async () => {
  const { observe, healths, disabled, clock } = watch();
  await observe(false, 10);
  await observe(true);
  expect(healths.size).toBe(0);
  clock.now = 6 * DAY;
  await observe(false, 9);
  expect([healths.size, disabled]).toEqual([0, []]);
});
