import fc from 'fast-check';
import { ORIGIN_HEADER, originHeader, originOf } from './letter-headers.js';

const place = { topic: 'payments.eu', partition: 3, offset: 900 };
const claimed = (text: string | Buffer) => originOf({ [ORIGIN_HEADER]: text }, place);

test('a replayed message names where it stood first', () => {
  const header = originHeader({ ...place, offset: 41 }, 1_700_000_000_123);
  expect(claimed(header)).toEqual({ offset: 41, time: 1_700_000_000_123 });
  expect(claimed(originHeader({ ...place, offset: 0 }, -1))).toEqual({ offset: 0, time: -1 });
});

test.each([
  ['another topic', 'payments.us/3/41/5'],
  ['another partition', 'payments.eu/2/41/5'],
  ['the place of the message itself', 'payments.eu/3/900/5'],
  ['a later place', 'payments.eu/3/901/5'],
  ['no offset', 'payments.eu/3//5'],
  ['an offset below 0', 'payments.eu/3/-1/5'],
  ['a time beyond whole numbers', 'payments.eu/3/41/9999999999999999'],
  ['more after it', 'payments.eu/3/41/5/6'],
  ['nothing', ''],
  ['much', 'payments.eu/3/41/5'.repeat(1000)],
])('%s is no origin', (_what, text) => {
  expect(claimed(text)).toBeUndefined();
});

test('two claims, none and one without a value are no origin', () => {
  const header = originHeader({ ...place, offset: 41 }, 5);
  expect(originOf({ [ORIGIN_HEADER]: [header, header] }, place)).toBeUndefined();
  expect(originOf({ [ORIGIN_HEADER]: null as never }, place)).toBeUndefined();
  expect(originOf({ trace: 'a' }, place)).toBeUndefined();
  expect(originOf(undefined, place)).toBeUndefined();
});

test('whatever bytes come, what is taken lies before the message', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((one) => Buffer.from(one)),
    fc.tuple(fc.maxSafeNat(), fc.maxSafeNat()).map(([o, t]) => Buffer.from(`payments.eu/3/${o % 1800}/${t}`)),
  );
  fc.assert(
    fc.property(bytes, (header) => {
      const origin = claimed(header);
      if (origin === undefined) return;
      expect(origin.offset).toBeGreaterThanOrEqual(0);
      expect(origin.offset).toBeLessThan(place.offset);
    }),
  );
});
