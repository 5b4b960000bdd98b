import { join } from 'node:path';
import { checkString, hashString } from '../../detection/features/hash.js';
import { effectiveFrom, type Visits } from '../../detection/labels/records.js';
import { ownCodec, readSchema, singleObjectEncoder } from '../../lib/avro.js';
import { packageRoot } from '../../lib/paths.js';
import { type VisitsRecord, visitsOf, visitsRecordOf } from './visits-record.js';

const DAY = 86_400;
const DELAY = 7 * DAY;
/** by hash, but for the half of a pair */
const NAMES = ['Kasse 4 – Süd', 't1', '\u0000', '\ud800', 't2'];
const COUNTS = [1, 3, 70_000, 2, 4_000_000_000];

const window: Visits = {
  type: 'visits',
  id: 'transactions/3/0/19000/0',
  field: 1,
  from: 19_000 * DAY,
  to: 19_001 * DAY,
  hashes: Uint32Array.from(NAMES, (name) => hashString(name)),
  checks: Uint32Array.from(NAMES, checkString),
  counts: Uint32Array.from(COUNTS),
  effectiveAt: effectiveFrom(19_001 * DAY + DELAY),
};

const codec = ownCodec<VisitsRecord>('visits');
const sent = (visits: Visits) => codec.encode(visitsRecordOf(visits, 'transactions', 'terminal'));
const received = (bytes: Buffer) => visitsOf(codec.decode(bytes), window.field, DELAY);

test('a window comes back as it was sent, and counts when it is closed and the delay has passed', () => {
  expect(received(sent(window))).toEqual(window);
  expect(received(sent(window)).effectiveAt).toBe(19_008 * DAY + 3600);
  expect(codec.decode(sent(window))).toMatchObject({ pipeline: 'transactions', field: 'terminal' });
});

test('a part of a larger window is sent alone', () => {
  const { hashes, checks, counts } = window;
  const part = {
    ...window,
    hashes: hashes.subarray(1, 3),
    checks: checks.subarray(1, 3),
    counts: counts.subarray(1, 3),
  };
  expect(received(sent(part))).toEqual(part);
});

test('records of the first version, with names in place of their hashes, say the same', () => {
  const schema = readSchema(join(packageRoot(), 'schemas', 'visits.1.avsc'));
  const counts = [1, 3, 70_000, 2, 5];
  const { id, from, to } = window;
  const old = singleObjectEncoder(schema)({
    ...{ id, pipeline: 'transactions', field: 'terminal', from: from * 1000, to: to * 1000 },
    // In the order of their names, which is another one. Avro's strings are UTF-8, which has nothing for the half of a pair.
    ...{ keys: ['t2', 't1', '\u0000', 'Kasse 4 – Süd'], counts: [5, 3, 70_000, 1] },
  });
  const without = (numbers: Uint32Array) => numbers.filter((_, i) => NAMES[i] !== '\ud800');
  expect(received(old)).toEqual({
    ...window,
    hashes: without(window.hashes),
    checks: without(window.checks),
    counts: without(Uint32Array.from(counts)),
  });
});

test('bytes that end within an entity are refused', () => {
  const record = visitsRecordOf(window, 'transactions', 'terminal');
  expect(() => visitsOf({ ...record, visited: record.visited.subarray(4) }, 1, DELAY)).toThrow(
    '56 bytes of visits; 12 are one entity',
  );
});
