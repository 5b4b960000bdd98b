import { formatCount, formatSeconds } from './format.js';

export interface Progress {
  /** `total` 0 when it isn't known */
  update(done: number, total: number, note?: string): void;
  finish(note?: string): void;
}

type Out = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>;

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5000;

/**
 * Progress of long work. On a terminal one line that is redrawn; elsewhere a line every few seconds, so that a
 * log stays readable. It is written to stderr: stdout belongs to results.
 */
export function startProgress(
  title: string,
  out: Out = process.stderr,
  now: () => number = Date.now,
): Progress {
  const started = now();
  let written = Number.NEGATIVE_INFINITY;

  const describe = (done: number, total: number, note: string): string => {
    const seconds = (now() - started) / 1000;
    const rate = seconds > 0 ? done / seconds : 0;
    const parts = [total > 0 ? `${formatCount(done)} of ${formatCount(total)}` : formatCount(done)];
    if (rate > 0) parts.push(`${formatCount(rate)}/s`);
    if (rate > 0 && total > done) parts.push(`${formatSeconds((total - done) / rate)} left`);
    if (note) parts.push(note);
    return parts.join(', ');
  };

  return {
    update(done, total, note = '') {
      if (now() - written < (out.isTTY ? REDRAW_MS : PLAIN_LINE_MS)) return;
      written = now();
      if (!out.isTTY) {
        out.write(`${title}: ${describe(done, total, note)}\n`);
        return;
      }
      const bar = total > 0 ? `${drawBar(done / total, 24)} ` : '';
      const line = `${title} ${bar}${describe(done, total, note)}`;
      out.write(`\r\u001b[2K${line.slice(0, (out.columns ?? 80) - 1)}`);
    },
    finish(note = 'done') {
      const line = `${title}: ${note}, ${formatSeconds((now() - started) / 1000)}`;
      out.write(out.isTTY ? `\r\u001b[2K${line}\n` : `${line}\n`);
    },
  };
}

function drawBar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return `[${'█'.repeat(full)}${'░'.repeat(width - full)}]`;
}
