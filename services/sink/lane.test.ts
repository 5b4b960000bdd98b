import type { KafkaMessage } from 'kafkajs';
import type { Batch, Origin } from './batch.js';
import { Lane, type LaneOptions } from './lane.js';

const LIMITS = { batchRows: 100, batchBytes: 1 << 20, maxAgeMs: 60_000, bufferBytes: 1 << 20 };

function origin(offset: number, { partition = 0, bytes = 10 } = {}): Origin {
  const message = { offset: String(offset), value: Buffer.alloc(bytes), timestamp: '0' } as KafkaMessage;
  return { topic: 'risks', partition, message };
}

function laneWith(options: Partial<LaneOptions> = {}) {
  const settled: Batch[] = [];
  const rooms: number[] = [];
  const lane = new Lane({
    ...LIMITS,
    settle: async (batch) => void settled.push(batch),
    onRoom: () => void rooms.push(settled.length),
    ...options,
  });
  return { lane, settled, rooms };
}

test('what waits is settled when the lane closes, with the next offset of each partition', async () => {
  const { lane, settled } = laneWith();
  lane.add(1, origin(5), ['[1]', '[2]']);
  lane.add(1, origin(7, { partition: 3 }), ['[3]']);
  lane.skip(1, origin(6));
  lane.close();
  await lane.done;
  expect(settled).toHaveLength(1);
  expect(settled[0]?.rows.map(({ json }) => json)).toEqual(['[1]', '[2]', '[3]']);
  expect([...(settled[0]?.next ?? [])]).toEqual([
    [0, '7'],
    [3, '8'],
  ]);
});

test.each([
  ['rows', { batchRows: 2 }, {}],
  ['bytes', { batchBytes: 2_000 }, { bytes: 1_000 }],
  ['age', { maxAgeMs: 5 }, {}],
])('a batch is settled by %s, without being asked', async (_by, limits, size) => {
  let first: (batch: Batch) => void = () => {};
  const batch = new Promise<Batch>((resolve) => {
    first = resolve;
  });
  const { lane } = laneWith({ ...limits, settle: async (one) => first(one) });
  lane.add(1, origin(0, size), ['[0]']);
  lane.add(1, origin(1, size), ['[1]']);
  expect((await batch).next.get(0)).toBe('2');
  lane.close();
  await lane.done;
});

test('a record is never cut: all its rows are in one batch', async () => {
  const { lane, settled } = laneWith({ batchRows: 2 });
  lane.add(1, origin(0), ['[1]', '[2]', '[3]', '[4]', '[5]']);
  lane.close();
  await lane.done;
  expect(settled.map(({ rows }) => rows.length)).toEqual([5]);
});

test('batches are settled one at a time, in order', async () => {
  const order: string[] = [];
  const { lane } = laneWith({
    batchRows: 1,
    settle: async (batch) => {
      order.push(`start ${batch.next.get(0)}`);
      await new Promise(setImmediate);
      order.push(`end ${batch.next.get(0)}`);
    },
  });
  lane.add(1, origin(0), ['[0]']);
  lane.add(1, origin(1), ['[1]']);
  lane.close();
  await lane.done;
  expect(order).toEqual(['start 1', 'end 1', 'start 2', 'end 2']);
});

test('records of two generations are never in one batch', async () => {
  const { lane, settled } = laneWith();
  lane.add(1, origin(0), ['[0]']);
  lane.add(2, origin(0), ['[0]']);
  lane.close();
  await lane.done;
  expect(settled.map(({ generation }) => generation)).toEqual([1, 2]);
});

test('a lane is full while more than its bound waits or is being inserted, then says that there is room', async () => {
  let finish: () => void = () => {};
  const inserted = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const { lane, rooms } = laneWith({ batchRows: 1, bufferBytes: 2_500, settle: () => inserted });
  lane.add(1, origin(0, { bytes: 1_000 }), ['[0]']);
  expect(lane.isFull).toBe(false);
  lane.add(1, origin(1, { bytes: 1_000 }), ['[1]']);
  expect(lane.isFull).toBe(true);
  finish();
  lane.close();
  await lane.done;
  expect(lane.isFull).toBe(false);
  expect(lane.heldBytes).toBe(0);
  expect(rooms).toHaveLength(1);
});

test('a failure to settle ends the lane and is told', async () => {
  const { lane } = laneWith({ batchRows: 1, settle: () => Promise.reject(new Error('no broker')) });
  lane.add(1, origin(0), ['[0]']);
  await expect(lane.done).rejects.toThrow('no broker');
});
