import { columnsOf, withoutColours } from '../format.js';

type Out = Pick<NodeJS.WriteStream, 'write' | 'columns' | 'rows'>;

export interface Screen {
  readonly width: number;
  draw(lines: readonly string[]): void;
  /** leaves the last picture where it is and gives the cursor back */
  end(): void;
}

const WIDTH = 100;

/** Draws lines over the ones drawn before, in place, without clearing first (which would flicker). */
export function openScreen(out: Out): Screen {
  let drawn = 0;
  let open = true;
  out.write('\u001b[?25l');
  return {
    get width() {
      return Math.min(out.columns ?? WIDTH, 140) - 1;
    },
    draw(lines) {
      const columns = out.columns ?? WIDTH;
      // a picture taller than the terminal couldn't be drawn over again: its end would scroll away
      let room = out.rows ? Math.max(5, out.rows - 1) : Number.POSITIVE_INFINITY;
      const shown: string[] = [];
      let height = 0;
      for (const line of lines) {
        // a line that is wider than the terminal takes several rows
        const rows = Math.max(1, Math.ceil(columnsOf(withoutColours(line)) / columns));
        if (rows > room) break;
        room -= rows;
        height += rows;
        shown.push(line);
      }
      const up = drawn > 0 ? `\u001b[${drawn}A\r` : '';
      out.write(`${up}${shown.map((line) => `${line}\u001b[0K\n`).join('')}\u001b[0J`);
      drawn = height;
    },
    end() {
      if (!open) return;
      open = false;
      out.write('\u001b[?25h');
    },
  };
}
