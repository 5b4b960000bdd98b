import fc from 'fast-check';
import { isRepeat, RECENT_FLOATS, REMEMBERED } from './recent-ids.js';

test('an id is known for as many events as are remembered, like a list of the last ones', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1), fc.nat(20)), { maxLength: 200 }), (events) => {
      const block = { data: new Float32Array(2 * (RECENT_FLOATS + 3)), stride: RECENT_FLOATS + 3, offset: 3 };
      const lists: string[][] = [[], []];
      for (const [slot, id] of events) {
        const list = lists[slot]!;
        const known = list.slice(-REMEMBERED).includes(`event-${id}`);
        expect(isRepeat(block, slot, `event-${id}`)).toBe(known);
        if (!known) list.push(`event-${id}`);
      }
    }),
  );
});

test('neither the empty id nor a fresh row is taken for a repeat', () => {
  const block = { data: new Float32Array(RECENT_FLOATS), stride: RECENT_FLOATS, offset: 0 };
  expect(isRepeat(block, 0, '')).toBe(false);
  expect(isRepeat(block, 0, '')).toBe(true);
});
