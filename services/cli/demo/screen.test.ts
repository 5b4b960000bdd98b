import { openScreen } from './screen.js';

function terminal(columns: number, rows: number) {
  const written: string[] = [];
  return { columns, rows, written, write: (text: string) => written.push(text) > 0 };
}

describe('the screen', () => {
  test('draws over what it drew before, counting lines that wrap', () => {
    const out = terminal(10, 40);
    const screen = openScreen(out);
    screen.draw(['short', 'a line of 25 columns here']);
    screen.draw(['short']);
    expect(out.written[1]).not.toContain('A\r');
    expect(out.written[2]).toContain('\u001b[4A\r');
  });

  test('draws no more than fits, so that it can be drawn over', () => {
    const out = terminal(80, 11);
    const screen = openScreen(out);
    screen.draw(Array.from({ length: 30 }, (_, index) => `line ${index}`));
    expect(out.written[1]).toContain('line 9');
    expect(out.written[1]).not.toContain('line 10');
  });

  test('gives the cursor back once', () => {
    const out = terminal(80, 24);
    const screen = openScreen(out);
    screen.end();
    screen.end();
    expect(out.written.filter((text) => text === '\u001b[?25h')).toHaveLength(1);
  });
});
