import { localStamp } from '../stamps.js';

export interface Scale {
  readonly from: number;
  readonly to: number;
  /** to pixels */
  at(value: number): number;
}

export function scaleOf(from: number, to: number, start: number, end: number): Scale {
  const span = to > from ? to - from : 1;
  return { from, to, at: (value) => start + ((value - from) / span) * (end - start) };
}

/** Round numbers between two bounds, about `count` of them. */
export function ticksOf(from: number, to: number, count: number): number[] {
  if (!(to > from)) return [from];
  const rough = (to - from) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? 10 * power;
  const ticks: number[] = [];
  for (let i = Math.ceil(from / step); i * step <= to + step * 1e-9; i++)
    ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  1000,
  10_000,
  MINUTE,
  5 * MINUTE,
  15 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  14 * DAY,
  28 * DAY,
  91 * DAY,
  365 * DAY,
];

/** Times to mark between two instants, at most `count`, with their words in a time zone. */
export function timeTicks(
  from: number,
  to: number,
  count: number,
  zone: string,
): { readonly ms: number; readonly text: string }[] {
  const step = STEPS.find((size) => (to - from) / size <= count) ?? (to - from) / count;
  const ticks: { ms: number; text: string }[] = [];
  // from the zone's own midnight on, so that days begin where people's days do
  const midnight = Date.parse(`${localStamp(from, zone).slice(0, 10)}T00:00:00Z`);
  const offset = Date.parse(`${localStamp(from, zone).replace(' ', 'T')}Z`) - Math.floor(from / 1000) * 1000;
  let first = midnight - offset;
  if (step >= DAY) while (first < from) first += DAY;
  else while (first < from) first += step;
  for (let ms = first; ms <= to; ms += step) {
    const stamp = localStamp(ms, zone);
    const text = step >= DAY ? stamp.slice(0, 10) : step >= MINUTE ? stamp.slice(5, 16) : stamp.slice(11);
    ticks.push({ ms, text });
  }
  return ticks;
}
