import type { LocalTime } from './local-time.js';
import type { Roles } from './roles.js';
import { readTime } from './times.js';

export interface Pace {
  /** median seconds from one row of a key to its next; NaN when nothing tells */
  readonly gap: number;
  /** whether rows come at a nearly constant pace, as a sensor's do */
  readonly regular: boolean;
}

/** The pace of the rows in a sample. */
export function paceOf(roles: Pick<Roles, 'time' | 'clock' | 'key' | 'zone'>, local: LocalTime): Pace {
  const { time, key, clock, zone } = roles;
  const reading = time?.time;
  if (time === undefined || reading === undefined) return { gap: Number.NaN, regular: true };
  const rows = time.cells
    .map((cell, row) => ({
      ms: readTime(
        clock === undefined ? cell : `${String(cell)} ${String(clock.cells[row])}`,
        reading,
        zone,
        local,
      ).ms,
      key: key === undefined ? '' : String(key.cells[row]),
    }))
    .filter(({ ms }) => !Number.isNaN(ms))
    .sort((a, b) => a.ms - b.ms);
  const last = new Map<string, number>();
  const gaps: number[] = [];
  for (const { ms, key: of } of rows) {
    const before = last.get(of);
    if (before !== undefined && ms > before) gaps.push((ms - before) / 1000);
    last.set(of, ms);
  }
  gaps.sort((a, b) => a - b);
  const gap = gaps[gaps.length >> 1] ?? Number.NaN;
  const near = gaps.filter((seconds) => seconds > 0.5 * gap && seconds < 1.5 * gap).length;
  return { gap, regular: gaps.length === 0 || near >= 0.5 * gaps.length };
}
