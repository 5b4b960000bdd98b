/** How far a contender was at a moment: what its rate is made of. */
export interface Look {
  /** events done since it started */
  readonly done: number;
  /** epoch ms */
  readonly at: number;
  /** CPU seconds that its process has used so far; undefined where the system doesn't say */
  readonly cpu?: number | undefined;
}

export interface Steady {
  readonly eventsPerSecond: number;
  /** of CPU time; undefined where the system doesn't say */
  readonly microsPerEvent: number | undefined;
}

/**
 * What lies before the first share is start-up, fetching ahead and JIT compilation; after the second one partitions run
 * dry one after another. Neither is counted, of anybody.
 */
export const WINDOW = { from: 0.2, to: 0.98 } as const;

/** The rate between the first look in the window and the last one. */
export function steady(looks: readonly Look[], events: number): Steady {
  const inside = looks.filter(({ done }) => done >= WINDOW.from * events && done <= WINDOW.to * events);
  const first = inside[0];
  const last = inside[inside.length - 1];
  if (first === undefined || last === undefined || last.at <= first.at || last.done <= first.done)
    throw new Error(`${events} events are done too fast to be measured; take more with --events`);
  const count = last.done - first.done;
  const cpu = first.cpu === undefined || last.cpu === undefined ? undefined : last.cpu - first.cpu;
  return {
    eventsPerSecond: (1000 * count) / (last.at - first.at),
    microsPerEvent: cpu === undefined ? undefined : (1e6 * cpu) / count,
  };
}

/** A line of a contender's output; undefined for one that says something else. */
export function lookIn(line: string): Look | undefined {
  if (!line.startsWith('{"done":')) return undefined;
  const { done, at } = JSON.parse(line) as { done: unknown; at: unknown };
  if (typeof done !== 'number' || typeof at !== 'number')
    throw new TypeError(`not a look: ${line}; it takes numbers done and at`);
  return { done, at };
}
