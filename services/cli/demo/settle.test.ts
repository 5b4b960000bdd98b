import { type Behind, settle } from './settle.js';

const late: Behind[] = [{ name: 'sink', topic: 'riskwire.risks', records: 7 }];
const options = (lags: Behind[][], pending: number[], timeoutMs = 5000) => {
  let call = -1;
  const at = <T>(values: T[]) => values[Math.min(call, values.length - 1)] as T;
  return {
    lag: async () => {
      call += 1;
      return at(lags);
    },
    pendingDeliveries: async () => at(pending),
    timeoutMs,
    pollMs: 1,
    signal: new AbortController().signal,
    calls: () => call + 1,
  };
};

describe('settling', () => {
  test('needs two quiet looks in a row: what one service finishes is the next one’s work', async () => {
    const quietThenLate = options([[], late, [], []], [0]);
    await expect(settle(quietThenLate)).resolves.toEqual([]);
    expect(quietThenLate.calls()).toBe(4);
  });

  test('waits for pending deliveries', async () => {
    const delivering = options([[]], [3, 1, 0, 0]);
    await expect(settle(delivering)).resolves.toEqual([]);
    expect(delivering.calls()).toBe(4);
  });

  test('says what is open when the time is over', async () => {
    await expect(settle(options([late], [2], 20))).resolves.toEqual([
      'the sink is 7 records behind in riskwire.risks',
      '2 deliveries are pending',
    ]);
  });

  test('ends when it is asked to', async () => {
    const stopped = AbortSignal.abort(new Error('stopped'));
    await expect(settle({ ...options([late], [0]), signal: stopped })).rejects.toThrow('stopped');
  });
});
