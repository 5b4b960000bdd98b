import type { Schedule } from '../streams/feed.js';

/** When something happened to events that were due by a schedule, by the event's position in the stream. */
export type Moments = ReadonlyMap<number, number>;

/** epoch ms at which the event at a position was due */
export function dueAt(position: number, { at, from }: Schedule, eventsPerSecond: number): number {
  return at + ((position - from) * 1000) / eventsPerSecond;
}

/**
 * Milliseconds from when an event was due until it happened, of the events of the schedule. What was sent late counts
 * from when it was due: a sender that waits for a slow system would otherwise hide just the slow moments.
 */
export function delaysOf(moments: Moments, schedule: Schedule, eventsPerSecond: number): number[] {
  const delays: number[] = [];
  for (const [position, at] of moments)
    if (position >= schedule.from) delays.push(at - dueAt(position, schedule, eventsPerSecond));
  return delays;
}

/** 'p17' → 17: the generator names payments by their position. */
export function positionOf(eventId: string): number | undefined {
  const match = /^p(\d+)$/.exec(eventId);
  return match ? Number(match[1]) : undefined;
}
