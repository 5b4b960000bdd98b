import { type EventSource, skip, take } from './source.js';

/** 10 events in batches of 4; events 1 and 6 are bad */
const tenEvents: EventSource<{ n: number }> = {
  pipeline: 'test',
  schemaName: 'test',
  *batches(position = 0) {
    for (let at = position; at < 10; at += 4) {
      const numbers = Array.from({ length: Math.min(4, 10 - at) }, (_, i) => at + i);
      yield {
        position: at,
        keys: numbers.map((n) => `k${n}`),
        events: numbers.map((n) => ({ n })),
        times: numbers.map(() => 5),
        truth: numbers.flatMap((n, index) =>
          n === 1 || n === 6
            ? [
                {
                  index,
                  record: {
                    type: 'event' as const,
                    pipeline: 'test',
                    entity: 'e',
                    eventId: `${n}`,
                    time: 5,
                    kind: 'bad',
                  },
                },
              ]
            : [],
        ),
      };
    }
  },
};

async function collect(source: EventSource<{ n: number }>, position?: number) {
  const events: number[] = [];
  const truth: string[] = [];
  for await (const batch of source.batches(position)) {
    events.push(...batch.events.map((event) => event.n));
    truth.push(...batch.truth.map((mark) => (mark.record.type === 'event' ? mark.record.eventId : '')));
  }
  return { events, truth };
}

describe('take', () => {
  it('gives the first events and the truth of no other', async () => {
    expect(await collect(take(tenEvents, 6))).toEqual({ events: [0, 1, 2, 3, 4, 5], truth: ['1'] });
    expect(await collect(take(tenEvents, 7))).toEqual({ events: [0, 1, 2, 3, 4, 5, 6], truth: ['1', '6'] });
    expect(take(tenEvents, 7).total).toBe(7);
  });

  it('counts positions from the beginning of the stream', async () => {
    expect((await collect(take(tenEvents, 6), 3)).events).toEqual([3, 4, 5]);
    expect((await collect(take(tenEvents, 6), 6)).events).toEqual([]);
  });

  it('gives all of a shorter source', async () => {
    expect((await collect(take(tenEvents, 50))).events).toHaveLength(10);
  });
});

describe('skip', () => {
  it('leaves the first events out and counts positions from the first that is left', async () => {
    expect(await collect(skip(tenEvents, 5))).toEqual({ events: [5, 6, 7, 8, 9], truth: ['6'] });
    expect((await collect(skip(tenEvents, 5), 2)).events).toEqual([7, 8, 9]);
    for await (const batch of skip(tenEvents, 5).batches())
      expect(batch.position).toBe(batch.events[0]!.n - 5);
    expect(skip(take(tenEvents, 7), 5).total).toBe(2);
  });
});
