import type { PartitionScorer } from '../../detection/scoring.js';
import { SlabPages } from '../../detection/state/paged-state.js';
import { Slab } from '../../detection/state/slab.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { CheckpointLog } from './checkpoint.js';
import { Checkpointing, type CheckpointingDependencies } from './checkpointing.js';
import { Outbox } from './outbox.js';
import type { Spill } from './spill.js';

const INTERVAL_MS = 5_000;
const BYTES_AN_ENTITY = 1000;

/** A partition with so many entities that has just been taken up. `spill` is busy for so many ms while it is written. */
function partition({ entities = 0, spillMs = 0 } = {}) {
  const clock = { ms: 1_000_000 };
  const sent: { key: string; value: Buffer | null }[] = [];
  const committed: string[] = [];
  let rebalancing = false;
  const slab = new Slab([{ name: 'habit', size: BYTES_AN_ENTITY / 4 }], 1_000_000, 1);
  // As many as it says, without the memory.
  Object.defineProperty(slab, 'size', { value: entities });
  const scorer = {
    entities: slab,
    parts: { domains: new SlabPages(new Slab([], 10)), entities: new SlabPages(slab) },
    modelId: 'm',
    budgetState: [],
    flush() {},
  } as unknown as PartitionScorer;
  const spill = {
    size: 0,
    rowsOf: () => ({
      rows: 1,
      *pages() {
        for (const until = performance.now() + spillMs; performance.now() < until; );
        yield new Uint8Array(10);
      },
      close() {},
    }),
  } as unknown as Spill;
  const checkpointing = new Checkpointing(
    { name: 'p', topic: 't' } as Pipeline,
    0,
    INTERVAL_MS,
    { scorer, spill, log: new CheckpointLog() },
    new Outbox(1),
    {
      producer: {
        send: async ({ messages }: { messages: typeof sent }) => {
          sent.push(...messages);
          return [];
        },
      },
      names: { state: () => 'state.p' },
      now: () => clock.ms,
      commit: async (_topic: string, _partition: number, next: string) => {
        if (!rebalancing) committed.push(next);
        return !rebalancing;
      },
    } as unknown as CheckpointingDependencies,
  );
  checkpointing.restored();
  const pass = (ms: number, worked: number) => {
    clock.ms += ms;
    checkpointing.worked(worked);
  };
  const checkpoint = async (next: bigint) => {
    checkpointing.start(next, 0);
    await checkpointing.done();
    expect(checkpointing.failure).toBeUndefined();
  };
  const rebalance = (now: boolean) => {
    rebalancing = now;
  };
  return { checkpointing, checkpoint, pass, rebalance, sent, committed };
}

test('a small state is checkpointed every so often', () => {
  const { checkpointing, pass } = partition({ entities: 100 });
  pass(INTERVAL_MS - 1, 4000);
  expect(checkpointing.due).toBe(false);
  pass(1, 1);
  expect(checkpointing.due).toBe(true);
});

test('a large one waits until enough was scored for it, the first one too, but not for long', () => {
  // 300 MB take about a second, and a checkpoint may take a fiftieth of the work.
  const { checkpointing, pass } = partition({ entities: 300_000 });
  pass(INTERVAL_MS, 4000);
  expect(checkpointing.due).toBe(false);
  pass(14_999, 14_000);
  expect(checkpointing.due).toBe(false);
  pass(1, 1);
  expect(checkpointing.due).toBe(true);

  const smaller = partition({ entities: 30_000 });
  smaller.pass(INTERVAL_MS, 4400);
  expect(smaller.checkpointing.due).toBe(false);
  smaller.pass(200, 200);
  expect(smaller.checkpointing.due).toBe(true);
});

test('a partition that rests waits for no work', () => {
  const { checkpointing, pass } = partition({ entities: 300_000 });
  pass(INTERVAL_MS, 100);
  expect(checkpointing.due).toBe(true);
});

test('what it takes to read spilled entities counts', async () => {
  const { checkpointing, pass } = partition({ spillMs: 40 });
  checkpointing.start(7n, 0);
  await checkpointing.done();
  expect(checkpointing.failure).toBeUndefined();
  // 40 ms and sending what was read, fifty times.
  pass(INTERVAL_MS, 4900);
  expect(checkpointing.due).toBe(false);
});

test('offsets that a checkpoint could not commit for a rebalance are committed later, without another checkpoint', async () => {
  const { checkpoint, rebalance, sent, committed } = partition();
  rebalance(true);
  await checkpoint(7n);
  const written = sent.length;
  expect({ written: written > 0, committed }).toEqual({ written: true, committed: [] });
  rebalance(false);
  await checkpoint(7n);
  expect(committed).toEqual(['7']);
  expect(sent.length).toBe(written);
});

test('what the owner before has written and not committed is committed, on pages of its own, though no event comes', async () => {
  const { checkpoint, sent, committed } = partition();
  await checkpoint(7n);
  expect({ committed, marker: sent.at(-1)?.key.endsWith('/marker') }).toEqual({
    committed: ['7'],
    marker: true,
  });
  const written = sent.length;
  await checkpoint(7n);
  expect({ committed, written: sent.length }).toEqual({ committed: ['7'], written });
});
