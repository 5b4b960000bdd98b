import { setImmediate as turn } from 'node:timers/promises';
import { Ownership } from './ownership.js';

function ownership(fails = 0) {
  const events: string[] = [];
  let finish: (() => void)[] = [];
  let failures = fails;
  const owned = new Ownership<string>({
    open: async (partition, signal) => {
      events.push(`open ${partition}`);
      if (failures-- > 0) throw new Error('no leader');
      await new Promise<void>((resolve) => finish.push(resolve));
      return `${partition}${signal.aborted ? ' late' : ''}`;
    },
    close: (partition) => events.push(`close ${partition}`),
    onFault: (partition) => events.push(`fault ${partition}`),
  });
  const opened = async () => {
    for (const one of finish) one();
    finish = [];
    await turn();
  };
  return { owned, events, opened };
}

const beat = async () => {};

test('an assignment opens what is gained, closes what is lost, and leaves what stays', async () => {
  const { owned, events, opened } = ownership();
  owned.assign([0, 1], 'm');
  expect([owned.has(0), owned.settled, owned.all()]).toEqual([true, false, []]);
  await opened();
  expect([owned.settled, owned.all()]).toEqual([true, ['0', '1']]);
  owned.assign([1, 2], 'm');
  await opened();
  expect(events).toEqual(['open 0', 'open 1', 'close 0', 'open 2']);
  expect(await owned.opened(0, beat)).toBeUndefined();
  expect(await owned.opened(2, beat)).toBe('2');
});

test('a new member id means that changes were missed: everything is read again', async () => {
  const { owned, events, opened } = ownership();
  owned.assign([0], 'm');
  await opened();
  owned.assign([0], 'n');
  await opened();
  expect(events).toEqual(['open 0', 'close 0', 'open 0']);
});

test('what was held before a partition was opened anew is not held any more', async () => {
  const states: object[] = [];
  const owned = new Ownership<object>({
    open: async () => states[states.push({}) - 1]!,
    close: () => {},
    onFault: () => {},
  });
  owned.assign([0], 'm');
  const first = await owned.opened(0, beat);
  expect(owned.holds(0, first!)).toBe(true);
  owned.reopen(0);
  const second = await owned.opened(0, beat);
  expect([owned.holds(0, first!), owned.holds(0, second!)]).toEqual([false, true]);
});

test('a batch waits for its partition with a beat, and gets nothing if it is lost meanwhile', async () => {
  const { owned, opened, events } = ownership();
  owned.assign([0], 'm');
  let beats = 0;
  const waiting = owned.opened(0, async () => {
    beats += 1;
  });
  owned.assign([], 'm');
  await opened();
  expect(await waiting).toBeUndefined();
  expect(beats).toBeGreaterThan(0);
  // What was opened too late is let go of as well.
  expect(events).toEqual(['open 0', 'close 0', 'close 0']);
});

test('a partition that can not be read is tried again', async () => {
  const { owned, events, opened } = ownership(1);
  owned.assign([0], 'm');
  const waiting = owned.opened(0, async () => void (await opened()));
  expect(await waiting).toBe('0');
  expect(events).toEqual(['open 0', 'fault 0', 'open 0']);
});
