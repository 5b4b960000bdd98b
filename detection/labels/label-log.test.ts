import { LabelLog } from './label-log.js';
import { effectiveFrom, type Label, type LabelRecord } from './records.js';

const label = (id: string, time: number, effectiveAt: number): Label => ({
  type: 'label',
  id,
  entity: `card-${id}`,
  time,
  secondary: ['t'],
  risk: true,
  surprise: 0,
  effectiveAt,
});

function read(log: LabelLog, times: readonly number[]): string[][] {
  const view = log.open();
  return times.map((time) => {
    const ids: string[] = [];
    view.advance(
      time,
      (record) => ids.push(record.id),
      () => undefined,
    );
    return ids;
  });
}

test('labels come at their hour, in the order of their events, whatever order they were read in', () => {
  const records = [label('b', 20, 7200), label('a', 20, 7200), label('c', 10, 7200), label('d', 1, 10_800)];
  const forwards = new LabelLog();
  for (const record of records) forwards.add(record);
  const backwards = new LabelLog();
  for (const record of [...records].reverse()) backwards.add(record);
  const times = [3600, 7199, 7200, 9000, 10_800];
  expect(read(forwards, times)).toEqual([[], [], ['c', 'a', 'b'], [], ['d']]);
  expect(read(backwards, times)).toEqual(read(forwards, times));
});

test('the same label twice is one', () => {
  const log = new LabelLog();
  log.add(label('a', 1, 3600));
  log.add(label('a', 1, 3600));
  expect(read(log, [3600])).toEqual([['a']]);
});

test('a label that comes after its hour was scored comes with the next hour, and is counted', () => {
  const log = new LabelLog();
  const view = log.open();
  view.advance(
    7200,
    () => undefined,
    () => undefined,
  );
  expect(log.add(label('late', 1, 3600))).toBe(1);
  expect(log.add(label('future', 1, 20_000))).toBe(0);
  const ids: string[] = [];
  const take = () =>
    view.advance(
      10_800,
      (record) => ids.push(record.id),
      () => undefined,
    );
  take();
  take();
  expect(ids).toEqual(['late']);
});

test('a label takes effect on the second full hour, so that it can reach every scorer before', () => {
  expect(effectiveFrom(12 * 3600 + 3599)).toBe(14 * 3600);
  expect(effectiveFrom(12 * 3600)).toBe(13 * 3600);
});

test('the same said twice of an event is one, and the opposite takes it back', () => {
  const log = new LabelLog();
  const said = (id: string, risk: boolean, hour: number): Label => ({
    ...label(id, 1, hour * 3600),
    entity: 'card',
    risk,
  });
  for (const one of [said('a', true, 1), said('b', true, 2), said('c', false, 3)]) log.add(one);
  const view = log.open();
  const taken: LabelRecord[] = [];
  view.advance(
    20_000,
    (record) => taken.push(record),
    () => undefined,
  );
  expect(taken).toEqual([said('a', true, 1), { ...said('c', false, 3), corrects: true }]);
});

test('what lies too far behind the slowest partition is dropped, and does not come back', () => {
  const day = 86_400;
  const log = new LabelLog(10 * day);
  for (let at = 1; at <= 100; at++) log.add(label(`l${at}`, at * day, at * day));
  const nothing = () => undefined;
  const [fast, slow, idle] = [log.open(), log.open(), log.open()];
  fast!.advance(60 * day, nothing, nothing);
  expect(log.size).toBe(51);
  slow!.advance(55 * day, nothing, nothing);
  fast!.advance(90 * day, nothing, nothing);
  slow!.advance(80 * day, nothing, nothing);
  expect(log.since).toBe(70 * 24);
  expect(log.size).toBe(31);
  // It was known once; whoever tells of it again tells of something that no longer matters.
  expect(log.add(label('l3', 3 * day, 3 * day))).toBe(3);
  expect(log.size).toBe(31);
  // A partition that has not read anything holds nothing back, and one that is gone doesn't either.
  log.close(slow!);
  fast!.advance(100 * day, nothing, nothing);
  expect(log.size).toBe(11);
  expect(idle!.hour).toBe(Number.NEGATIVE_INFINITY);
});

test('a window that is dropped before a partition has taken it late keeps its numbers for that partition', () => {
  const day = 86_400;
  const visits = (id: string, at: number, hash: number): LabelRecord => ({
    type: 'visits',
    id,
    field: 0,
    from: at - day,
    to: at,
    hashes: Uint32Array.of(hash),
    checks: Uint32Array.of(hash + 1),
    counts: Uint32Array.of(1),
    effectiveAt: at,
  });
  const log = new LabelLog(10 * day);
  const nothing = () => undefined;
  const [fast, slow] = [log.open(), log.open()];
  slow!.advance(55 * day, nothing, nothing);
  fast!.advance(60 * day, nothing, nothing);
  expect(log.add(visits('late', 46 * day, 7))).toBe(2);
  slow!.advance(58 * day, nothing, nothing);
  expect(log.size).toBe(0);
  log.add(visits('next', 100 * day, 8));
  const taken: number[] = [];
  fast!.advance(61 * day, (record) => record.type === 'visits' && taken.push(record.hashes[0]!), nothing);
  expect(taken).toEqual([7]);
});
