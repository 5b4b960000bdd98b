import { startProgress } from './progress.js';

function recorder(isTTY: boolean) {
  const written: string[] = [];
  return { written, out: { isTTY, columns: 80, write: (text: string) => written.push(text) > 0 } };
}

describe('progress', () => {
  test('writes a plain line every few seconds where there is no terminal', () => {
    let at = 0;
    const { written, out } = recorder(false);
    const progress = startProgress('writing', out, () => at);
    for (at = 1000; at <= 12_000; at += 1000) progress.update(at, 20_000);
    progress.finish();
    expect(written).toEqual([
      'writing: 1,000 of 20,000, 1,000/s, 19 s left\n',
      'writing: 6,000 of 20,000, 1,000/s, 14 s left\n',
      'writing: 11,000 of 20,000, 1,000/s, 9.0 s left\n',
      'writing: done, 13 s\n',
    ]);
  });

  test('redraws one line on a terminal, no wider than it', () => {
    let at = 0;
    const { written, out } = recorder(true);
    const progress = startProgress('writing', out, () => at);
    at = 500;
    progress.update(50, 100, 'a note that is much too long for the rest of this line, so it is cut');
    expect(written).toHaveLength(1);
    expect(written[0]).toMatch(/^\r.\[2Kwriting \[█{12}░{12}\] 50 of 100, 100\/s, 0\.5 s left, a note/);
    expect((written[0] ?? '').length).toBeLessThanOrEqual(5 + 79);
  });
});
