import { LagGate } from './lag-gate.js';

const never = new AbortController().signal;

/** Two partitions; the group has committed what the test says. */
function gateOver(committed: [number, number], bounds = {}) {
  let reads = 0;
  const admin = {
    fetchTopicOffsets: async () =>
      [0, 1].map((partition) => ({ partition, offset: '100', high: '100', low: '40' })),
    fetchOffsets: async () => {
      reads++;
      return [
        {
          topic: 't',
          partitions: committed.map((offset, partition) => ({
            partition,
            offset: String(offset),
            metadata: null,
          })),
        },
      ];
    },
  };
  return { gate: new LagGate(admin, 'g-scorer', bounds), reads: () => reads };
}

const settled = (promise: Promise<void>) =>
  Promise.race([
    promise.then(() => true),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 150)),
  ]);

describe('LagGate', () => {
  it('counts what lay there unread: from the beginning for a group that has committed nothing', async () => {
    const { gate } = gateOver([-1, 90]);
    await gate.watch('t');
    expect(gate.largest('t')).toEqual({ messages: 60, bytes: 0 });
  });

  it('lets through without asking as long as there is room', async () => {
    const { gate, reads } = gateOver([100, 100], { messages: 10, bytes: 1_000 });
    await gate.watch('t');
    await gate.room('t', 4, 400, never);
    gate.appended('t', 0, 100, 4, 400);
    await gate.room('t', 6, 600, never);
    expect(reads()).toBe(1);
  });

  it.each([
    ['messages', 10, 100, 1, 1],
    ['bytes', 1, 1_000, 1, 1],
  ])(
    'holds back when one partition has its bound in %s, until the group has read',
    async (_what, count, bytes, next, nextBytes) => {
      const committed: [number, number] = [100, 100];
      const { gate } = gateOver(committed, { messages: 10, bytes: 1_000 });
      await gate.watch('t');
      gate.appended('t', 1, 100, count, bytes);
      const room = gate.room('t', next, nextBytes, never);
      expect(await settled(room)).toBe(false);
      committed[1] = 100 + count;
      await room;
      expect(gate.largest('t')).toEqual({ messages: 0, bytes: 0 });
    },
  );

  it('counts the bytes of a group of messages until all of it is committed', async () => {
    const { gate } = gateOver([105, 100]);
    await gate.watch('t');
    gate.appended('t', 0, 100, 10, 1_000);
    gate.appended('t', 0, 110, 10, 500);
    expect(gate.largest('t').bytes).toBe(1_500);
  });

  it('lets a group larger than the bound through alone', async () => {
    const { gate } = gateOver([100, 100], { messages: 10, bytes: 1_000 });
    await gate.watch('t');
    await gate.room('t', 1, 2_000_000, never);
  });

  it('gives up on a group that stands still, and says what to do', async () => {
    const { gate } = gateOver([100, 100], { messages: 10, stallMs: 120 });
    await gate.watch('t');
    gate.appended('t', 0, 100, 10, 10);
    await expect(gate.room('t', 1, 1, never)).rejects.toThrow(
      /g-scorer has read nothing of t for 0.12 s, with 10 messages.*start a scorer/,
    );
  });

  it('ends its wait when it is asked to', async () => {
    const { gate } = gateOver([100, 100], { messages: 10 });
    await gate.watch('t');
    gate.appended('t', 0, 100, 10, 10);
    const stopping = new AbortController();
    const room = gate.room('t', 1, 1, stopping.signal);
    stopping.abort();
    await expect(room).rejects.toMatchObject({ name: 'AbortError' });
  });
});
